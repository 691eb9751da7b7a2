import pytest

from rootcoz.analysis.consensus import NextStep, agrees, changes, counted, next_step, revised
from rootcoz.domain.debate import UnusableVote, Vote
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

CODE, BUG, INFRA = Classification.CODE_ISSUE, Classification.PRODUCT_BUG, Classification.INFRASTRUCTURE
FOUND = Evidence("expected 200", "error_message", 1, verified=True)
INVENTED = Evidence("never said", "error_message")
NOTHING = UnusableVote("It could not be asked.")


def vote(classification: Classification, *evidence: Evidence, flag: bool | None = None) -> Vote:
    return Vote(flag, classification, "because", "", evidence)


@pytest.mark.parametrize(
    ("ballots", "round_number", "step"),
    [
        ([vote(CODE)], 1, NextStep.AGREE),
        ([vote(CODE), NOTHING], 1, NextStep.AGREE),
        ([vote(CODE), vote(CODE)], 3, NextStep.AGREE),
        ([vote(CODE), vote(BUG)], 1, NextStep.REVISE),
        ([vote(BUG), vote(BUG)], 2, NextStep.REVISE),
        ([vote(INFRA)], 1, NextStep.REVISE),
        ([vote(CODE), vote(BUG)], 3, NextStep.END),
        ([NOTHING], 1, NextStep.STOP),
        ([NOTHING, NOTHING], 3, NextStep.STOP),
    ],
)
def test_what_follows_a_round_about_a_code_issue(
    ballots: list[Vote | UnusableVote], round_number: int, step: NextStep
) -> None:
    assert next_step(ballots, CODE, round_number=round_number, max_rounds=3) is step


@pytest.mark.parametrize("flag", [True, False, None])
def test_the_flag_of_a_vote_decides_nothing(flag: bool | None) -> None:  # noqa: FBT001 - the case itself
    assert agrees(vote(CODE, flag=flag), CODE)
    assert not agrees(vote(BUG, flag=flag), CODE)


@pytest.mark.parametrize("classification", list(Classification))
def test_each_classification_can_be_agreed_on(classification: Classification) -> None:
    assert next_step([vote(classification)], classification, round_number=1, max_rounds=3) is NextStep.AGREE


@pytest.mark.parametrize(
    ("evidence", "counts"),
    [((), True), ((FOUND,), True), ((INVENTED, FOUND), True), ((INVENTED,), False), ((INVENTED,) * 2, False)],
)
def test_a_vote_counts_unless_nothing_that_it_quotes_exists(
    evidence: tuple[Evidence, ...], *, counts: bool
) -> None:
    cast = vote(CODE, *evidence)
    ballot = counted(cast)

    assert isinstance(ballot, Vote) == counts
    assert counts or (isinstance(ballot, UnusableVote) and ballot.vote == cast)


def test_a_ballot_that_is_unusable_already_stays_as_it_is() -> None:
    assert counted(NOTHING) is NOTHING


FIRST = Finding(
    CODE, 0.6, "The test is wrong.", (FOUND,), CodeFix("tests/test_a.py", "3", "Wait."), affected_tests=("a",)
)


def test_a_revision_of_the_same_classification_keeps_what_it_leaves_out() -> None:
    assert revised(FIRST, Finding(CODE, None, "")) == FIRST


def test_a_revision_of_the_same_classification_replaces_what_it_says() -> None:
    said = Finding(
        CODE, 0.9, "It waits too little.", code_fix=CodeFix("tests/test_b.py", "4", "Wait longer.")
    )
    after = revised(FIRST, said)

    assert (after.confidence, after.details, after.code_fix) == (0.9, said.details, said.code_fix)
    assert after.evidence == FIRST.evidence


def test_another_classification_brings_nothing_of_the_old_answer_along() -> None:
    said = Finding(BUG, None, "It answers 500.")

    assert revised(FIRST, said) == said


def test_changes_name_what_is_different() -> None:
    report = ProductBugReport("500", Severity.HIGH, "", "", "")
    said = Finding(BUG, 0.9, "It answers 500.", (FOUND,), product_bug_report=report)

    assert changes(FIRST, FIRST) == ""
    assert changes(FIRST, said) == (
        "classification from CODE ISSUE to PRODUCT BUG, confidence from 0.6 to 0.9, details, code fix, bug report"
    )
    assert (
        changes(FIRST, NoVerdict(NoVerdictReason.ABSTAINED, ""))
        == "classification from CODE ISSUE to no verdict"
    )
