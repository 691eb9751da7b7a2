"""The rules of a debate as pure functions: which votes count, who agrees, what follows, what a revision changes."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from rootcoz.domain.debate import UnusableVote, Vote
from rootcoz.domain.finding import Answer, Classification, Evidence, Finding, NoVerdict

Ballot = Vote | UnusableVote
"""What came of asking one peer, its quotations looked up."""


class NextStep(StrEnum):
    """What follows a round."""

    AGREE = "agree"
    """The debate is over: whoever can be counted agrees."""
    STOP = "stop"
    """The debate is over: nobody can be counted."""
    END = "end"
    """The debate is over: the rounds are used up."""
    REVISE = "revise"
    """The main model may revise; another round judges what it says."""


def counted(ballot: Ballot) -> Ballot:
    """The ballot, or that it counts for nothing because nothing that it quotes exists.

    A vote without a quotation claims nothing that could be false; one true quotation is enough, since models miscopy.
    """
    if isinstance(ballot, Vote) and rests_on_nothing(ballot.evidence):
        return UnusableVote("Nothing that it quotes stands where it may be looked up.", ballot)
    return ballot


def rests_on_nothing(evidence: Sequence[Evidence]) -> bool:
    """Whether there are quotations and not one of them was found."""
    return bool(evidence) and not any(item.verified for item in evidence)


def agrees(vote: Vote, classification: Classification) -> bool:
    """Whether the vote is for the classification, whatever it says of itself."""
    return vote.classification is classification


def next_step(
    ballots: Sequence[Ballot], classification: Classification, *, round_number: int, max_rounds: int
) -> NextStep:
    """What follows the round with these ballots about an answer of that classification.

    After the last round nothing is revised: nobody would judge it.
    """
    votes = [ballot for ballot in ballots if isinstance(ballot, Vote)]
    if not votes:
        return NextStep.STOP
    if all(agrees(vote, classification) for vote in votes):
        return NextStep.AGREE
    return NextStep.END if round_number >= max_rounds else NextStep.REVISE


def revised(before: Finding, said: Finding) -> Finding:
    """The answer after a revision. Parts that it leaves out stay, unless they belong to another classification."""
    if said.classification is not before.classification:
        return said
    return replace(
        said,
        confidence=before.confidence if said.confidence is None else said.confidence,
        details=said.details or before.details,
        evidence=said.evidence or before.evidence,
        code_fix=said.code_fix or before.code_fix,
        product_bug_report=said.product_bug_report or before.product_bug_report,
        affected_tests=said.affected_tests or before.affected_tests,
    )


def changes(before: Finding, after: Answer) -> str:
    """What a revision changed, for people; empty for nothing."""
    if isinstance(after, NoVerdict):
        return f"classification from {before.classification} to no verdict"
    parts = []
    if after.classification is not before.classification:
        parts.append(f"classification from {before.classification} to {after.classification}")
    if after.confidence != before.confidence:
        parts.append(f"confidence from {_figure(before.confidence)} to {_figure(after.confidence)}")
    named = {
        "details": (before.details, after.details),
        "evidence": (before.evidence, after.evidence),
        "code fix": (before.code_fix, after.code_fix),
        "bug report": (before.product_bug_report, after.product_bug_report),
    }
    parts += [name for name, (old, new) in named.items() if old != new]
    return ", ".join(parts)


def _figure(confidence: float | None) -> str:
    return "none" if confidence is None else f"{confidence:g}"
