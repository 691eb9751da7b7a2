"""The answer contract: the one JSON object every provider answers in, and the parser for what comes."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from rootcoz.domain.finding import (
    Answer,
    Classification,
    CodeFix,
    Evidence,
    Finding,
    NoVerdict,
    NoVerdictReason,
    ProductBugReport,
    Severity,
)

MAX_RAW_CHARS = 20_000
"""Of an unusable answer so many characters are kept, for people to read."""
MAX_ANSWER_CHARS = 8_000_000
"""A longer reply is not an answer. The largest honest one names the tests of a group of 20,000."""
MAX_TEXT_CHARS = 50_000
"""Of any single text of an answer so much is kept."""
MAX_QUOTES = 50
_CLASSIFICATION = "classification"
_MAX_CANDIDATES = 50
"""Places in a reply where the object is looked for."""


# --- the wire's types ----------------------------------------------------------------------------


def _storable(text: str) -> str:
    """Without NUL and lone surrogates, which JSON can spell but no database and no encoder takes."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _text(value: object) -> str:
    """Text, however it was wrapped: numbers as digits, lists as lines, anything else as nothing."""
    match value:
        case str():
            return _storable(value)[:MAX_TEXT_CHARS]
        case bool() | None:
            return ""
        case int() | float():
            return str(value)
        case list():
            return "\n".join(item for item in map(_text, value[:_MAX_CANDIDATES]) if item)[:MAX_TEXT_CHARS]
        case _:
            return ""


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        value = [word for word in value.split(",") if word.strip()]
    return [text for text in map(_text, value) if text.strip()] if isinstance(value, list) else []


def _classification(value: object) -> Classification | None:
    """Upper or lower case, with spaces, underscores or hyphens. Raises ValueError for anything else."""
    if value is None:
        return None
    return Classification(" ".join(re.split(r"[\s_-]+", str(value).strip().upper())))


_SEVERITIES = frozenset(severity.value for severity in Severity)


def _severity(value: object) -> Severity:
    text = _text(value).strip().lower()
    return Severity(text) if text in _SEVERITIES else Severity.MEDIUM


def _confidence(value: object) -> float | None:
    """A figure from 0 to 1; None for anything that is not clearly one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        figure = (
            float(value.strip()[:-1]) / 100
            if isinstance(value, str) and value.strip().endswith("%")
            else float(value)
        )
    except (ValueError, OverflowError):
        return None
    return figure if math.isfinite(figure) and 0 <= figure <= 1 else None


def _line_number(value: object) -> int | None:
    match = re.match(r"\s*(\d{1,9})\b", _text(value))
    return int(match[1]) or None if match else None


def _objects(value: object) -> Sequence[object]:
    items = value if isinstance(value, list) else [value]
    wrapped: Iterator[object] = ({"quote": item} if isinstance(item, str) else item for item in items)
    return [item for item in islice(wrapped, MAX_QUOTES) if isinstance(item, dict)]


def _object(value: object) -> object:
    return value if isinstance(value, dict) and value else None


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[list[str], BeforeValidator(_texts)]
Share = Annotated[float | None, BeforeValidator(_confidence)]
"""A figure from 0 to 1; None for anything that is not clearly one."""
Verdict = Annotated[Classification | None, BeforeValidator(_classification)]


class Wire(BaseModel):
    """A part of a reply. Unknown keys are left out: models like to add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class EvidenceWire(Wire):
    """A quotation as a reply claims it."""

    quote: Text = ""
    source: Text = ""
    line: Annotated[int | None, BeforeValidator(_line_number)] = None


Quotes = Annotated[list[EvidenceWire], BeforeValidator(_objects)]


class _CodeFixWire(Wire):
    file: Text = ""
    line: Text = ""
    change: Text = ""
    original_code: Text = ""
    suggested_code: Text = ""
    tests_repo_search_keywords: Texts = []


class _ProductBugReportWire(Wire):
    title: Text = ""
    severity: Annotated[Severity, BeforeValidator(_severity)] = Severity.MEDIUM
    component: Text = ""
    description: Text = ""
    evidence: Text = ""
    jira_search_keywords: Texts = []


class _AnswerWire(Wire):
    classification: Verdict
    no_verdict: Text = ""
    confidence: Share = None
    details: Text = ""
    evidence: Quotes = []
    affected_tests: Texts = []
    code_fix: Annotated[_CodeFixWire | None, BeforeValidator(_object)] = None
    product_bug_report: Annotated[_ProductBugReportWire | None, BeforeValidator(_object)] = None
    rules: Texts = []


Contract = TypeVar("Contract", bound=Wire)


def answer_schema() -> dict[str, object]:
    """JSON schema of the contract, for providers that can hold a model to one."""
    schema: dict[str, Any] = _AnswerWire.model_json_schema()
    del schema["properties"]["rules"]  # the built-in analyser's own
    return schema


# --- reading -------------------------------------------------------------------------------------


def parse_answer(text: str) -> Answer:
    """Read a provider's reply. Never raises: what cannot be used comes back as UNUSABLE_ANSWER with the text.

    Nothing is taken as verified here, whatever the reply claims; that is `evidence.claims`' word.
    """
    read = read_reply(text, _AnswerWire)
    return _unusable(text, read) if isinstance(read, str) else _answer(read)


def read_reply(text: str, contract: type[Contract], *, holding: str = _CLASSIFICATION) -> Contract | str:
    """The last object in a reply that keeps to the contract, or a sentence that says why there is none.

    `holding` is the key by which such an object is known.
    """
    if not text.strip():
        return "The provider answered with nothing."
    if len(text) > MAX_ANSWER_CHARS:
        return f"The provider's answer is longer than {MAX_ANSWER_CHARS:,} characters."
    wire: Contract | None = None
    seen_object = False
    for candidate in _candidates(text, holding):
        seen_object = True
        try:
            wire = contract.model_validate(candidate)
        except (ValidationError, RecursionError):
            continue
    if wire is not None:
        return wire
    if seen_object and holding != _CLASSIFICATION:
        return f"The provider's answer has no usable `{holding}`."
    if seen_object:
        return (
            "The provider's answer has no usable classification: it must be CODE ISSUE, PRODUCT BUG, "
            "INFRASTRUCTURE or null."
        )
    return "The provider's answer holds no readable JSON object."


def _candidates(text: str, key: str) -> Iterator[dict[str, Any]]:
    """Objects in the reply that could be the answer; the last usable one is what the provider ended on."""
    stripped = text.strip()
    whole = _decoded(stripped)
    if whole is not None and whole[1] == len(stripped):
        yield whole[0]
        return
    position, tries = 0, 0
    while tries < _MAX_CANDIDATES and (start := _OBJECT_START.search(text, position)) is not None:
        tries += 1
        found = _decoded(text, start.start()) or (
            _decoded(_TRAILING_COMMA.sub(r"\1", text[start.start() :])) if tries <= _MAX_REPAIRS else None
        )
        if found is None:
            position = start.start() + 1
            continue
        answer, length = found
        position = start.start() + length if _decoded(text, start.start()) else len(text)
        if key in answer:
            yield answer


_OBJECT_START = re.compile(r'\{\s*"')
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')
_MAX_REPAIRS = 3


def _decoded(text: str, start: int = 0) -> tuple[dict[str, Any], int] | None:
    """The object at `start` and its length. Raw newlines in strings are let pass: models write them."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return (value, end - start) if isinstance(value, dict) else None


_DECODER = json.JSONDecoder(strict=False)


def _unusable(text: str, message: str) -> NoVerdict:
    return NoVerdict(
        NoVerdictReason.UNUSABLE_ANSWER,
        f"{message} Ask again, or choose another model.",
        raw_text=_storable(text[:MAX_RAW_CHARS]),
    )


def _answer(wire: _AnswerWire) -> Answer:
    evidence = claimed(wire.evidence)
    if wire.classification is None:
        message = wire.no_verdict or "The provider could not decide and gave no reason."
        return NoVerdict(NoVerdictReason.ABSTAINED, message, details=wire.details, evidence=evidence)
    # A part that contradicts the classification is dropped: the classification is what was asked for first.
    return Finding(
        classification=wire.classification,
        confidence=wire.confidence,
        details=wire.details,
        evidence=evidence,
        code_fix=_code_fix(wire.code_fix) if wire.classification is Classification.CODE_ISSUE else None,
        product_bug_report=_bug_report(wire.product_bug_report)
        if wire.classification is Classification.PRODUCT_BUG
        else None,
        affected_tests=tuple(wire.affected_tests),
        rules=tuple(wire.rules),
    )


def claimed(quotes: Sequence[EvidenceWire]) -> tuple[Evidence, ...]:
    """The quotations of a reply, none of them verified yet."""
    return tuple(Evidence(item.quote, item.source, item.line) for item in quotes if item.quote.strip())


def _code_fix(wire: _CodeFixWire | None) -> CodeFix | None:
    if wire is None or not (wire.file or wire.change):
        return None
    return CodeFix(
        file=wire.file,
        line=wire.line,
        change=wire.change,
        original_code=wire.original_code,
        suggested_code=wire.suggested_code,
        tests_repo_search_keywords=tuple(wire.tests_repo_search_keywords),
    )


def _bug_report(wire: _ProductBugReportWire | None) -> ProductBugReport | None:
    if wire is None or not (wire.title or wire.description):
        return None
    return ProductBugReport(
        title=wire.title,
        severity=wire.severity,
        component=wire.component,
        description=wire.description,
        evidence=wire.evidence,
        jira_search_keywords=tuple(wire.jira_search_keywords),
    )


# --- writing -------------------------------------------------------------------------------------


def answer_json(answer: Answer) -> str:
    """Write an answer in the contract, so that `parse_answer` gives it back. `verified` is not in it."""
    document: dict[str, object] = {
        "classification": answer.classification if isinstance(answer, Finding) else None,
        "details": answer.details,
        "evidence": [_evidence_object(item) for item in answer.evidence],
    }
    if isinstance(answer, NoVerdict):
        document["no_verdict"] = answer.message
    else:
        document["confidence"] = answer.confidence
        document["affected_tests"] = answer.affected_tests
        if answer.code_fix is not None:
            document["code_fix"] = _code_fix_object(answer.code_fix)
        if answer.product_bug_report is not None:
            document["product_bug_report"] = _bug_report_object(answer.product_bug_report)
        if answer.rules:
            document["rules"] = answer.rules
    return json.dumps(document, ensure_ascii=False)


def _evidence_object(evidence: Evidence) -> dict[str, object]:
    line = {} if evidence.line is None else {"line": evidence.line}
    return {"quote": evidence.quote, "source": evidence.source, **line}


def _code_fix_object(fix: CodeFix) -> dict[str, object]:
    document: dict[str, object] = {
        "file": fix.file,
        "line": fix.line,
        "change": fix.change,
        "original_code": fix.original_code,
        "suggested_code": fix.suggested_code,
        "tests_repo_search_keywords": fix.tests_repo_search_keywords,
    }
    return {key: value for key, value in document.items() if value}


def _bug_report_object(report: ProductBugReport) -> dict[str, object]:
    return {
        "title": report.title,
        "severity": report.severity,
        "component": report.component,
        "description": report.description,
        "evidence": report.evidence,
        "jira_search_keywords": report.jira_search_keywords,
    }
