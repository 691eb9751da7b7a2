"""Judging, checked against a folder of cases: `NAME.txt` holds the failure, `NAME.expected.txt` the answer.

A case is sections headed `=== field`; the expected file is the answer in lines, made so that a review of its
difference is a review of the behaviour. Set ROOTCOZ_WRITE_CORPUS=1 to write the expected files anew.
"""

import io
import os
import re
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Answer, Classification, Finding, NoVerdict, NoVerdictReason
from rootcoz.evidence.claims import check_claims
from rootcoz.sources.junit_xml import read_junit
from rootcoz.triage import RULES, judge
from rootcoz.triage.weighing import MAX_CONFIDENCE

CORPUS = Path(__file__).parents[1] / "corpus" / "triage"
CASES = sorted(path for path in CORPUS.glob("*.txt") if not path.name.endswith(".expected.txt"))


def read_case(path: Path) -> Failure:
    parts = re.split(r"^=== (\w+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    fields = {name: text.strip("\n") for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    return Failure(**{"test_name": path.stem, **fields})  # type: ignore[arg-type]  # all fields used are texts


def rendered(answer: Answer) -> str:
    if isinstance(answer, NoVerdict):
        lines = [f"no verdict: {answer.reason}", f"message: {answer.message}"]
    else:
        lines = [f"{answer.classification} {answer.confidence}", f"rules: {', '.join(answer.rules)}"]
    lines += ["", answer.details, ""]
    lines += [
        f"{item.source}:{item.line} {'✓' if item.verified else '✗'} {item.quote}" for item in answer.evidence
    ]
    if isinstance(answer, Finding) and (fix := answer.code_fix):
        lines += ["", f"fix {fix.file}:{fix.line} {'✓' if fix.verified else '✗'}", fix.change]
        lines += [f"keywords: {', '.join(fix.tests_repo_search_keywords)}"]
    if isinstance(answer, Finding) and (report := answer.product_bug_report):
        lines += ["", f"bug ({report.severity}, {report.component}): {report.title}"]
        lines += [f"keywords: {', '.join(report.jira_search_keywords)}", report.description]
    return "\n".join(lines) + "\n"


def sources(failure: Failure) -> dict[str, str]:
    return {
        "error_message": failure.error_message,
        "stack_trace": failure.stack_trace,
        "output": failure.output,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_case_is_judged_as_written_beside_it(case: Path) -> None:
    failure = read_case(case)
    expected = case.with_suffix(".expected.txt")

    answer = rendered(check_claims(judge(failure), sources(failure)))

    if os.environ.get("ROOTCOZ_WRITE_CORPUS"):
        expected.write_text(answer, encoding="utf-8")
    assert answer == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_everything_quoted_is_really_there(case: Path) -> None:
    failure = read_case(case)

    answer = check_claims(judge(failure), sources(failure))

    assert all(item.verified for item in answer.evidence)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_heard_where_its_first_example_is_the_message(rule: object) -> None:
    known = next(known for known in RULES if known is rule)

    answer = judge(Failure("t", known.examples[0]))

    assert isinstance(answer, NoVerdict) or answer.classification in Classification
    if isinstance(answer, Finding) and answer.classification is known.classification:
        assert known.name in answer.rules


def test_a_failure_without_any_text_is_not_guessed_at() -> None:
    answer = judge(Failure("t"))

    assert isinstance(answer, NoVerdict)
    assert answer.reason is NoVerdictReason.ABSTAINED
    assert answer.evidence == ()


def test_contradicting_signs_of_equal_weight_make_it_abstain() -> None:
    answer = judge(Failure("t", "HTTP Error 500: Internal Server Error\nHTTP Error 503: Service Unavailable"))

    assert isinstance(answer, NoVerdict)
    assert "HTTP Error 500" in answer.details


def test_the_output_counts_less_than_the_message() -> None:
    said = judge(Failure("t", "OSError: No space left on device"))
    printed = judge(Failure("t", "step failed badly", output="write: No space left on device"))

    assert isinstance(said, Finding)
    assert isinstance(printed, Finding)
    assert (said.confidence or 0) > (printed.confidence or 0)


def test_a_test_s_further_failures_are_told_and_quoted() -> None:
    document = (
        b'<testsuite><testcase name="n"><failure message="E1"/><failure message="E2"/><error message="E3"/>'
        b"</testcase></testsuite>"
    )
    (failure,) = read_junit(io.BytesIO(document)).failures

    answer = check_claims(judge(failure), sources(failure))

    assert "2 more failures: E2; E3" in answer.details
    assert [(item.quote, item.verified) for item in answer.evidence] == [
        ("E1", True),
        ("E2", True),
        ("E3", True),
    ]


SAME_FAILURES = {
    "refused": (
        "java.net.ConnectException: Connection refused",
        "psycopg.OperationalError: connection failed: connection to server at 10.0.0.7 failed: Connection refused",
        "Error: connect ECONNREFUSED 10.0.0.7:5432",
        "dial tcp 10.0.0.7:5432: connect: connection refused",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "SocketException: No connection could be made because the target machine actively refused it.",
        "Errno::ECONNREFUSED: Failed to open TCP connection to shop:80",
    ),
    "timed out": (
        "java.net.SocketTimeoutException: connect timed out",
        "TimeoutError: [Errno 110] Connection timed out",
        "Error: connect ETIMEDOUT 10.0.0.7:443",
        "dial tcp 10.0.0.7:443: i/o timeout",
        "java.net.http.HttpConnectTimeoutException: HTTP connect timed out",
    ),
    "unknown host": (
        "java.net.UnknownHostException: db.acme.test",
        "socket.gaierror: [Errno -2] Name or service not known",
        "Error: getaddrinfo ENOTFOUND db.acme.test",
    ),
    "no route": (
        "java.net.NoRouteToHostException: No route to host",
        "OSError: [Errno 113] No route to host",
        "Error: connect EHOSTUNREACH 10.0.0.7:443",
    ),
}


@pytest.mark.parametrize("message", [message for same in SAME_FAILURES.values() for message in same])
@pytest.mark.parametrize(
    "trace",
    ["\tat org.acme.shop.Orders.send(Orders.java:40)", '  File "/app/shop/orders.py", line 4, in send'],
)
def test_the_network_s_failures_are_the_infrastructure_s_whoever_met_them(message: str, trace: str) -> None:
    text = f"{message}\n{trace}\n" if trace.startswith("\t") else f"Traceback:\n{trace}\n{message}\n"

    answer = judge(Failure("t", message, text))

    assert isinstance(answer, Finding)
    assert answer.classification is Classification.INFRASTRUCTURE


def test_names_in_calls_do_not_mislead_the_rules() -> None:
    trace = "java.lang.IllegalStateException: closed\n\tat org.acme.Cart.add(Connection refused.java:7)\n"

    answer = judge(Failure("org.acme.CartTest.adds", "closed", trace))

    assert not isinstance(answer, Finding) or "connection-refused" not in answer.rules


def test_all_affected_tests_are_named() -> None:
    answer = judge(Failure("a", "OSError: No space left on device"), ("a", "b"))

    assert isinstance(answer, Finding)
    assert answer.affected_tests == ("a", "b")


def test_a_code_fix_never_invents_a_place() -> None:
    answer = judge(Failure("t", "fixture 'api_clinet' not found"))

    assert isinstance(answer, Finding)
    assert answer.classification is Classification.CODE_ISSUE
    assert answer.code_fix is None


def test_the_report_s_own_file_is_the_place_when_the_trace_has_none() -> None:
    answer = judge(Failure("t", "fixture 'api_clinet' not found", file="tests/test_api.py", line=9))

    assert isinstance(answer, Finding)
    assert answer.code_fix is not None
    assert (answer.code_fix.file, answer.code_fix.line) == ("tests/test_api.py", "9")


HOSTILE = {
    "one long line": "failed to create " * 4_000,
    "many retries": "connection to node failed because docker image pull permission " * 1_000,
    "dots and dots": "a." * 40_000 + "Error",
    "slashes": "/a" * 40_000 + ".py:1",
    "at": "at " * 40_000,
    "brackets": "at a.b(" + "(" * 40_000,
    "colons": "a:" * 40_000,
    "blanks": "timed out" + " " * 80_000 + "x",
    "file": 'File "' * 20_000,
    "many lines": "at a.B.c(D.java:1)\n" * 20_000,
    "megabytes": "expected: x\n" * 500_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_judged_quickly(text: str) -> None:
    started = perf_counter()

    judge(Failure("t", text, text, output=text))

    assert perf_counter() - started < 3


@given(st.text(alphabet='aAtT .:()\n"/#\\Error0123', max_size=400), st.text(max_size=100))
def test_any_failure_is_judged_with_an_honest_figure(message: str, trace: str) -> None:
    answer = judge(Failure("t", message, trace))

    if isinstance(answer, Finding):
        assert answer.confidence is not None
        assert 0 < answer.confidence <= MAX_CONFIDENCE
    else:
        assert answer.reason is NoVerdictReason.ABSTAINED
