"""What is asked of the history of failures, and what it says."""

from dataclasses import dataclass, field
from enum import StrEnum


class HistoryLabel(StrEnum):
    """A person's or the AI's word on a test over time."""

    FLAKY = "FLAKY"
    REGRESSION = "REGRESSION"
    INFRASTRUCTURE = "INFRASTRUCTURE"
    KNOWN_BUG = "KNOWN_BUG"
    INTERMITTENT = "INTERMITTENT"


class Trend(StrEnum):
    """Where a job is going: the share of its builds that failed, this week against the week before."""

    STABLE = "stable"
    IMPROVING = "improving"
    WORSENING = "worsening"


def rate(part: int, whole: int) -> float:
    """A share to four digits; 0 of nothing."""
    return round(part / whole, 4) if whole else 0.0


@dataclass(frozen=True, slots=True)
class HistoryFilters:
    """Which failures; an empty text leaves its filter out."""

    search: str = ""
    """A part of the test's name, the message or the job's name; upper and lower case of ASCII letters are the same."""
    job_name: str = ""
    classification: str = ""


@dataclass(frozen=True, slots=True)
class PastFailure:
    """One failure of one completed analysis."""

    id: int
    job_id: str
    job_name: str
    build_number: int
    test_name: str
    error_message: str
    error_signature: str
    classification: str
    child_job_name: str
    child_build_number: int
    analyzed_at: str


@dataclass(frozen=True, slots=True)
class PastComment:
    """What somebody wrote about a failure."""

    comment: str
    username: str
    created_at: str


@dataclass(frozen=True, slots=True)
class TestHistory:
    """The numbers of one test."""

    test_name: str
    failures: int = 0
    """Analyses in which it failed."""
    total_runs: int = 0
    """Completed analyses of the job; without a job, those in which it failed."""
    passes: int | None = 0
    """None when nobody knows how often it ran."""
    failure_rate: float | None = 0.0
    first_seen: str | None = None
    last_seen: str | None = None
    last_classification: str = ""
    classifications: dict[str, int] = field(default_factory=dict)
    recent: tuple[PastFailure, ...] = ()
    comments: tuple[PastComment, ...] = ()
    streak: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class SignatureHistory:
    """Where one error signature came up."""

    signature: str
    total: int
    tests: tuple[tuple[str, int], ...]
    """Names with how often, the most frequent first."""
    last_classification: str
    comments: tuple[PastComment, ...]


@dataclass(frozen=True, slots=True)
class JobHistory:
    """The numbers of one job."""

    job_name: str
    builds: int
    failing_builds: int
    common: tuple[tuple[str, str, int], ...]
    """Test name, classification, count; the ten most frequent."""
    trend: Trend

    @property
    def failure_rate(self) -> float:
        """Share of the builds that failed; 0 when there are none."""
        return rate(self.failing_builds, self.builds)


@dataclass(frozen=True, slots=True)
class NewLabel:
    """What somebody says of a test."""

    test_name: str
    label: HistoryLabel
    job_id: str
    reason: str = ""
    job_name: str = ""
    references: str = ""
    child_build_number: int = 0
    author: str = ""
    """Empty: nobody is named, so it was the AI."""


@dataclass(frozen=True, slots=True)
class LabelFilters:
    """Which labels; an empty text leaves its filter out."""

    test_name: str = ""
    classification: str = ""
    job_name: str = ""
    parent_job_name: str = ""
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A label, or a person's override of a verdict, as it is listed."""

    id: int
    test_name: str
    job_name: str
    parent_job_name: str
    classification: str
    reason: str
    references_info: str
    created_by: str
    job_id: str
    child_build_number: int
    created_at: str
