"""The report for a comment on a pull request or an issue.

Written for GitHub's and GitLab's Markdown. A comment there holds 65,536 characters
(https://github.com/orgs/community/discussions/27190); the report stays below LIMIT and says what it left out.
"""

import re
from collections.abc import Iterable

from rootcoz.cli.report.debate_story import debate_lines, headline
from rootcoz.cli.report.finished import Document, FinishedAnalysis, Page
from rootcoz.cli.report.outline import REASONS, Group, Outline, confidence_text, outline, plural
from rootcoz.cli.report.safe_text import excerpt, one_line, shortened
from rootcoz.client.models import CodeFix, EvidenceItem, PeerDebate, ProductBug

LIMIT = 60_000
"""Characters of the whole report."""
TESTS_SHOWN = 5
_TESTS_LISTED = 50
_DETAIL_CHARACTERS = 4_000
_QUOTE_LINES = 12
_LINE_CHARACTERS = 300
_EVIDENCE_SHOWN = 8
_NOTES_SHOWN = 20
_FOOT_RESERVE = 600
"""Characters kept free for the last lines."""

_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_LINE_START = re.compile(r"^(\s*)([-+#=])", re.MULTILINE)
_LINE_START_NUMBER = re.compile(r"^(\s*\d+)([.)])(?=\s|$)", re.MULTILINE)
# Names and numbers of issues become links and notify people; a comment between the sign and the word does not
# show and breaks the pattern.
_MENTION = re.compile(r"(@(?=\w)|[#!](?=\d)|GH-(?=\d))")
# Between two lines of one paragraph, which Markdown would join; a backslash at the end keeps them apart.
_HARD_BREAK = re.compile(r"(?<=[^\n])\n(?=[^\n])")
_BACKTICKS = re.compile(r"`+")


def render(finished: FinishedAnalysis, _page: Page) -> list[Document]:
    """One document in UTF-8."""
    return [Document("", text(outline(finished.response)).encode("utf-8", "backslashreplace"))]


def text(story: Outline) -> str:
    """The report, shorter than LIMIT."""
    foot = _foot(story)
    parts = [_head(story)]
    size = len(parts[0]) + len(foot) + _FOOT_RESERVE
    for index, group in enumerate(story.groups):
        section = _group(group)
        if size + len(section) > LIMIT:
            left = story.groups[index:]
            failures = plural(sum(other.size for other in left), "failure")
            parts.append(f"\n*{plural(len(left), 'more group')} with {failures} did not fit here.*\n")
            break
        parts.append(section)
        size += len(section)
    return "".join(parts) + foot


def prose(raw: str, limit: int = _DETAIL_CHARACTERS) -> str:
    """`raw` as text, line for line: nothing in it is markup, a mention or a link to an issue."""
    clean = shortened(raw, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    apart = _MENTION.sub(r"\1<!-- -->", _SPECIAL.sub(r"\\\1", clean))
    escaped = _LINE_START_NUMBER.sub(r"\1\\\2", _LINE_START.sub(r"\1\\\2", apart))
    # Indentation of four would make a code block, and one in a list item another list.
    return _HARD_BREAK.sub("\\\\\n", "\n".join(line.strip() for line in escaped.split("\n")))


def code(raw: str, limit: int = _LINE_CHARACTERS) -> str:
    """`raw` as a code span, whatever backticks it holds."""
    line = one_line(raw, limit)
    if not line:
        return ""
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


def fenced(lines: Iterable[str]) -> str:
    """Lines as a block that they cannot end."""
    content = "\n".join(lines)
    fence = "`" * max(3, max((len(run) for run in _BACKTICKS.findall(content)), default=0) + 1)
    return f"{fence}text\n{content}\n{fence}\n"


def _head(story: Outline) -> str:
    facts = " · ".join(prose(fact, 300) for fact in (story.counts, story.provider, story.duration) if fact)
    return f"## {prose(one_line(story.summary, 500), 500)}\n" + (f"\n{facts}\n" if facts else "")


def _group(group: Group) -> str:
    analysis = group.analysis
    facts = (one_line(group.decision, 100), confidence_text(analysis), plural(group.size, "failure"))
    title = prose(", ".join(filter(None, facts)), 300)
    parts = [f"\n> {prose(one_line(group.announcement, 400), 400)}\n" if group.announcement else ""]
    parts += [f"\n### {group.number}. {prose(one_line(group.verdict, 40), 40)} ({title})\n"]
    if group.child:
        parts.append(f"\nIn {code(group.child)}\n")
    error = code(group.error.strip().partition("\n")[0])
    parts.append(f"\n{error}\n" if error else "")
    if group.analysis.note.strip():
        parts.append(f"\n*{prose(one_line(group.analysis.note, 500), 500)}*\n")
    parts.extend(
        f"\n{prose(one_line(line, 500), 500)}\n" for line in (*group.reopened, *group.decided_before)
    )
    parts.append(_explanation(group))
    parts.extend(_evidence(item) for item in analysis.evidence[:_EVIDENCE_SHOWN])
    hidden = len(analysis.evidence) - _EVIDENCE_SHOWN
    parts.append(f"\n*{hidden} more pieces of evidence*\n" if hidden > 0 else "")
    parts.append(_code_fix(analysis.code_fix) if analysis.code_fix else "")
    parts.append(_bug(analysis.product_bug_report, analysis.details) if analysis.product_bug_report else "")
    parts.append(_debate(group.debate) if group.debate else "")
    parts.append(_tests(group))
    return "".join(parts)


def _explanation(group: Group) -> str:
    missing = group.analysis.no_verdict
    parts = []
    if missing or not group.analysis.classification:
        reason = REASONS.get(missing.reason, missing.reason) if missing else ""
        parts.append(f"\n**No verdict:** {prose(reason or 'the server gives no reason', 100)}.\n")
        if missing and missing.message:
            parts.append(f"\n{prose(missing.message)}\n")
    details = group.analysis.details.strip()
    if details and not (missing and details == missing.message.strip()):
        parts.append(f"\n{prose(details)}\n")
    if missing and missing.raw_text.strip():
        said = fenced(excerpt(missing.raw_text, lines=_QUOTE_LINES, characters=_LINE_CHARACTERS))
        parts.append(f"\n<details><summary>What the provider said</summary>\n\n{said}\n</details>\n")
    return "".join(parts)


def _evidence(item: EvidenceItem) -> str:
    place = code(item.source + (f":{item.line}" if item.line is not None else ""))
    mark = "✓ verified" if item.verified else "? unverified"
    quote = fenced(excerpt(item.quote, lines=_QUOTE_LINES, characters=_LINE_CHARACTERS))
    return f"\n{' · '.join(filter(None, (mark, place)))}\n\n{quote}"


def _code_fix(fix: CodeFix) -> str:
    place = code(":".join(filter(None, (fix.file, fix.line))))
    mark = "" if fix.verified or not place else " (? unverified)"
    parts = [f"\n**Code fix** {place}{mark}\n"]
    if fix.change.strip():
        parts.append(f"\n{prose(fix.change)}\n")
    lines = [
        f"{sign} {line}"
        for source, sign in ((fix.original_code, "-"), (fix.suggested_code, "+"))
        if source.strip()
        for line in excerpt(source, lines=_QUOTE_LINES, characters=_LINE_CHARACTERS)
    ]
    if lines:
        parts.append("\n" + fenced(lines))
    return "".join(parts)


def _bug(bug: ProductBug, details: str) -> str:
    facts = ", ".join(
        f"{name} {prose(one_line(value, 100), 100)}"
        for name, value in (("severity", bug.severity), ("component", bug.component))
        if value.strip()
    )
    head = (
        f"\n**Bug report: {prose(one_line(bug.title, 300), 300)}**" + (f" ({facts})" if facts else "") + "\n"
    )
    return head + (
        f"\n{prose(bug.description)}\n" if bug.description.strip() and bug.description != details else ""
    )


def _debate(debate: PeerDebate) -> str:
    title = f"Debate: {headline(debate)}"
    listed = "\n".join(f"- {prose(line, 1_000)}" for line in debate_lines(debate))
    if not listed:
        return f"\n{prose(title)}\n"
    return f"\n<details><summary>{prose(title)}</summary>\n\n{listed}\n\n</details>\n"


def _tests(group: Group) -> str:
    names = group.tests
    listed = "\n".join(f"- {code(name, 200) or '(without a name)'}" for name in names[:_TESTS_LISTED])
    hidden = group.size - min(len(names), _TESTS_LISTED)
    more = f"\n- and {hidden:,} more" if hidden > 0 else ""
    title = "Affected tests" if group.size > 1 else "Affected test"
    if group.size <= TESTS_SHOWN:
        return f"\n{title}:\n\n{listed}{more}\n"
    return f"\n<details><summary>{title} ({group.size:,})</summary>\n\n{listed}{more}\n\n</details>\n"


def _foot(story: Outline) -> str:
    notes = [f"> {prose(one_line(note, 500), 500)}\n" for note in story.notes[:_NOTES_SHOWN]]
    hidden = len(story.notes) - _NOTES_SHOWN
    if hidden > 0:
        notes.append(f"> and {plural(hidden, 'more note')}\n")
    return ("\n" + ">\n".join(notes) if notes else "") + f"\nAnalysis {code(story.job_id)}\n"
