"""What can be checked of the documentation without running the product."""

import re
import tomllib
from pathlib import Path

import pytest
from cyclopts import App

from rootcoz.api.app import create_app
from rootcoz.api.options import DEFAULT_PROVIDER
from rootcoz.cli.main import app as command_line
from rootcoz.settings import Settings, environment_name
from rootcoz.worker.service import open_services

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("changelog.d/*.md"), *ROOT.glob("docs/**/*.md")],
    key=str,
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
UNFINISHED = re.compile(r"\b(TODO|TBD|FIXME|XXX|coming soon|lorem ipsum)\b", re.IGNORECASE)


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_page_links_only_to_what_exists(page: Path) -> None:
    dead = []
    for target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            dead.append(target)

    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_page_promises_nothing_unfinished(page: Path) -> None:
    assert not UNFINISHED.findall(page.read_text(encoding="utf-8"))


def test_every_page_is_in_the_site_s_navigation() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    listed: set[str] = set()
    for entry in site["nav"]:
        for pages in entry.values():
            listed.update([pages] if isinstance(pages, str) else pages)

    assert listed == {str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md")}


def test_every_decision_has_context_decision_consequences_and_alternatives() -> None:
    incomplete = [
        record.name
        for record in ROOT.glob("docs/decisions/[0-9]*.md")
        if not {"context", "decision", "consequences", "alternatives"} <= anchors(record)
    ]

    assert not incomplete


def test_the_architecture_page_names_every_package() -> None:
    packages = {init.parent.name for init in ROOT.glob("src/rootcoz/*/__init__.py")}
    named = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/explanation/architecture.md").read_text("utf-8")))

    assert packages <= named


def test_the_settings_page_names_every_setting_and_no_other() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| `([a-z_]+)` \|", page, re.MULTILINE))

    assert rows == {environment_name(name): name for name in Settings.model_fields}


def test_the_settings_page_states_the_defaults() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    stated = dict(re.findall(r"^\| `[A-Z_]+` \| `([a-z_]+)` \| `([^`]*)` \|", page, re.MULTILINE))
    defaults = {
        name: str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        for name, field in Settings.model_fields.items()
        if field.default not in {None, "", ()} and field.default_factory is None
    }

    assert stated == {**defaults, "ai_provider": DEFAULT_PROVIDER}


def test_the_api_page_names_every_endpoint_and_no_other() -> None:
    page = (ROOT / "docs/reference/api.md").read_text("utf-8")
    served = {
        (method.upper(), path)
        for path, operations in create_app(Settings(), open_services).openapi()["paths"].items()
        for method in operations
    }

    assert set(re.findall(r"^\| `([A-Z]+) ([^`]+)` \|", page, re.MULTILINE)) == served


def commands(app: App, *above: str) -> list[tuple[str, ...]]:
    """Every command that does something, as the words that call it."""
    found = []
    for name in app:
        if name.startswith("-"):
            continue
        below = commands(app[name], *above, name)
        found += below or [(*above, name)]
    return found


@pytest.mark.parametrize("words", commands(command_line), ids=" ".join)
def test_the_command_line_page_names_every_command_with_its_options(words: tuple[str, ...]) -> None:
    page = (ROOT / "docs/reference/command-line.md").read_text("utf-8")
    command = command_line
    for word in words:
        command = command[word]
    section = next(part for part in page.split("\n## ") if f"    rootcoz {' '.join(words)}" in part)
    silent = [
        argument.names
        for argument in command.assemble_argument_collection()
        if argument.index is None and not any(f"`{name}" in section for name in argument.names)
    ]

    assert not silent
