"""Votes of rules and of the stack, and what they add up to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rootcoz.domain.finding import Classification, Evidence, Severity

MAX_CONFIDENCE = 0.95
"""A reader of one trace is never surer than this."""
_MIN_SCORE = 0.65
"""Log-odds below which nobody is believed: a hint that only the output gives."""
_MIN_LEAD = 0.25
"""Log-odds by which the best class must lead; closer than this is a guess."""
_FURTHER_VOTES = 0.3
"""How much a second vote for a class adds: rules overlap, so their words are not independent."""
_SILENCE = 0.0
"""Log-odds of the classes that nothing speaks for."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One reason to believe in one classification."""

    name: str
    classification: Classification
    weight: float
    """Log-odds."""
    reason: str
    advice: str
    evidence: Evidence
    severity: Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the votes add up to."""

    classification: Classification
    confidence: float
    votes: tuple[Vote, ...]
    """Those for the classification, strongest first; never empty."""


def weigh(votes: Sequence[Vote]) -> Verdict | None:
    """Add votes up; None when they are too weak or too close to tell."""
    scores = {
        classification: _score([vote.weight for vote in votes if vote.classification is classification])
        for classification in Classification
    }
    ranked = sorted(scores, key=scores.__getitem__, reverse=True)
    best, second = scores[ranked[0]], scores[ranked[1]]
    if best < _MIN_SCORE or best - second < _MIN_LEAD:
        return None
    share = math.exp(best) / sum(math.exp(score) for score in scores.values())
    backers = sorted(
        (vote for vote in votes if vote.classification is ranked[0]), key=lambda vote: -vote.weight
    )
    return Verdict(ranked[0], round(min(share, MAX_CONFIDENCE), 2), tuple(backers))


def _score(weights: list[float]) -> float:
    if not weights:
        return _SILENCE
    strongest = max(weights)
    return strongest + _FURTHER_VOTES * (sum(weights) - strongest)
