"""What an answer says about one case of a report: properties for programs, a text for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from rootcoz.domain.finding import (
    PEOPLE,
    Answer,
    CodeFix,
    Evidence,
    Finding,
    NoVerdict,
    ProductBugReport,
    StandIn,
)
from rootcoz.domain.issue import MatchedIssue
from rootcoz.kit.head_tail import shortened

ANSWER_PROPERTIES = frozenset({"ai_classification", "ai_no_verdict"})
"""Each answer has exactly one of these."""

VALUE_LIMIT = 10_000
"""Characters of one property's value."""

DETAILS_LIMIT = 3_000
"""Characters of the details, or of a bug's description, in the text for people."""

QUOTE_LIMIT = 500
"""Characters of a quotation in the text for people."""

Properties = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CaseEnrichment:
    """What is added to one case."""

    properties: Properties
    """Names and values, in order; a name stands once."""
    text: str
    """For people, several lines; empty for none."""


def case_enrichment(
    answer: Answer, *, affected_tests: Sequence[str] | None = None, issues: Sequence[MatchedIssue] = ()
) -> CaseEnrichment:
    """What to write into each case that an answer is about.

    `affected_tests` are the names to state instead of those the finding lists, for example all members of its
    group; `issues` are the trackers' that look like it. Properties whose value would be empty are left out. An
    answer without a verdict never gets a classification, only `ai_no_verdict` with the reason.
    """
    if isinstance(answer, NoVerdict):
        pairs: Iterator[tuple[str, str]] = _no_verdict_properties(answer)
        lines = _no_verdict_lines(answer)
    else:
        tests = answer.affected_tests if affected_tests is None else affected_tests
        pairs = chain(_finding_properties(answer, tests), _issue_properties(issues))
        lines = _finding_lines(answer)
    if answer.stand_in is not None:
        note = stand_in_note(answer.stand_in)
        pairs = chain(pairs, (("ai_provider", answer.stand_in.provider), ("ai_note", note)))
        lines = chain(lines, (f"Note: {note}",))
    return CaseEnrichment(
        properties=tuple((name, shortened(value, VALUE_LIMIT)) for name, value in pairs if value.strip()),
        text="\n".join(lines),
    )


def stand_in_note(stand_in: StandIn) -> str:
    """A sentence for people about an answer that another than the analysis' provider gave."""
    if stand_in.provider == PEOPLE:
        return stand_in.reason
    who = "the built-in analyser" if stand_in.provider == "builtin" else stand_in.provider
    return f"{stand_in.reason.rstrip('.')}; this is {who}'s answer."


def _finding_properties(finding: Finding, affected_tests: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield "ai_classification", finding.classification.value
    if finding.confidence is not None:
        yield "ai_confidence", _confidence(finding.confidence)
    yield "ai_details", finding.details
    yield "ai_affected_tests", ", ".join(affected_tests)
    if finding.code_fix is not None:
        yield "ai_code_fix_file", finding.code_fix.file
        yield "ai_code_fix_line", finding.code_fix.line
        yield "ai_code_fix_change", finding.code_fix.change
        yield "ai_code_fix_verified", _truth(holds=finding.code_fix.verified)
    if finding.product_bug_report is not None:
        yield "ai_bug_title", finding.product_bug_report.title
        yield "ai_bug_severity", finding.product_bug_report.severity.value
        yield "ai_bug_component", finding.product_bug_report.component
        yield "ai_bug_description", finding.product_bug_report.description
    yield from _evidence_properties(finding.evidence)


def _issue_properties(issues: Sequence[MatchedIssue]) -> Iterator[tuple[str, str]]:
    for number, issue in enumerate(issues):
        name = f"ai_jira_match_{number}"
        yield f"{name}_key", issue.key
        yield f"{name}_summary", issue.summary
        yield f"{name}_status", issue.status
        yield f"{name}_url", issue.url
        yield f"{name}_priority", issue.priority
        yield f"{name}_score", f"{issue.score:.2f}"


def _no_verdict_properties(answer: NoVerdict) -> Iterator[tuple[str, str]]:
    yield "ai_no_verdict", answer.reason.value
    yield "ai_details", "\n".join(filter(None, (answer.message, answer.details)))
    yield from _evidence_properties(answer.evidence)


def _evidence_properties(evidence: Sequence[Evidence]) -> Iterator[tuple[str, str]]:
    for number, item in enumerate(evidence):
        if item.quote.strip():
            yield f"ai_evidence_{number}", item.quote
            yield f"ai_evidence_{number}_verified", _truth(holds=item.verified)


def _finding_lines(finding: Finding) -> Iterator[str]:
    sure = "" if finding.confidence is None else f" (confidence {_confidence(finding.confidence)})"
    yield f"Classification: {finding.classification.value}{sure}"
    yield shortened(finding.details, DETAILS_LIMIT)
    if finding.code_fix is not None:
        yield from _code_fix_lines(finding.code_fix)
    if finding.product_bug_report is not None:
        yield from _bug_lines(finding.product_bug_report)
    yield from _evidence_lines(finding.evidence)


def _no_verdict_lines(answer: NoVerdict) -> Iterator[str]:
    yield f"No verdict: {answer.message or answer.reason.value}"
    if answer.details:
        yield shortened(answer.details, DETAILS_LIMIT)
    yield from _evidence_lines(answer.evidence)


def _code_fix_lines(fix: CodeFix) -> Iterator[str]:
    place = ":".join(filter(None, (fix.file, fix.line)))
    yield f"Fix in {place}{'' if fix.verified else ' (UNVERIFIED: file or line not found)'}:"
    yield f"  {shortened(fix.change, QUOTE_LIMIT)}"


def _bug_lines(bug: ProductBugReport) -> Iterator[str]:
    yield f"Bug ({', '.join(filter(None, (bug.severity.value, bug.component)))}): {bug.title}"
    yield f"  {shortened(bug.description, QUOTE_LIMIT)}"


def _evidence_lines(evidence: Sequence[Evidence]) -> Iterator[str]:
    if evidence:
        yield "Evidence:"
    for item in evidence:
        place = item.source if item.line is None else f"{item.source}:{item.line}"
        mark = "verified" if item.verified else "UNVERIFIED, not found there"
        yield f"- [{mark}] {place}: {shortened(item.quote, QUOTE_LIMIT)}"


def _confidence(share: float) -> str:
    return f"{share:.2f}"


def _truth(*, holds: bool) -> str:
    return "true" if holds else "false"
