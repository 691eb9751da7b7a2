from rootcoz.analysis.issue_case import IssueCase
from rootcoz.analysis.issue_text import (
    PROJECT_URL,
    Author,
    Places,
    below,
    case_facts,
    checked_body,
    plain_body,
    plain_title,
)
from rootcoz.domain.analysis import AnalysisOptions, AnalysisStatus, StoredAnalysis
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.domain.finding import (
    Answer,
    Classification,
    CodeFix,
    Evidence,
    Finding,
    NoVerdict,
    NoVerdictReason,
)
from rootcoz.kit.markdown import Markdown
from rootcoz.kit.markup import Block, write

FAILURE = Failure("tests.orders.test_create", "\nAssertionError: 500\nmore", "at Orders.java:42")
ABSTAINED = NoVerdict(NoVerdictReason.ABSTAINED, "The log ends too early.", details="It is *unclear*.")
FIX = CodeFix("tests/orders.py", "12", "Wait for it.", "pay()", "await pay()")


def case(answer: Answer, failure: Failure = FAILURE, failures: int = 1) -> IssueCase:
    analysis = StoredAnalysis(
        id=1,
        job_id="job-1",
        status=AnalysisStatus.COMPLETED,
        source="failures",
        job_name="",
        build_number=0,
        jenkins_url="",
        options=AnalysisOptions("builtin", "", 60, 1),
        request_params={},
        order=None,
        reports=(),
        notes=(),
        progress_log=(),
        failure_count=1,
        groups_total=1,
        attempts=1,
        created_at="",
        started_at=None,
        completed_at=None,
    )
    group = FailureGroup(1, ErrorSignature("0" * 64, 1), failure, (0,))
    return IssueCase(analysis, group, "", answer, (failure.test_name, "tests.other"), failures, None)


def shown(blocks: list[Block]) -> str:
    return write(blocks, [], Markdown())


def test_a_title_without_a_report_names_test_and_error() -> None:
    assert plain_title(case(ABSTAINED)) == "test_create fails: AssertionError: 500"


def test_that_nobody_could_decide_is_said() -> None:
    text = shown(plain_body(case(ABSTAINED)))

    assert text.startswith("## What happens\n\nThe analysis could not decide: The log ends too early.")
    assert "\\*unclear\\*" in text
    assert "classification" not in case_facts(case(ABSTAINED))


def test_a_suggested_change_is_marked_as_what_it_is() -> None:
    text = shown(plain_body(case(Finding(Classification.CODE_ISSUE, 0.5, "It is too quick.", code_fix=FIX))))

    assert "`tests/orders.py, line 12` (this place is not verified)" in text
    assert "As it should be: (suggested, not verified)\n\n```text\nawait pay()\n```" in text


def test_code_of_an_ai_is_looked_up_piece_by_piece() -> None:
    said = "```\nAssertionError: 500\n```\n```\nAssertionError: 501\n```\n```\nat Orders.java:42\n```"
    text = shown(checked_body(said, case(ABSTAINED)))

    assert text.split("\n\n")[1::2] == [
        "(Found in the error message, line 2.)",
        "(Not verified: not found in the failure's texts.)",
        "(Found in the stack trace, line 1.)",
    ]


def test_other_tests_of_the_group_are_named_and_the_rest_counted() -> None:
    text = shown(below(case(ABSTAINED, failures=5), Places(), Author()))

    assert "- Fail alike: `5 tests of this analysis`\n  - `tests.other`\n  - and 3 more" in text
    assert "Nothing was quoted as evidence." in text


def test_verified_and_unverified_evidence_stand_apart() -> None:
    evidence = (Evidence("Assertion", "error_message", 2, verified=True), Evidence("made up", "x"))
    text = shown(below(case(Finding(Classification.PRODUCT_BUG, None, "", evidence)), Places(), Author()))
    found, _, unfound = text.partition("Not verified: ")

    assert "In the error message, line 2:\n\n```text\nAssertion\n```" in found
    assert "made up" in unfound
    assert f"[rootcoz]({PROJECT_URL}) without an AI." in text
