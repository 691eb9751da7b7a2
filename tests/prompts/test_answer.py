import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.domain.finding import (
    Classification,
    CodeFix,
    Evidence,
    Finding,
    NoVerdict,
    NoVerdictReason,
    ProductBugReport,
    Severity,
)
from rootcoz.prompts.answer import MAX_ANSWER_CHARS, MAX_RAW_CHARS, answer_json, parse_answer

FIX = {
    "file": "tests/test_cart.py",
    "line": 42,
    "change": "Wait",
    "tests_repo_search_keywords": ["cart", "wait", "add"],
}
BUG = {
    "title": "Cart loses items",
    "severity": "high",
    "component": "cart",
    "description": "…",
    "evidence": "…",
    "jira_search_keywords": ["cart", "items", "lost"],
}
ANSWER: dict[str, Any] = {
    "classification": "CODE ISSUE",
    "confidence": 0.8,
    "details": "It fails { because",
    "evidence": [{"quote": 'a "quote"', "source": "error.txt", "line": "12"}],
    "affected_tests": ["a", "b"],
    "code_fix": FIX,
}
EXPECTED = Finding(
    Classification.CODE_ISSUE,
    0.8,
    "It fails { because",
    evidence=(Evidence('a "quote"', "error.txt", 12),),
    code_fix=CodeFix("tests/test_cart.py", "42", "Wait", tests_repo_search_keywords=("cart", "wait", "add")),
    affected_tests=("a", "b"),
)
TEXT = json.dumps(ANSWER)
DRAFT = json.dumps({**ANSWER, "classification": "PRODUCT BUG"})

WRAPPINGS = {
    "alone": TEXT,
    "white space": f"\n\n  {TEXT}\n",
    "fence": f"```json\n{TEXT}\n```",
    "fence in prose": f"Here is my answer:\n\n```\n{TEXT}\n```\nI hope that helps {{:}}.",
    "prose with braces": f"The set {{1, 2}} and {{ 'x' }} … so: {TEXT} done }}",
    "apostrophes before": f"I've read error.txt; it's clear. {TEXT}",
    "a draft before": f"First thought: {DRAFT}\nFinally: {TEXT}",
    "another object before": f'{{"thinking": true}} {TEXT}',
    "the template before": f'{{"classification": "CODE ISSUE" or "PRODUCT BUG"}} {TEXT}',
    "pretty": json.dumps(ANSWER, indent=4),
    "trailing commas": json.dumps(ANSWER, indent=1).replace("\n }", ",\n }").replace('"b"', '"b",'),
}


@pytest.mark.parametrize("text", WRAPPINGS.values(), ids=WRAPPINGS)
def test_an_answer_is_found_in_what_models_wrap_around_it(text: str) -> None:
    assert parse_answer(text) == EXPECTED


def parsed(**changes: object) -> Finding:
    answer = parse_answer(json.dumps({**ANSWER, **changes}))
    assert isinstance(answer, Finding)
    return answer


def test_raw_newlines_in_strings_are_let_pass() -> None:
    assert parse_answer(TEXT.replace("fails { because", "fails\nbecause")) != EXPECTED
    assert isinstance(parse_answer(TEXT.replace("fails { because", "fails\nbecause")), Finding)


@pytest.mark.parametrize("spelling", ["code issue", "CODE_ISSUE", " Code-Issue ", "code  issue"])
def test_spellings_of_a_classification_are_tolerated(spelling: str) -> None:
    assert parsed(classification=spelling).classification is Classification.CODE_ISSUE


@pytest.mark.parametrize("value", ["", "FLAKY", "CODE ISSUE or PRODUCT BUG", 1, True, [], {}, ["CODE ISSUE"]])
def test_anything_else_is_no_classification(value: object) -> None:
    answer = parse_answer(json.dumps({**ANSWER, "classification": value}))

    assert isinstance(answer, NoVerdict)
    assert answer.reason is NoVerdictReason.UNUSABLE_ANSWER
    assert "classification" in answer.message


def test_an_honest_abstention_is_no_failure_of_the_provider() -> None:
    text = json.dumps({"classification": None, "no_verdict": "The trace is cut off.", "details": "KeyError"})

    assert parse_answer(text) == NoVerdict(
        NoVerdictReason.ABSTAINED, "The trace is cut off.", details="KeyError"
    )


CONFIDENCES = [
    (0, 0.0),
    (1, 1.0),
    ("0.7", 0.7),
    ("70%", 0.7),
    (70, None),
    (-0.1, None),
    (True, None),
    ("high", None),
    ([], None),
    (None, None),
    ("1e999", None),
]


@pytest.mark.parametrize(("value", "confidence"), CONFIDENCES)
def test_a_confidence_is_a_figure_from_0_to_1_or_nothing(value: object, confidence: float | None) -> None:
    assert parsed(confidence=value).confidence == confidence


@pytest.mark.parametrize("figure", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_figures_that_are_none_are_left_out(figure: str) -> None:
    answer = parse_answer(TEXT.replace("0.8", figure))

    assert isinstance(answer, Finding)
    assert answer.confidence is None


def test_the_part_that_contradicts_the_classification_is_dropped() -> None:
    bug = parsed(classification="PRODUCT BUG", product_bug_report=BUG)
    code = parsed(product_bug_report=BUG)
    infrastructure = parsed(classification="INFRASTRUCTURE", product_bug_report=BUG)

    assert (bug.code_fix, bug.product_bug_report is not None) == (None, True)
    assert (code.code_fix is not None, code.product_bug_report) == (True, None)
    assert (infrastructure.code_fix, infrastructure.product_bug_report) == (None, None)


def test_a_bug_report_is_read() -> None:
    assert parsed(
        classification="PRODUCT BUG", product_bug_report=BUG
    ).product_bug_report == ProductBugReport(
        "Cart loses items", Severity.HIGH, "cart", "…", "…", ("cart", "items", "lost")
    )


@pytest.mark.parametrize(
    ("value", "severity"),
    [("CRITICAL", Severity.CRITICAL), ("blocker", Severity.MEDIUM), (3, Severity.MEDIUM)],
)
def test_an_unknown_severity_is_medium(value: object, severity: Severity) -> None:
    report = parsed(
        classification="PRODUCT BUG", product_bug_report={**BUG, "severity": value}
    ).product_bug_report

    assert report is not None
    assert report.severity is severity


def test_evidence_may_be_plain_strings() -> None:
    assert parsed(evidence=["one quote", 3, None, {"quote": ""}]).evidence == (Evidence("one quote", ""),)


def test_nothing_is_verified_because_the_answer_says_so() -> None:
    answer = parsed(
        evidence=[{"quote": "q", "source": "s", "verified": True}], code_fix={**FIX, "verified": True}
    )

    assert answer.code_fix is not None
    assert not answer.code_fix.verified
    assert not answer.evidence[0].verified


WRONG_TYPES: list[object] = [
    None,
    0,
    1.5,
    True,
    "text",
    [],
    [[]],
    {},
    {"a": {"b": []}},
    [None, {"quote": []}],
]


@pytest.mark.parametrize(
    "key", ["confidence", "details", "evidence", "affected_tests", "code_fix", "product_bug_report", "rules"]
)
@pytest.mark.parametrize("value", WRONG_TYPES, ids=repr)
def test_wrong_types_do_not_spoil_the_classification(key: str, value: object) -> None:
    assert parsed(**{key: value}).classification is Classification.CODE_ISSUE


UNUSABLE = {
    "nothing": "",
    "blank": " \n ",
    "prose": "I could not find anything wrong.",
    "cut off": TEXT[:-20],
    "a list": "[1, 2]",
    "another object": '{"error": "rate limited"}',
    "deep": '{"classification":' * 50_000,
    "deep lists": '{"classification": "CODE ISSUE", "details": ' + "[" * 100_000,
    "many braces": '{"' * 300_000,
    "many quotes": '{"a\\"' * 100_000,
    "long": "x" * (MAX_ANSWER_CHARS + 1),
    "huge number": '{"classification": ' + "9" * 10_000 + "}",
}


@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)
@pytest.mark.timeout(10)
def test_an_unusable_answer_says_so_and_keeps_a_bounded_text(text: str) -> None:
    answer = parse_answer(text)

    assert isinstance(answer, NoVerdict)
    assert answer.reason is NoVerdictReason.UNUSABLE_ANSWER
    assert answer.message
    assert answer.raw_text == text[:MAX_RAW_CHARS]


def test_what_no_database_stores_is_taken_out() -> None:
    answer = parse_answer(TEXT.replace("It fails", "It \\u0000fails \\ud800"))

    assert isinstance(answer, Finding)
    assert answer.details == "It fails ? { because"


def test_an_answer_survives_writing_and_reading() -> None:
    assert parse_answer(answer_json(EXPECTED)) == EXPECTED


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert isinstance(parse_answer(text), NoVerdict)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(sorted({*ANSWER, *FIX, *BUG, "x"})), inner)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(sorted({*ANSWER, "no_verdict", "product_bug_report", "rules"})), JSON_VALUES
    )
)
def test_any_object_gets_an_answer_that_can_be_written_again(document: dict[str, object]) -> None:
    answer = parse_answer(json.dumps({"classification": "product bug", **document}))

    if isinstance(answer, Finding):
        assert parse_answer(answer_json(answer)) == answer
    else:
        assert answer.message
