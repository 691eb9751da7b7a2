from dataclasses import replace

import pytest

from rootcoz.domain.finding import (
    Classification,
    CodeFix,
    Evidence,
    Finding,
    NoVerdict,
    NoVerdictReason,
)
from rootcoz.domain.review import PastDecision
from rootcoz.triage.decisions import DECIDED, DECIDED_SIMILAR, with_decisions

BUG = PastDecision("PRODUCT BUG", "carol", "2026-03-02T00:00:00.000Z", "job-2")
NEAR_BUG = replace(BUG, similarity=0.8, test_name="cart.test_total")
EVIDENCE = (Evidence("KeyError", "error_message"),)
SILENT = NoVerdict(NoVerdictReason.ABSTAINED, "cannot tell", details="It raised KeyError.", evidence=EVIDENCE)
CODE = Finding(
    Classification.CODE_ISSUE,
    0.6,
    "The test is wrong.",
    evidence=EVIDENCE,
    code_fix=CodeFix("t.py", "3", "mend"),
    rules=("fixture",),
)


def test_without_decisions_the_rules_answer() -> None:
    assert with_decisions(CODE, []) is CODE
    assert with_decisions(SILENT, []) is SILENT


@pytest.mark.parametrize("answer", [SILENT, CODE])
def test_what_a_person_decided_of_the_same_failure_stands_above_the_rules(
    answer: Finding | NoVerdict,
) -> None:
    decided = with_decisions(answer, [BUG])

    assert isinstance(decided, Finding)
    assert (decided.classification, decided.rules) == (Classification.PRODUCT_BUG, (DECIDED,))
    assert decided.details.startswith(
        "carol set PRODUCT BUG for this failure on 2026-03-02, in analysis job-2"
    )
    assert answer.details in decided.details
    assert decided.code_fix is None
    assert decided.evidence == EVIDENCE


def test_rules_that_agree_keep_what_they_found() -> None:
    decided = with_decisions(CODE, [replace(BUG, classification="CODE ISSUE")])

    assert isinstance(decided, Finding)
    assert decided.code_fix == CODE.code_fix
    assert decided.rules == (DECIDED, "fixture")


def test_people_who_agree_make_it_surer_and_those_who_do_not_less_sure() -> None:
    other = replace(BUG, classification="INFRASTRUCTURE")
    sure = [with_decisions(SILENT, known) for known in ([BUG] * 5, [BUG], [BUG, other])]
    confidences = [found.confidence for found in sure if isinstance(found, Finding)]

    assert confidences == [0.96, 0.89, 0.62]


def test_a_similar_failure_s_decision_is_heard_where_the_rules_are_silent_or_less_sure() -> None:
    for answer in (SILENT, CODE):
        found = with_decisions(answer, [NEAR_BUG])

        assert isinstance(found, Finding)
        assert (found.classification, found.confidence) == (Classification.PRODUCT_BUG, 0.8)
        assert found.rules == (DECIDED_SIMILAR,)
        assert "cart.test_total" in found.details
        assert "it may have the same cause, or another one" in found.details


def test_a_similar_failure_s_decision_does_not_stand_above_rules_that_are_surer() -> None:
    sure = replace(CODE, confidence=0.9)

    assert with_decisions(sure, [NEAR_BUG]) is sure


def test_a_similar_failure_s_decision_supports_the_same_answer() -> None:
    found = with_decisions(CODE, [replace(NEAR_BUG, classification="CODE ISSUE")])

    assert found == replace(CODE, confidence=0.8, rules=("fixture", DECIDED_SIMILAR))
