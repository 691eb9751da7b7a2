"""The trail of a debate: who said what about an answer, with which evidence, and what changed."""

from dataclasses import dataclass
from enum import StrEnum

from rootcoz.domain.finding import Classification, Evidence


@dataclass(frozen=True, slots=True)
class Participant:
    """Who takes part: a provider and one of its models."""

    provider: str
    model: str


class Role(StrEnum):
    """What a participant does in a debate."""

    MAIN = "main"
    """It gave the answer and may revise it."""
    PEER = "peer"
    """It judges the answer."""


class Ending(StrEnum):
    """Why a debate was over."""

    CONSENSUS = "consensus"
    """Every usable vote of the last round has the answer's classification."""
    ROUNDS_USED_UP = "rounds_used_up"
    NO_USABLE_VOTE = "no_usable_vote"
    WITHDRAWN = "withdrawn"
    """After hearing the peers the main model could no longer decide."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What a peer says about the answer."""

    agrees: bool | None
    """Its own word; agreement is computed from the classifications all the same."""
    classification: Classification
    reasoning: str
    suggested_changes: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class UnusableVote:
    """A vote that counts for nothing."""

    reason: str
    """A sentence for people."""
    vote: Vote | None = None
    """What was said, where it could be read."""


@dataclass(frozen=True, slots=True)
class DebateEntry:
    """What one participant said in one round."""

    provider: str
    model: str
    role: Role
    classification: Classification | None
    """None when it gave none that could be read."""
    agrees: bool | None
    """Whether a peer's classification equals the answer's; None for the main model and for what is unusable."""
    reasoning: str
    suggested_changes: str = ""
    evidence: tuple[Evidence, ...] = ()
    """Looked up in the failure's texts."""
    usable: bool = True
    note: str = ""
    """Why it counts for nothing, or what else a reader should know."""
    changed: str = ""
    """What the main model changed since the round before; empty for nothing."""


@dataclass(frozen=True, slots=True)
class DebateRound:
    """One pass of all peers: the answer they judged, then a vote for each, in the order of the request."""

    number: int
    """From 1."""
    entries: tuple[DebateEntry, ...]


@dataclass(frozen=True, slots=True)
class Debate:
    """The whole story."""

    participants: tuple[Participant, ...]
    """The main model first."""
    max_rounds: int
    ending: Ending
    rounds: tuple[DebateRound, ...]

    @property
    def consensus(self) -> bool:
        """Whether all who could be counted agreed in the end."""
        return self.ending is Ending.CONSENSUS
