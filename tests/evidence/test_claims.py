from dataclasses import replace
from time import perf_counter

import pytest

from rootcoz.domain.finding import Classification, CodeFix, Evidence, Finding, NoVerdict, NoVerdictReason
from rootcoz.evidence.claims import check_claims

MESSAGE = "OrderError: the order 17 was not found"
STACK = (
    "Traceback (most recent call last):\n"
    '  File "/builds/9/tests/test_order.py", line 42, in test_order\n'
    "    place(order)\n"
    "OrderError: the order   17\n"
    "  was not found\n"
)
SOURCES = {"error_message": MESSAGE, "stack_trace": STACK}


def finding(*evidence: Evidence, fix: CodeFix | None = None) -> Finding:
    return Finding(Classification.CODE_ISSUE, 0.8, "details", evidence=evidence, code_fix=fix)


def checked_quote(quote: str, source: str = "stack_trace") -> Evidence:
    return check_claims(finding(Evidence(quote, source)), SOURCES).evidence[0]


def test_a_verbatim_quotation_is_verified_with_its_line() -> None:
    assert checked_quote("place(order)") == Evidence("place(order)", "stack_trace", 3, verified=True)


def test_white_space_may_be_folded_and_the_line_is_still_right() -> None:
    quote = "OrderError: the order 17 was\nnot found"

    assert check_claims(finding(Evidence(quote, "stack_trace")), {"stack_trace": STACK}).evidence[
        0
    ] == Evidence(quote, "stack_trace", 4, verified=True)


def test_a_similar_text_is_not_verified_and_not_dropped() -> None:
    assert checked_quote("the order 18 was not found") == Evidence(
        "the order 18 was not found", "stack_trace"
    )


def test_letters_of_another_case_are_not_the_same() -> None:
    assert not checked_quote("ordererror: the order").verified


def test_a_quotation_found_elsewhere_gets_that_source() -> None:
    assert checked_quote("order 17 was not found", "logs/app.log") == Evidence(
        "order 17 was not found", "error_message", 1, verified=True
    )


def test_the_named_source_comes_first() -> None:
    assert checked_quote("OrderError: the order").source == "stack_trace"


@pytest.mark.parametrize("quote", ["", "   ", "17", "():,.-\"'/\\#", "order"])
def test_trivial_quotations_prove_nothing(quote: str) -> None:
    evidence = check_claims(finding(Evidence(quote, "x", verified=True)), {"x": f"a {quote} b"}).evidence[0]

    assert not evidence.verified


@pytest.mark.parametrize("quote", ["boom", "E1", "ab cd", "17"])
@pytest.mark.parametrize("source", ["{}", "  {}\n", "\n\n{}\nat the end", "first\r\n\t{}\r\nlast"])
def test_a_short_quotation_counts_when_it_is_a_whole_line(quote: str, source: str) -> None:
    text = source.format(quote)

    evidence = check_claims(finding(Evidence(quote, "x")), {"x": text}).evidence[0]

    assert evidence == Evidence(quote, "x", text[: text.index(quote)].count("\n") + 1, verified=True)


@pytest.mark.parametrize("source", ["kaboom", "a boom b", "boom!", "Boom", ""])
def test_a_short_quotation_within_a_line_proves_nothing(source: str) -> None:
    assert not check_claims(finding(Evidence("boom", "x")), {"x": source}).evidence[0].verified


def test_a_claim_to_be_verified_is_worth_nothing() -> None:
    claimed = Evidence("invented words here", "stack_trace", 1, verified=True)

    assert not check_claims(finding(claimed), SOURCES).evidence[0].verified


def test_evidence_of_an_abstention_is_checked_too() -> None:
    abstained = NoVerdict(
        NoVerdictReason.ABSTAINED, "cannot tell", evidence=(Evidence("place(order)", "stack_trace"),)
    )

    checked = check_claims(abstained, SOURCES)

    assert isinstance(checked, NoVerdict)
    assert checked.evidence[0].verified


FIXES = {
    "as the trace spells it": ("/builds/9/tests/test_order.py", "42", True),
    "relative to the repository": ("tests/test_order.py", "42", True),
    "a range around it": ("tests/test_order.py", "40-45", True),
    "another line": ("tests/test_order.py", "43", False),
    "another folder": ("unit/test_order.py", "42", False),
    "another file": ("order.py", "42", False),
    "no line": ("tests/test_order.py", "", False),
    "no file": ("", "42", False),
    "a longer number": ("tests/test_order.py", "4", False),
}


@pytest.mark.parametrize(("file", "line", "verified"), FIXES.values(), ids=FIXES)
def test_a_code_fix_counts_when_its_place_is_in_a_frame(file: str, line: str, *, verified: bool) -> None:
    fix = CodeFix(file, line, "change it", verified=not verified)

    checked = check_claims(finding(fix=fix), SOURCES)

    assert isinstance(checked, Finding)
    assert checked.code_fix == replace(fix, verified=verified)


FRAMES = {
    "java": ("at org.acme.CartTest.adds(CartTest.java:42)", "src/test/java/org/acme/CartTest.java"),
    "javascript": ("at Context.<anonymous> (test/cart.spec.js:42:7)", "test/cart.spec.js"),
    "c#": (r"at Acme.CartTest.Adds() in C:\src\CartTest.cs:line 42", "src/CartTest.cs"),
    "php": ("#0 /app/tests/CartTest.php(42): add()", "tests/CartTest.php"),
    "php error": ("in /app/tests/CartTest.php on line 42", "tests/CartTest.php"),
    "go": ("\t/app/cart_test.go:42 +0x1d", "cart_test.go"),
}


@pytest.mark.parametrize(("frame", "file"), FRAMES.values(), ids=FRAMES)
def test_frames_of_all_languages_prove_a_place(frame: str, file: str) -> None:
    checked = check_claims(finding(fix=CodeFix(file, "42", "change it")), {"stack_trace": frame})

    assert isinstance(checked, Finding)
    assert checked.code_fix is not None
    assert checked.code_fix.verified


def test_a_hostile_quotation_is_looked_up_in_linear_time() -> None:
    source = "a " * 100_000
    started = perf_counter()

    checked = check_claims(finding(*[Evidence("a  " * 2_000 + "bbbbbb", "x")] * 20), {"x": source})

    assert not any(evidence.verified for evidence in checked.evidence)
    assert perf_counter() - started < 5
