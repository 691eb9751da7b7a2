"""The report for a terminal: groups under ruled headings, at any width, with or without colour or Unicode."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rootcoz.cli.report.debate_story import debate_lines, headline
from rootcoz.cli.report.finished import Document, FinishedAnalysis, Page
from rootcoz.cli.report.outline import REASONS, Group, Outline, confidence_text, outline, plural
from rootcoz.cli.report.safe_text import excerpt, one_line, shortened
from rootcoz.client.models import CodeFix, EvidenceItem, MatchedIssue, ProductBug

TESTS_SHOWN = 5
GROUPS_IN_FULL = 100
"""More groups than anybody reads at once; the smaller ones get a line each."""
GROUPS_SHOWN = 1_000
_INDENT = 3
_ERROR_CHARACTERS = 400
_DETAIL_CHARACTERS = 6_000
_QUOTE_LINES = 6
_LINE_CHARACTERS = 400
_CODE_LINES = 12
_RAW_LINES = 8

_COLOURS = {"CODE ISSUE": "bold yellow", "PRODUCT BUG": "bold red", "INFRASTRUCTURE": "bold magenta"}
_NO_VERDICT = "bold cyan"


@dataclass(frozen=True, slots=True)
class _Marks:
    verified: str
    unverified: str
    line: str
    dot: str


_UNICODE = _Marks(verified="✓", unverified="?", line="─", dot="·")
_ASCII = _Marks(verified="+", unverified="?", line="-", dot="|")


def render(finished: FinishedAnalysis, page: Page) -> list[Document]:
    """One document of lines without trailing spaces."""
    story = outline(finished.response)
    out = _Paper(page)
    _head(story, out)
    for group in story.groups[:GROUPS_IN_FULL]:
        _group(group, out)
    _short_groups(story, out)
    _foot(story, out)
    return [Document("", out.bytes())]


class _Paper:
    """What is written on: renderables in, bytes out."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.marks = _UNICODE if page.is_unicode else _ASCII
        self._text = io.StringIO()
        self._console = Console(
            file=self._text,
            width=page.width,
            force_terminal=page.color,
            color_system="standard" if page.color else None,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
            # An empty environment: whether there is colour was decided by the caller, from the real one.
            _environ={},
        )

    def line(self, content: RenderableType = "") -> None:
        self._console.print(content)

    def indented(self, content: RenderableType) -> None:
        self._console.print(Padding(content, (0, 0, 0, _INDENT), expand=False))

    def marked(self, mark: Text, content: Text) -> None:
        """A mark, and text that hangs beside it."""
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1, no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(mark, content)
        self.indented(grid)

    def bytes(self) -> bytes:
        lines = (line.rstrip() for line in self._text.getvalue().split("\n"))
        text = "\n".join(lines).strip("\n") + "\n"
        return text.encode(self.page.encoding, "backslashreplace")


def _text(content: str, style: str = "") -> Text:
    return Text(content, style=style, overflow="fold")


def _paragraph(lines: Iterable[str], style: str = "") -> Text:
    return _text("\n".join(lines), style)


def _head(story: Outline, out: _Paper) -> None:
    style = "bold red" if story.failure_count or story.status == "failed" else "bold green"
    out.line(
        _text(shortened(story.summary, 2_000), style if story.status in {"completed", "failed"} else "bold")
    )
    facts = [story.counts, f"by {story.provider}" if story.provider else "", story.duration]
    known = [one_line(fact, 200) for fact in facts if fact]
    if known:
        out.line(_text(f" {out.marks.dot} ".join(known), "dim"))


def _announce(group: Group, out: _Paper) -> None:
    if group.announcement:
        out.line()
        out.line(_text(one_line(group.announcement, _LINE_CHARACTERS), "bold cyan"))


def _group(group: Group, out: _Paper) -> None:
    _announce(group, out)
    out.line()
    out.line(_heading(group, out))
    if group.child:
        out.indented(_text(f"in {one_line(group.child, 300)}", "dim"))
    error = one_line(group.error.strip().partition("\n")[0], _ERROR_CHARACTERS)
    if error:
        out.indented(_text(error, "bold"))
    _remarks(group, out)
    _explanation(group, out)
    if group.analysis.evidence:
        _section("Evidence", out)
        for item in group.analysis.evidence:
            _evidence(item, out)
    if group.analysis.code_fix:
        _code_fix(group.analysis.code_fix, out)
    if group.analysis.product_bug_report:
        _bug(group.analysis.product_bug_report, group.analysis.details, out)
    if group.debate:
        _section(f"Debate: {headline(group.debate)}", out)
        for line in debate_lines(group.debate):
            out.indented(_text(shortened(line, _DETAIL_CHARACTERS)))
    _tests(group, out)


def _remarks(group: Group, out: _Paper) -> None:
    """Why somebody else answered, which issues are closed too soon, and what people decided before."""
    if group.analysis.note.strip():
        out.indented(_text(shortened(group.analysis.note, _LINE_CHARACTERS), "yellow"))
    for line in group.reopened:
        out.indented(_text(one_line(line, _LINE_CHARACTERS), "yellow"))
    for line in group.decided_before:
        out.indented(_text(one_line(line, _LINE_CHARACTERS), "dim"))


def _short_groups(story: Outline, out: _Paper) -> None:
    short = story.groups[GROUPS_IN_FULL:GROUPS_SHOWN]
    if not short:
        return
    out.line()
    dot = out.marks.dot
    for group in short:
        _announce(group, out)
        parts = [str(group.number), one_line(group.verdict, 40), plural(group.size, "failure")]
        error = group.error.strip().partition("\n")[0] or group.tests[0]
        out.line(_text(one_line(f" {dot} ".join([*parts, error]), out.page.width)))
    left = len(story.groups) - GROUPS_IN_FULL - len(short)
    more = f"{plural(left, 'more group')} not shown; " if left else ""
    out.line(_text(f"({more}--format json has all groups in full)", "dim"))


def _heading(group: Group, out: _Paper) -> Text:
    """`── 1 · PRODUCT BUG · 82 % sure · 12 failures ─────── 3fa9c01b2d4e`, as wide as the page."""
    line, dot = out.marks.line, out.marks.dot
    verdict = one_line(group.verdict, 40)
    parts = [confidence_text(group.analysis), plural(group.size, "failure")]
    heading = Text(no_wrap=True, overflow="ellipsis" if out.page.is_unicode else "crop")
    heading.append(f"{line * 2} ", "dim").append(str(group.number), "bold").append(f" {dot} ", "dim")
    heading.append(verdict, _COLOURS.get(verdict, _NO_VERDICT))
    if group.decision:
        heading.append(f" ({one_line(group.decision, 100)})")
    for part in filter(None, parts):
        heading.append(f" {dot} ", "dim").append(part)
    signature = f" {one_line(group.short_signature, 12)}" if group.short_signature else ""
    room = out.page.width - cell_len(heading.plain) - 1 - len(signature)
    if room > 1:
        heading.append(f" {line * room}{signature}", "dim")
    return heading


def _section(title: str, out: _Paper) -> None:
    out.line()
    out.indented(_text(title, "bold underline" if out.page.color else ""))


def _explanation(group: Group, out: _Paper) -> None:
    analysis = group.analysis
    missing = analysis.no_verdict
    if missing or not analysis.classification:
        reason = REASONS.get(missing.reason, one_line(missing.reason, 100)) if missing else ""
        out.line()
        out.indented(_text(f"No verdict: {reason or 'the server gives no reason'}.", _NO_VERDICT))
        if missing and missing.message:
            out.indented(_text(shortened(missing.message, _DETAIL_CHARACTERS)))
    if analysis.details.strip() and not (missing and analysis.details.strip() == missing.message.strip()):
        out.line()
        out.indented(_text(shortened(analysis.details, _DETAIL_CHARACTERS)))
    if missing and missing.raw_text.strip():
        _section("What the provider said", out)
        out.indented(
            _paragraph(excerpt(missing.raw_text, lines=_RAW_LINES, characters=_LINE_CHARACTERS), "dim")
        )


def _mark(out: _Paper, *, verified: bool) -> Text:
    return Text(out.marks.verified, "bold green") if verified else Text(out.marks.unverified, "bold yellow")


def _evidence(item: EvidenceItem, out: _Paper) -> None:
    place = one_line(item.source, 200) + (f":{item.line}" if item.line is not None else "")
    content = _paragraph(excerpt(item.quote, lines=_QUOTE_LINES, characters=_LINE_CHARACTERS))
    if place or not item.verified:
        known = ", ".join(filter(None, (place, "" if item.verified else "unverified")))
        content.append("\n" if "\n" in content.plain else "  ").append(f"({known})", "dim")
    out.marked(_mark(out, verified=item.verified), content)


def _code_fix(fix: CodeFix, out: _Paper) -> None:
    _section("Code fix", out)
    place = one_line(":".join(filter(None, (fix.file, fix.line))), 400)
    if place:
        content = _text(place, "cyan")
        if not fix.verified:
            content.append("  (unverified)", "dim")
        out.marked(_mark(out, verified=fix.verified), content)
    if fix.change.strip():
        out.indented(_text(shortened(fix.change, _DETAIL_CHARACTERS)))
    for code, sign, style in ((fix.original_code, "-", "red"), (fix.suggested_code, "+", "green")):
        if code.strip():
            lines = excerpt(code, lines=_CODE_LINES, characters=_LINE_CHARACTERS)
            out.indented(_paragraph((f"{sign} {line}" for line in lines), style))
    _issues(fix.tests_repo_matches, out)


def _bug(bug: ProductBug, details: str, out: _Paper) -> None:
    _section("Bug report", out)
    facts = (
        f"severity {one_line(bug.severity, 40)}" if bug.severity else "",
        f"component {one_line(bug.component, 100)}" if bug.component.strip() else "",
    )
    title = _text(one_line(bug.title, _ERROR_CHARACTERS), "bold")
    if any(facts):
        title.append(f"  ({', '.join(filter(None, facts))})", "dim not bold")
    out.indented(title)
    if bug.description.strip() and bug.description != details:
        out.indented(_text(shortened(bug.description, _DETAIL_CHARACTERS)))
    _issues(bug.jira_matches, out)


def _issues(issues: list[MatchedIssue], out: _Paper) -> None:
    for issue in issues[:TESTS_SHOWN]:
        status = f" ({one_line(issue.status, 40)})" if issue.status else ""
        out.indented(
            _text(f"Similar: {one_line(issue.key, 60)} {one_line(issue.summary, 200)}{status}", "cyan")
        )


def _tests(group: Group, out: _Paper) -> None:
    _section("Affected tests" if group.size > 1 else "Affected test", out)
    shown = group.tests[:TESTS_SHOWN]
    for name in shown:
        out.indented(_text(one_line(name, _LINE_CHARACTERS) or "(without a name)"))
    if group.size > len(shown):
        out.indented(_text(f"+ {group.size - len(shown):,} more", "dim"))


def _foot(story: Outline, out: _Paper) -> None:
    out.line()
    for note in story.notes:
        out.line(_text(f"Note: {shortened(note, 2_000)}"))
    if story.has_unverified:
        marks = out.marks
        out.line(
            _text(
                f"{marks.verified} found where it is said to stand   {marks.unverified} not found there",
                "dim",
            )
        )
    out.line(_text(f"Analysis {one_line(story.job_id, 200)}", "dim"))
