"""What people say of the failures of a result: which failure is meant, what they decided, and when."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FailureTarget:
    """A failure of a result, as people name it."""

    test_name: str
    child_job_name: str = ""
    """Empty for failures of the analysed build itself."""
    child_build_number: int = 0
    """0 with a name: the first build of that child that has the test."""


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
