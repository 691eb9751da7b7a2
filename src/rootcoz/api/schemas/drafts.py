"""Drafts of issues: what people send for one, and what they get."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from rootcoz.api.schemas.requests import INT_LIMIT, NonBlank, ProviderName, Text
from rootcoz.api.schemas.review import FailureReference

NO_SECRET = SecretStr("")


class IssuePromptResponse(BaseModel):
    """A team's wishes for its issues."""

    prompt: str = Field(
        description=(
            'Prompt file contents, or "" when the job has no tests repository, the file is missing, the job does '
            "not exist, or the fetch fails."
        )
    )


class _DraftRequest(FailureReference):
    test_name: Text = Field(description="Failure to preview.")
    include_links: bool = Field(
        default=False,
        description=(
            "Includes report and Jenkins links in generated content when the server can build public URLs."
        ),
    )
    ai_provider: ProviderName | Literal[""] = Field(
        default="", description="AI provider override for preview generation."
    )
    ai_model: Text = Field(
        default="", max_length=200, description="AI model override for preview generation."
    )
    issue_prompt: Text = Field(
        default="", max_length=20_000, description="Extra instructions appended to issue generation."
    )


class GitHubDraftRequest(_DraftRequest):
    """Draft an issue for GitHub."""

    github_token: SecretStr = Field(
        default=NO_SECRET,
        description="GitHub token used for duplicate searching. Falls back to the server token when available.",
    )
    github_repo_url: Text = Field(
        default="",
        max_length=2000,
        description=(
            "Overrides the GitHub repository used for duplicate searching. The server's token is not used for it."
        ),
    )


class JiraDraftRequest(_DraftRequest):
    """Draft a bug for Jira."""

    jira_token: SecretStr = Field(
        default=NO_SECRET,
        description="Jira token used for duplicate searching. Falls back to the server credentials when available.",
    )
    jira_email: SecretStr = Field(default=NO_SECRET, description="Jira Cloud email used with jira_token.")
    jira_project_key: Text = Field(
        default="",
        max_length=255,
        description="Jira project key override used for duplicate searching.",
    )


class SimilarIssue(BaseModel):
    """An issue that may be about the same problem."""

    number: int | None = Field(default=None, description="GitHub's number; null for Jira.")
    key: str = Field(default="", description="Jira's key; empty for GitHub.")
    title: str
    url: str
    status: str = Field(description="In the tracker's own words.")
    score: float = Field(description="0 to 1: how likely it is about the same problem.")
    reason: str = Field(description="Why, where an AI judged it.")


class IssueDraftResponse(BaseModel):
    """A draft of an issue. Nothing was filed."""

    title: str = Field(description="Generated issue title.")
    body: str = Field(description="Generated issue body: Markdown for GitHub, wiki text for Jira.")
    similar_issues: list[SimilarIssue] = Field(description="Duplicate-search results, the likeliest first.")
    ai_provider: str = Field(description='Who wrote it; "" when it was put together without an AI.')
    ai_model: str
    notes: list[str] = Field(description="What was not done and why, in sentences.")


class FailedApiCall(BaseModel):
    """A request of the page that failed."""

    status: int = Field(default=0, ge=-INT_LIMIT, le=INT_LIMIT, description="HTTP status code.")
    endpoint: Text = Field(default="", max_length=500, description="API path that failed.")
    error: Text = Field(default="", max_length=2000, description="Error message or response body.")


class PageState(BaseModel):
    """Where the user was."""

    url: Text = Field(default="", max_length=500, description="Current page URL.")
    active_filters: Text = Field(default="", max_length=1000, description="Active filter state.")
    report_id: Text = Field(default="", max_length=200, description="Current report ID.")


class FeedbackRequest(BaseModel):
    """Feedback about rootcoz, from a user and their browser."""

    feedback_type: Text = Field(
        default="feedback", max_length=100, description="Optional feedback type hint."
    )
    description: NonBlank = Field(
        min_length=1, max_length=10_000, description="Free-form feedback description."
    )
    console_errors: list[Annotated[Text, Field(max_length=5000)]] = Field(
        default=[], max_length=50, description="Browser console errors. Maximum 50 items."
    )
    failed_api_calls: list[FailedApiCall] = Field(
        default=[], max_length=50, description="Failed API call snapshots."
    )
    page_state: PageState = Field(
        default=PageState(), description="Page context captured at submission time."
    )
    user_agent: Text = Field(default="", max_length=500, description="Browser user-agent string.")


class FeedbackDraftResponse(BaseModel):
    """An issue as it could be filed."""

    title: str = Field(description="Generated issue title.")
    body: str = Field(
        description="Generated markdown issue body. Includes the rootcoz AI attribution footer."
    )
    labels: list[Literal["bug", "enhancement"]] = Field(
        description="Generated issue labels. Values are bug or enhancement."
    )
    notes: list[str] = Field(description="What was not done and why, in sentences.")


class FileFeedbackRequest(BaseModel):
    """An issue that the user has read."""

    title: NonBlank = Field(min_length=1, max_length=500, description="Issue title.")
    body: NonBlank = Field(min_length=1, max_length=50_000, description="Issue body in markdown.")
    labels: list[Annotated[Text, Field(max_length=200)]] = Field(
        default=[],
        max_length=50,
        description="Issue labels. Values outside bug and enhancement are ignored.",
    )


class FiledFeedback(BaseModel):
    """The issue that was filed."""

    issue_url: str = Field(description="URL of the created GitHub issue.")
    issue_number: int = Field(description="GitHub issue number.")
    title: str = Field(description="Created issue title.")
