"""What an AI may look at besides the failure itself: clones of repositories and the build's artifacts.

Its consoles are the business of `consoles`.

Everything here is help, not a condition: what cannot be had becomes a note, and the questions are asked all the same.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rootcoz.domain.analysis import JenkinsOrder, PromptUse, RepositoryOrder
from rootcoz.domain.errors import InvalidInput, OutsideError
from rootcoz.domain.finding import Answer, CodeFix, Evidence, Finding
from rootcoz.evidence.claims import is_significant
from rootcoz.evidence.secrets import Redactor
from rootcoz.prompts.texts import text_digest
from rootcoz.sources.jenkins.artifacts import ArtifactLimits, download_artifacts
from rootcoz.sources.jenkins.client import JenkinsAccess, JenkinsClient
from rootcoz.sources.jenkins.names import name_of
from rootcoz.workspace.addresses import repository
from rootcoz.workspace.artifacts import unpack_in_thread
from rootcoz.workspace.compression import format_of
from rootcoz.workspace.folder import Workspace, measure
from rootcoz.workspace.prompt_files import AdviceKind, PromptFiles, read_prompt_files
from rootcoz.workspace.repositories import clone
from rootcoz.workspace.search import WorkspaceFiles

QUOTABLE = ("repos", "build-artifacts", "consoles")
"""Folders of the workspace whose files may prove a quotation."""
TESTS_DEPTH, OTHER_DEPTH = 50, 1
"""Commits that are fetched: of the tests repository enough to see what changed lately."""
CLONE_TIMEOUT_S = 600.0
CLONE_LIMIT = 2_000_000_000
"""Bytes of one clone."""
_MB = 1_000_000
_HEAD = 8_192


@dataclass(frozen=True, slots=True)
class Materials:
    """What lies in the workspace."""

    listing: tuple[str, ...] = ()
    """A line for each folder that an AI should know of: its path and what it is."""
    advice: str = ""
    """What the tests repository advises; untrusted."""
    advice_from: tuple[PromptUse, ...] = ()
    """The file that it stands in."""
    notes: tuple[str, ...] = ()
    """Sentences about what could not be had."""


NOTHING_ELSE = Materials()


async def gather_repositories(
    workspace: Workspace,
    orders: Sequence[RepositoryOrder],
    tokens: Mapping[str, str],
    *,
    scratch: Path | None = None,
) -> Materials:
    """Clone the repositories side by side. `tokens` are by the repository's name.

    `scratch` is the folder for git's private ones (default: the system's).
    """
    cloned = await asyncio.gather(
        *(_clone(workspace, order, tokens.get(order.name), scratch) for order in orders)
    )
    return _joined(cloned)


async def gather_artifacts(workspace: Workspace, order: JenkinsOrder, access: JenkinsAccess) -> Materials:
    """Download the build's artifacts, unpack them, and remove secrets from what is text."""
    limits = ArtifactLimits(order.artifacts_max_mb * _MB, order.artifacts_max_mb * _MB)
    notes: list[str] = []
    try:
        async with JenkinsClient(access) as client:
            name = name_of(order.job_name, order.build_number)
            reply = await client.build(name)
            paths = [artifact.relative_path for artifact in reply.artifacts]
            if not paths:
                return Materials()
            download = await download_artifacts(client, name, paths, workspace.artifacts, limits)
    except OutsideError as error:
        return Materials(notes=(f"The build's artifacts could not be read: {error}",))
    notes += download.notes
    for file in download.files:
        if await asyncio.to_thread(_is_archive, file.path):
            report = await unpack_in_thread(file.path, file.path.with_name(file.path.name + ".unpacked"))
            notes += report.notes
            file.path.unlink(missing_ok=True)
    await asyncio.to_thread(remove_secrets_below, workspace.artifacts)
    files = (await asyncio.to_thread(measure, workspace.artifacts)).files
    listing = (f"`build-artifacts/`: what the build kept, {files} files",) if files else ()
    return Materials(listing, notes=tuple(notes))


def remove_secrets_below(folder: Path) -> None:
    """Rewrite every text file without its secrets. Files that are no text are left: nobody quotes from them."""
    for path in _files(folder):
        with path.open("rb") as file:
            if b"\x00" in file.read(_HEAD):
                continue
        cleaned = path.with_name(path.name + ".cleaned~")
        with (
            path.open(encoding="utf-8", errors="replace", newline="") as dirty,
            cleaned.open("w", encoding="utf-8", newline="") as clean,
        ):
            lines = (line.rstrip("\n") for line in dirty)
            clean.writelines(f"{line}\n" for line in Redactor().lines(lines))
        cleaned.replace(path)


def check_in_workspace(answer: Answer, root: Path) -> Answer:
    """Look up what the failure's own texts do not hold: quotations in any of QUOTABLE, places in clones.

    The folders of the questions themselves do not count: a model's earlier answer would prove its own quotations.
    """
    there = [folder for folder in QUOTABLE if (root / folder).is_dir()]
    places = {f"{folder}/": WorkspaceFiles(root / folder) for folder in there}
    evidence = tuple(_checked(item, places) for item in answer.evidence)
    answer = replace(answer, evidence=evidence)
    if isinstance(answer, Finding) and answer.code_fix is not None and not answer.code_fix.verified:
        return replace(answer, code_fix=_placed(answer.code_fix, WorkspaceFiles(root / "repos")))
    return answer


async def _clone(
    workspace: Workspace, order: RepositoryOrder, token: str | None, scratch: Path | None
) -> Materials:
    folder = workspace.repository(order.name)
    try:
        spec = repository(order.name, order.url, ref=order.ref, token=token)
        depth = TESTS_DEPTH if order.is_tests else OTHER_DEPTH
        cloned = await clone(
            spec,
            folder,
            depth=depth,
            timeout_s=CLONE_TIMEOUT_S,
            max_bytes=CLONE_LIMIT,
            scratch=scratch,
        )
    except (OutsideError, InvalidInput, OSError) as error:
        return Materials(notes=(f"Repository {order.name} is missing: {error}",))
    what = "the tests' repository" if order.is_tests else "a repository of the product"
    listing = f"`repos/{order.name}/`: clone of {what} at {cloned.ref or cloned.commit[:12]}"
    files = await asyncio.to_thread(read_prompt_files, folder) if order.is_tests else None
    return Materials(
        (listing,),
        advice=files.text(AdviceKind.ANALYSIS) if files else "",
        advice_from=_prompt_files(files) if files else (),
        notes=(*cloned.notes, *(files.notes if files else ())),
    )


def _prompt_files(files: PromptFiles) -> tuple[PromptUse, ...]:
    """The one whose text becomes part of a question."""
    return tuple(
        PromptUse(advice.file, text_digest(advice.text))
        for advice in files.advice
        if advice.kind is AdviceKind.ANALYSIS
    )


def _joined(parts: Sequence[Materials]) -> Materials:
    return Materials(
        tuple(line for part in parts for line in part.listing),
        "\n\n".join(part.advice for part in parts if part.advice),
        tuple(use for part in parts for use in part.advice_from),
        tuple(note for part in parts for note in part.notes),
    )


def joined(one: Materials, other: Materials) -> Materials:
    """Both together."""
    return _joined((one, other))


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return format_of(file.read(_HEAD)) is not None


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder, followlinks=False):
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _checked(item: Evidence, places: Mapping[str, WorkspaceFiles]) -> Evidence:
    if item.verified or not is_significant(item.quote):
        return item
    # Where it is said to stand first: the same line may be in a console and in an artifact.
    for prefix, files in sorted(places.items(), key=lambda place: not item.source.startswith(place[0])):
        first = item.source.removeprefix(prefix)
        if match := files.find_quotation(item.quote, first=first):
            return replace(item, source=prefix + match.path, line=match.line, verified=True)
    return item


def _placed(fix: CodeFix, clones: WorkspaceFiles) -> CodeFix:
    """The fix, verified when exactly one file of the clones is meant and has the line."""
    found = clones.locate(fix.file.removeprefix("repos/"))
    first_line = fix.line.partition("-")[0].strip()
    holds = len(found) == 1 and (
        not first_line or (first_line.isdecimal() and clones.has_line(found[0], int(first_line)))
    )
    return replace(fix, verified=holds)
