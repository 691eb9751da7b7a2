"""The text of an issue: what an AI is told, what is written without one, and what stands below either.

What was checked and what was not is said by the program, never by an AI: the error and the quotations stand below the
text with a word about each.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rootcoz.analysis.issue_case import IssueCase
from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import CodeFix, Evidence, Finding, NoVerdict, NoVerdictReason
from rootcoz.evidence.claims import check_claims
from rootcoz.kit.markup import (
    Block,
    CodeBlock,
    Heading,
    Line,
    Paragraph,
    Span,
    Style,
    one_line,
    read_markup,
    say,
)
from rootcoz.prompts.draft import short_title

PROJECT_URL = "https://github.com/rootcoz/rootcoz"
ERROR_CHARS = 2_500
STACK_CHARS = 2_500
QUOTE_CHARS = 700
QUOTES = 6
"""Quotations of an answer that an issue shows."""
_NAME_CHARS = 300
_FACT_CHARS = 4_000
"""Of one text that an AI is told."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where more is to be read; empty where there is no address that everybody can open, or none is wanted."""

    report: str = ""
    jenkins: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote the text."""

    provider: str = ""
    """Empty: no AI."""
    model: str = ""


# --- what an AI is told --------------------------------------------------------------------------


def case_facts(case: IssueCase) -> Mapping[str, object]:
    """What is known of the case, for a question."""
    answer, failure = case.answer, case.failure
    facts: dict[str, object] = {
        "test": failure.test_name[:_NAME_CHARS],
        "tests_that_fail_alike": case.failures,
        "build": case.build[:_NAME_CHARS],
        "error": _cut(failure.error_message, _FACT_CHARS),
        "stack_trace": _cut(failure.stack_trace, _FACT_CHARS),
        "verified": [item.quote[:QUOTE_CHARS] for item in answer.evidence if item.verified][:QUOTES],
        "unverified": [item.quote[:QUOTE_CHARS] for item in answer.evidence if not item.verified][:QUOTES],
        "cause": answer.details[:_FACT_CHARS],
    }
    if isinstance(answer, NoVerdict):
        facts["no_verdict"] = answer.message[:_FACT_CHARS]
    else:
        facts["classification"] = answer.classification.value
        if report := answer.product_bug_report:
            facts["bug"] = {
                "title": report.title[:_NAME_CHARS],
                "severity": report.severity.value,
                "component": report.component[:_NAME_CHARS],
                "description": report.description[:_FACT_CHARS],
            }
        if fix := answer.code_fix:
            facts["suggested_fix"] = {
                "file": fix.file[:_NAME_CHARS],
                "line": fix.line[:_NAME_CHARS],
                "change": fix.change[:_FACT_CHARS],
                "place_is_verified": fix.verified,
            }
    return {name: value for name, value in facts.items() if value}


# --- what is written without one -----------------------------------------------------------------


def plain_title(case: IssueCase) -> str:
    """A title from what is known."""
    answer = case.answer
    if isinstance(answer, Finding) and answer.product_bug_report and answer.product_bug_report.title.strip():
        return short_title(one_line(answer.product_bug_report.title))
    name = re.split(r"[.:/\\](?=[^.:/\\]*$)", case.failure.test_name, maxsplit=1)[-1] or "A test"
    texts = f"{case.failure.error_message}\n{case.failure.stack_trace[:ERROR_CHARS]}"
    first = next((line.strip() for line in texts.splitlines() if line.strip()), "")
    return short_title(one_line(f"{name[:_NAME_CHARS]} fails" + (f": {first}" if first else "")))


def plain_body(case: IssueCase) -> list[Block]:
    """A text from what is known."""
    answer = case.answer
    if isinstance(answer, NoVerdict):
        why = "The analysis could not decide" if _is_honest(answer) else "The analysis has no answer"
        return [Heading("What happens"), say(f"{why}: {answer.message}"), *read_markup(answer.details)]
    report, fix = answer.product_bug_report, answer.code_fix
    blocks: list[Block] = [Heading("What happens")]
    if report and report.description.strip():
        blocks += read_markup(report.description)
        if answer.details.strip() and answer.details.strip() != report.description.strip():
            blocks += [Heading("Why"), *read_markup(answer.details)]
    else:
        blocks += read_markup(answer.details) or (say("The test fails with the error below."),)
    return [*blocks, *(_fix(fix) if fix else ())]


def _is_honest(answer: NoVerdict) -> bool:
    return answer.reason is NoVerdictReason.ABSTAINED


def _fix(fix: CodeFix) -> Iterator[Block]:
    yield Heading("Suggested change")
    place = fix.file + (f", line {fix.line}" if fix.line else "")
    checked = "found in the trace or the clone" if fix.verified else "this place is not verified"
    yield Paragraph((Line((Span(place, Style.CODE), Span(f" ({checked})"))),))
    yield from read_markup(fix.change)
    for name, code in (("As it is:", fix.original_code), ("As it should be:", fix.suggested_code)):
        if code.strip():
            yield say(f"{name} (suggested, not verified)")
            yield CodeBlock(_cut(code, ERROR_CHARS))


# --- what stands below either --------------------------------------------------------------------


def checked_body(text: str, case: IssueCase) -> list[Block]:
    """An AI's text, with a word about each block of code that it shows: where it stands, or that it stands nowhere."""
    blocks = read_markup(text)
    claims = tuple(Evidence(block.text, "") for block in blocks if isinstance(block, CodeBlock))
    claim = NoVerdict(NoVerdictReason.ABSTAINED, "", evidence=claims)
    checked = iter(check_claims(claim, _texts(case.failure)).evidence)
    told: list[Block] = []
    for block in blocks:
        told.append(block)
        if isinstance(block, CodeBlock):
            told.append(say(_whether_found(next(checked))))
    return told


def _whether_found(item: Evidence) -> str:
    return (
        f"(Found in {_where(item)}.)"
        if item.verified
        else "(Not verified: not found in the failure's texts.)"
    )


def _texts(failure: Failure) -> dict[str, str]:
    return {
        "error_message": failure.error_message,
        "stack_trace": failure.stack_trace,
        "output": failure.output,
    }


def below(case: IssueCase, places: Places, author: Author) -> list[Block]:
    """The failure, its error, the evidence and where it all comes from. It fits into Jira, whatever is in it."""
    return [*_failure(case), *_evidence(case.answer.evidence), *_footer(case, places, author)]


def _failure(case: IssueCase) -> Iterator[Block]:
    failure, answer = case.failure, case.answer
    yield Heading("Failure")
    lines = [_fact("Test", failure.test_name[:_NAME_CHARS])]
    others = [name for name in case.tests if name != failure.test_name]
    if case.failures > 1:
        lines.append(_fact("Fail alike", f"{case.failures} tests of this analysis"))
        lines += [Line((Span(name[:_NAME_CHARS], Style.CODE),), bullet=2) for name in others]
        if case.failures > len(others) + 1:
            lines.append(Line((Span(f"and {case.failures - len(others) - 1} more"),), bullet=2))
    if case.build:
        lines.append(_fact("Build", case.build[:_NAME_CHARS]))
    if isinstance(answer, Finding):
        by = f", set by {case.decision.username or 'a person'}" if case.decision else ""
        lines.append(Line((Span(f"Classification: {answer.classification}{by}"),), bullet=1))
        if report := answer.product_bug_report:
            lines.append(Line((Span(f"Severity: {report.severity}"),), bullet=1))
            if report.component.strip():
                lines.append(_fact("Component", report.component[:_NAME_CHARS]))
    yield Paragraph(tuple(lines))
    for name, text, limit in (
        ("Error", failure.error_message, ERROR_CHARS),
        ("Stack trace", failure.stack_trace, STACK_CHARS),
    ):
        if text.strip():
            yield Heading(name)
            yield CodeBlock(_cut(text, limit))


def _fact(name: str, value: str) -> Line:
    return Line((Span(f"{name}: "), Span(value, Style.CODE)), bullet=1)


def _evidence(evidence: Sequence[Evidence]) -> Iterator[Block]:
    quotes = [item for item in evidence if item.quote.strip()]
    verified = [item for item in quotes if item.verified]
    unverified = [item for item in quotes if not item.verified]
    yield Heading("Evidence")
    if verified:
        yield say("Verified: these quotations were found where they are said to stand.")
        for item in verified[:QUOTES]:
            yield say(f"In {_where(item)}:")
            yield CodeBlock(_cut(item.quote, QUOTE_CHARS))
    if unverified:
        yield say("Not verified: these quotations were not found in any text of the failure.")
        for item in unverified[: max(QUOTES - len(verified), 2)]:
            yield CodeBlock(_cut(item.quote, QUOTE_CHARS))
    if not quotes:
        yield say("Nothing was quoted as evidence.")
    yield say(
        "The error and the verified quotations are facts; all else is an assumption until somebody checks it."
    )


def _where(item: Evidence) -> str:
    where = _NAMES.get(item.source, item.source[:_NAME_CHARS] or "the failure's texts")
    return where + (f", line {item.line}" if item.line else "")


_NAMES = {
    "error_message": "the error message",
    "stack_trace": "the stack trace",
    "output": "the test's output",
}


def _footer(case: IssueCase, places: Places, author: Author) -> Iterator[Block]:
    analysis = case.analysis
    spans = [Span("Analysis: "), Span(analysis.job_id, url=places.report)]
    if places.jenkins:
        spans += [Span(", build: "), Span(case.build or "Jenkins", url=places.jenkins)]
    yield Paragraph((Line(tuple(spans)), attribution(author)))


def attribution(author: Author) -> Line:
    """Who wrote the text."""
    by = " ".join(filter(None, (author.provider, author.model)))
    return Line(
        (
            Span("Drafted by "),
            Span("rootcoz", url=PROJECT_URL),
            Span(f" with an AI ({by}). It can be wrong." if author.provider else " without an AI."),
        )
    )


def _cut(text: str, limit: int) -> str:
    """Both ends of a text that is too long."""
    text = text.strip("\n")
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"
