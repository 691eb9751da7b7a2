"""What people send when they review a result, and what they get back."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from rootcoz.api.schemas.requests import INT_LIMIT, Text
from rootcoz.domain.finding import Classification
from rootcoz.domain.link import LinkKind
from rootcoz.domain.review import FailureTarget

ID_CHARS = 200
NAME_CHARS = 200
ChildBuildNumber = Annotated[int, Field(ge=0, le=INT_LIMIT)]


class FailureReference(BaseModel):
    """Which failure is meant."""

    test_name: Text = Field(description="Name of the failed test.")
    child_job_name: Text = Field(default="", description="Child job name for pipeline failures.")
    child_build_number: ChildBuildNumber = Field(
        default=0,
        description="Child build number for pipeline failures; 0: the first build of that child with the test.",
    )

    @model_validator(mode="after")
    def _number_needs_name(self) -> Self:
        if self.child_build_number and not self.child_job_name:
            raise ValueError("child_build_number needs child_job_name")
        return self

    def target(self) -> FailureTarget:
        """The same for the inside."""
        return FailureTarget(self.test_name, self.child_job_name, self.child_build_number)


class OverrideRequest(FailureReference):
    """A person's classification of a failure group."""

    test_name: Text = Field(description="Representative test name from the failure group.")
    classification: Classification = Field(description="New classification.")


class ReviewedRequest(FailureReference):
    """Mark or unmark a failure."""

    reviewed: bool = Field(description="New review state.")


class CommentRequest(FailureReference):
    """A comment on a failure."""

    comment: Text = Field(description="Comment text.")


class OverrideResponse(BaseModel):
    """The classification was set."""

    status: Literal["ok"] = Field(description="Always ok on success.")
    classification: str = Field(description="Applied classification.")


class UndoneResponse(BaseModel):
    """An override was taken back."""

    status: Literal["ok"] = Field(description="Always ok on success.")
    classification: str = Field(description="Classification that stands again; empty for no verdict.")


class ReviewedResponse(BaseModel):
    """The review state was set."""

    status: Literal["ok"] = Field(description="Always ok on success.")
    reviewed_by: str = Field(description='Username recorded for this change, or "".')


class AddedComment(BaseModel):
    """A comment was stored."""

    id: int = Field(description="New comment ID.")


class DeletedComment(BaseModel):
    """A comment was deleted."""

    status: Literal["deleted"] = Field(description="Always deleted on success.")


class CommentPayload(BaseModel):
    """A stored comment."""

    id: int = Field(description="Comment ID.")
    job_id: str = Field(description="Analysis job ID.")
    test_name: str = Field(description="Failure name.")
    child_job_name: str = Field(description='Child job name, or "".')
    child_build_number: int = Field(description="Child build number, or 0.")
    comment: str = Field(description="Comment text.")
    error_signature: str = Field(description="Stored error signature for the failure group.")
    username: str = Field(description="Comment author.")
    created_at: str = Field(description="Creation timestamp, UTC, ISO 8601.")


class ReviewState(BaseModel):
    """Whether a failure has been reviewed."""

    reviewed: bool = Field(description="Current review state.")
    username: str = Field(description="User who last changed the review state.")
    updated_at: str = Field(description="Last update timestamp, UTC, ISO 8601.")


class DiscussionResponse(BaseModel):
    """All comments and review states of an analysis."""

    comments: list[CommentPayload] = Field(description="Stored comments for the job, the oldest first.")
    reviews: dict[str, ReviewState] = Field(
        description=(
            "Review map keyed by test name for top-level failures, or "
            "child_job_name#child_build_number::test_name for child jobs."
        ),
        # Says nothing of an object to JSON Schema; readers that know no maps find there what an entry is.
        json_schema_extra={"items": {"$ref": "#/components/schemas/ReviewState"}},
    )


class EnrichmentRecord(BaseModel):
    """An issue or a pull request that a comment names."""

    type: LinkKind = Field(description="One of github_pr, github_issue, or jira.")
    key: str = Field(description="Tracker identifier such as owner/repo#123 or OCPBUGS-12345.")
    status: str = Field(
        description=(
            "Current tracker status: open, closed or merged at GitHub, the name of the status in Jira; unknown when "
            "the tracker could not be asked, did not answer in time, or does not show it to us."
        )
    )
    url: str = Field(description='Where people find it, or "".')


class EnrichmentsResponse(BaseModel):
    """What the comments of an analysis name, and its states."""

    enrichments: dict[str, list[EnrichmentRecord]] = Field(
        description=(
            "Map keyed by comment ID string. Each value is an array of enrichment records, in the order of the text. "
            "Comments that name nothing are left out."
        )
    )


class CommentIntentRequest(BaseModel):
    """A comment that is to be understood."""

    comment: Text = Field(description="Comment text to analyze.")
    job_id: Text = Field(
        default="",
        max_length=ID_CHARS,
        description=(
            "Optional job ID used to recover the original AI provider/model when neither the request nor the server "
            "names one."
        ),
    )
    ai_provider: Text | None = Field(default=None, max_length=NAME_CHARS, description="AI provider override.")
    ai_model: Text | None = Field(default=None, max_length=NAME_CHARS, description="AI model override.")


class CommentIntentResponse(BaseModel):
    """What the comment says about the review."""

    suggests_reviewed: bool = Field(description="true when the comment implies reviewed or resolved status.")
    reason: str = Field(description='Short explanation from the AI, or "".')
