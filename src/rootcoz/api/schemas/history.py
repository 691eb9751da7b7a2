"""Section History of the reference: what is sent and what comes back."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from rootcoz.api.schemas.requests import INT_LIMIT, Text
from rootcoz.domain.history import TestHistory

NAME_LIMIT = 5_000
"""Characters of a test's or a job's name: in its longest encoding it fits the 64 KiB that an address may have."""


class FailureRow(BaseModel):
    """One failure of a completed analysis."""

    id: int = Field(description="Failure-history row ID.")
    job_id: str = Field(description="Analysis job ID.")
    job_name: str = Field(description="Jenkins job name; empty for direct analyses.")
    build_number: int = Field(description="Jenkins build number; 0 for direct analyses.")
    test_name: str
    error_message: str = Field(description="Its first 2,000 characters.")
    error_signature: str
    classification: str = Field(description="Empty when there was no verdict.")
    child_job_name: str = Field(description="Of the child build whose failure it is, or empty.")
    child_build_number: int
    analyzed_at: str


class FailurePage(BaseModel):
    """A page of the failure history, the newest first."""

    failures: list[FailureRow]
    total: int = Field(description="All matching rows, or as many as are known of.")
    total_is_exact: bool = Field(
        description=(
            "False only in a large history, for a search or a classification that was not counted yet: there are at "
            "least `total` rows, and more than the page shows if there are more. Ask again for the count."
        )
    )


class RecentRun(BaseModel):
    """A failure of the test."""

    job_id: str
    job_name: str
    build_number: int
    error_message: str
    error_signature: str
    classification: str
    child_job_name: str
    child_build_number: int
    analyzed_at: str


class HistoryComment(BaseModel):
    """What somebody wrote about such a failure."""

    comment: str
    username: str
    created_at: str


class TestHistoryResponse(BaseModel):
    """The numbers of one test."""

    test_name: str
    total_runs: int = Field(
        description="Completed analyses of the job; without job_name those in which the test failed."
    )
    failures: int = Field(description="Analyses in which the test failed.")
    passes: int | None = Field(description="Estimated; null without job_name.")
    failure_rate: float | None = Field(description="failures / total_runs; null without job_name.")
    first_seen: str | None
    last_seen: str | None
    last_classification: str = Field(description="The newest that is not empty.")
    classifications: dict[str, int]
    recent_runs: list[RecentRun]
    comments: list[HistoryComment]
    consecutive_failures: int = Field(
        description="Builds of the job in a row, up to the newest analysed one, in which the test failed. "
        "Without job_name, of the job in which it failed last."
    )
    note: str

    @classmethod
    def of(cls, history: TestHistory) -> "TestHistoryResponse":
        """In the reference's words."""
        return cls(
            test_name=history.test_name,
            total_runs=history.total_runs,
            failures=history.failures,
            passes=history.passes,
            failure_rate=history.failure_rate,
            first_seen=history.first_seen,
            last_seen=history.last_seen,
            last_classification=history.last_classification,
            classifications=history.classifications,
            recent_runs=[RecentRun.model_validate(row, from_attributes=True) for row in history.recent],
            comments=[HistoryComment.model_validate(one, from_attributes=True) for one in history.comments],
            consecutive_failures=history.streak,
            note=history.note,
        )


class SignatureTest(BaseModel):
    """A test that failed with the signature."""

    test_name: str
    occurrences: int


class SignatureResponse(BaseModel):
    """Where an error signature came up."""

    signature: str
    total_occurrences: int
    unique_tests: int
    tests: list[SignatureTest]
    last_classification: str
    comments: list[HistoryComment]


class CommonFailure(BaseModel):
    """One of the most frequent failures of a job."""

    test_name: str
    count: int
    classification: str


class JobStatsResponse(BaseModel):
    """The numbers of one job."""

    job_name: str
    total_builds_analyzed: int
    builds_with_failures: int
    overall_failure_rate: float = Field(description="builds_with_failures / total_builds_analyzed.")
    most_common_failures: list[CommonFailure] = Field(description="Ten at most.")
    recent_trend: Literal["stable", "improving", "worsening"] = Field(
        description="The share of failing builds of the last seven days against the seven days before."
    )


class ClassifyRequest(BaseModel):
    """What somebody says of a test."""

    test_name: Text = Field(max_length=NAME_LIMIT)
    classification: Text = Field(
        max_length=100,
        description="FLAKY, REGRESSION, INFRASTRUCTURE, KNOWN_BUG or INTERMITTENT, in upper or lower case.",
    )
    reason: Text = Field(default="", max_length=20_000)
    job_name: Text = Field(default="", max_length=NAME_LIMIT)
    references: Text = Field(
        default="", max_length=20_000, description="Issues; required when classification is KNOWN_BUG."
    )
    job_id: Annotated[Text, Field(min_length=1, max_length=64, pattern=r"\S")] = Field(
        description="Analysis job ID. It need not exist."
    )
    child_build_number: int = Field(default=0, ge=0, le=INT_LIMIT)


class ClassifyResponse(BaseModel):
    """The row that was made."""

    id: int = Field(description="New classification row ID.")


class ClassificationRow(BaseModel):
    """What was said of a test."""

    id: int
    test_name: str
    job_name: str
    parent_job_name: str = Field(description="Of the analysed build when job_name is another job: its child.")
    classification: str
    reason: str
    references_info: str
    created_by: str = Field(description="`ai` when nobody put a name to it.")
    job_id: str
    child_build_number: int
    created_at: str


class ClassificationsResponse(BaseModel):
    """What was said of tests, the newest first."""

    classifications: list[ClassificationRow]
