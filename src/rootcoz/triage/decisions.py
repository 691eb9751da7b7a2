"""What people decided before, weighed against what the rules say of a failure.

A person's decision about the same failure stands above every rule. One about a failure that only resembles it is heard
where the rules abstain, or where it is the likelier of the two; its similarity is its confidence.
"""

from collections.abc import Sequence
from dataclasses import replace

from rootcoz.domain.finding import Answer, Classification, Finding, NoVerdict
from rootcoz.domain.review import PastDecision

DECIDED = "decided-before"
DECIDED_SIMILAR = "similar-decided-before"
"""Names of these two reasons among the rules of a finding."""

_AGREED, _DIFFERED = 1.0, 0.25
"""Imagined decisions that are counted to the real ones: one person's word is right nine times of ten."""


def with_decisions(answer: Answer, decisions: Sequence[PastDecision]) -> Answer:
    """The rules' answer in the light of the decisions, which come as `analysis/memory.py` gives them."""
    exact = [one for one in decisions if one.is_exact]
    if exact:
        return _decided(answer, exact)
    if not decisions:
        return answer
    best = max(decisions, key=lambda one: one.similarity)
    if isinstance(answer, Finding):
        if answer.classification.value == best.classification:
            sure = max(answer.confidence or 0.0, best.similarity)
            return replace(answer, confidence=sure, rules=(*answer.rules, DECIDED_SIMILAR))
        if (answer.confidence or 0.0) >= best.similarity:
            return answer
    text = (
        f"{best.username or 'Somebody'} set {best.classification} for {best.test_name} on {best.decided_at[:10]}, in "
        f"analysis {best.job_id}. That failure resembles this one (similarity {best.similarity:.2f}): it may have "
        "the same cause, or another one."
    )
    return _as_decided(answer, best, best.similarity, DECIDED_SIMILAR, text)


def _decided(answer: Answer, exact: Sequence[PastDecision]) -> Finding:
    newest = exact[0]
    agreeing = sum(one.classification == newest.classification for one in exact)
    confidence = (agreeing + _AGREED) / (len(exact) + _AGREED + _DIFFERED)
    text = (
        f"{newest.username or 'Somebody'} set {newest.classification} for this failure on {newest.decided_at[:10]}, "
        f"in analysis {newest.job_id}: its error signature is the same."
    )
    return _as_decided(answer, newest, round(confidence, 2), DECIDED, text)


def _as_decided(answer: Answer, decision: PastDecision, confidence: float, rule: str, text: str) -> Finding:
    """The decision as a finding. What the rules said stays where it is about the same classification."""
    classification = Classification(decision.classification)
    if isinstance(answer, NoVerdict):
        details = f"{text}\n\n{answer.details}".strip()
        return Finding(classification, confidence, details, evidence=answer.evidence, rules=(rule,))
    if answer.classification is classification:
        details = f"{text}\n\n{answer.details}"
        return replace(answer, confidence=confidence, details=details, rules=(rule, *answer.rules))
    return Finding(
        classification,
        confidence,
        f"{text}\n\nThe built-in rules alone would say {answer.classification}: {answer.details}",
        evidence=answer.evidence,
        affected_tests=answer.affected_tests,
        rules=(rule,),
    )
