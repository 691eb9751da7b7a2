"""What people say of the failures of a result: which failure is meant, what they decided, and when."""

from dataclasses import dataclass
from enum import StrEnum

_NAME_SHOWN = 200


@dataclass(frozen=True, slots=True)
class FailureTarget:
    """A failure of a result, as people name it."""

    test_name: str
    child_job_name: str = ""
    """Empty for failures of the analysed build itself."""
    child_build_number: int = 0
    """0 with a name: the first build of that child that has the test."""

    @property
    def shown(self) -> str:
        """As messages name it."""
        name = repr(self.test_name[:_NAME_SHOWN])
        if not self.child_job_name:
            return name
        number = f" #{self.child_build_number}" if self.child_build_number else ""
        return f"{name} in {self.child_job_name[:_NAME_SHOWN]!r}{number}"


@dataclass(frozen=True, slots=True)
class Override:
    """A person's decision on a failure group of one build."""

    child_job_name: str
    """Empty for the analysed build itself."""
    child_build_number: int
    group_number: int
    classification: str
    replaced: str
    """The classification that it took the place of; empty for no verdict."""
    username: str
    """Empty when nobody was named."""
    created_at: str


class DecisionReuse(StrEnum):
    """What becomes of people's decisions when the same failure comes again."""

    OFF = "off"
    SUGGEST = "suggest"
    """Whoever reads the result sees them, and so does an AI that is asked."""
    ANSWER = "answer"
    """The newest one is the answer; nobody is asked."""


@dataclass(frozen=True, slots=True)
class PastDecision:
    """What a person decided when a failure, or one that resembles it, came before."""

    classification: str
    username: str
    """Empty when nobody was named."""
    decided_at: str
    job_id: str
    """Of the analysis in which it was decided."""
    similarity: float = 1.0
    """1.0: the error signature is the same. Less: how probable it is that both failures have one cause."""
    test_name: str = ""
    """Of the past failure, for one that only resembles the new one; else empty."""

    @property
    def is_exact(self) -> bool:
        """Whether it was about the same failure."""
        return self.similarity == 1.0


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes a comment, or deletes it."""

    name: str
    """Empty when nobody is named."""
    proven: bool
    """Whether they have proven the name; a plain cookie proves nothing."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What a person wrote about a failure."""

    id: int
    job_id: str
    test_name: str
    child_job_name: str
    child_build_number: int
    comment: str
    error_signature: str
    username: str
    created_at: str


@dataclass(frozen=True, slots=True)
class ReviewMark:
    """Whether a failure has been reviewed."""

    test_name: str
    child_job_name: str
    child_build_number: int
    reviewed: bool
    username: str
    """Who said so last."""
    updated_at: str

    @property
    def key(self) -> str:
        """The failure's name in the reference's map of reviews."""
        if not self.child_job_name:
            return self.test_name
        return f"{self.child_job_name}#{self.child_build_number}::{self.test_name}"
