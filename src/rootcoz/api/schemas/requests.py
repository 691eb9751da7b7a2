"""What callers send to start an analysis."""

import math
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

RAW_XML_LIMIT = 50_000_000
"""Characters one report document may have: the reference's 50 MB."""
FAILURES_LIMIT = 100_000
"""Raw failures one request may hold."""

INT_LIMIT = 2**31 - 1
"""Jenkins counts builds in Java's int, and databases store as much."""

ProviderName = Literal["builtin", "command", "claude", "gemini", "cursor", "openai"]


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _storable(text: str) -> str:
    """Refuse what no database and no XML document can hold."""
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain halves of surrogate pairs")
    return text


def _http_address(url: str) -> str:
    """A credential in an address would be stored and shown with it."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable:
        raise ValueError("must begin with https:// or http://, for example https://host.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user, a password or a token; there are fields for them")
    return url


Text = Annotated[str, AfterValidator(_storable)]


def _unless_blank(value: object) -> object:
    """A blank address counts as not sent."""
    return None if isinstance(value, str) and not value.strip() else value


HttpAddress = Annotated[Text, AfterValidator(_http_address)]
OptionalAddress = Annotated[HttpAddress | None, BeforeValidator(_unless_blank)]
NonBlank = Annotated[Text, AfterValidator(_not_blank)]


class PeerAiConfig(BaseModel):
    """One peer of the debate."""

    ai_provider: ProviderName = Field(description="Peer AI provider.")
    ai_model: NonBlank = Field(description="Peer AI model identifier.", max_length=200)


class AdditionalRepo(BaseModel):
    """A repository that is cloned beside the tests repository."""

    name: NonBlank = Field(description="Repository label and clone directory name.", max_length=100)
    url: HttpAddress = Field(min_length=1, description="Repository URL to clone.", max_length=2000)
    ref: Text = Field(default="", description="Branch or tag to check out.", max_length=300)
    token: SecretStr | None = Field(default=None, description="Token for cloning a private repository.")

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if "/" in name or "\\" in name or ".." in name or name.startswith(".") or name == "build-artifacts":
            raise ValueError(
                "must be a plain folder name: no slash, no backslash, no '..', no leading dot, not 'build-artifacts'"
            )
        return name


class SharedAnalysisFields(BaseModel):
    """Overrides that every analysis request accepts. Omitted fields use the server's defaults."""

    model_config = ConfigDict(extra="ignore")

    tests_repo_url: OptionalAddress = Field(
        default=None,
        max_length=2000,
        description="Tests repository URL. A :ref suffix selects a branch or tag.",
    )
    tests_repo_token: SecretStr | None = Field(
        default=None, description="Token for cloning a private tests repository."
    )
    ai_provider: ProviderName | None = Field(
        default=None,
        description="AI provider override. Allowed values: builtin, command, claude, gemini, cursor, openai.",
    )
    ai_model: Text | None = Field(default=None, max_length=200, description="AI model override.")
    enable_jira: bool | None = Field(
        default=None, description="Enables or disables Jira duplicate matching for this request."
    )
    ai_cli_timeout: int | None = Field(default=None, gt=0, le=1440, description="AI CLI timeout in minutes.")
    max_concurrent_ai_calls: int | None = Field(
        default=None, gt=0, le=1000, description="Maximum concurrent AI CLI calls."
    )
    jira_url: OptionalAddress = Field(default=None, max_length=2000, description="Jira base URL override.")
    jira_email: SecretStr | None = Field(default=None, description="Jira Cloud email override.")
    jira_api_token: SecretStr | None = Field(default=None, description="Jira Cloud API token override.")
    jira_pat: SecretStr | None = Field(
        default=None, description="Jira Server/Data Center personal access token override."
    )
    jira_project_key: Text | None = Field(
        default=None, max_length=100, description="Jira project key override."
    )
    jira_ssl_verify: bool | None = Field(default=None, description="Jira SSL verification override.")
    jira_max_results: int | None = Field(
        default=None, gt=0, le=1000, description="Maximum Jira matches to fetch."
    )
    raw_prompt: Text | None = Field(
        default=None, max_length=20_000, description="Extra AI instructions appended to the request."
    )
    github_token: SecretStr | None = Field(
        default=None,
        description="GitHub token override used for private-repo lookups and comment enrichment.",
    )
    peer_ai_configs: list[PeerAiConfig] | None = Field(
        default=None,
        max_length=20,
        description=(
            "Peer-analysis model list. Omit to inherit the server default. "
            "Send [] to disable peer analysis for this request."
        ),
    )
    peer_analysis_max_rounds: int = Field(
        default=3, ge=1, le=10, description="Maximum debate rounds for peer analysis."
    )
    additional_repos: list[AdditionalRepo] | None = Field(
        default=None,
        max_length=50,
        description=(
            "Extra repositories cloned into the AI workspace. Omit to inherit the server default. "
            "Send [] to disable."
        ),
    )

    @model_validator(mode="after")
    def _repository_names_differ(self) -> Self:
        names = [repo.name for repo in self.additional_repos or ()]
        if len(set(names)) != len(names):
            raise ValueError("additional_repos: each name may be used once")
        return self


class ReAnalyzeRequest(SharedAnalysisFields):
    """Overrides for a stored request. Every field that is sent counts; null goes back to the server's default."""

    peer_analysis_max_rounds: int | None = Field(  # type: ignore[assignment]  # null is an override here
        default=3, ge=1, le=10, description="Maximum debate rounds for peer analysis."
    )


class AnalyzeRequest(SharedAnalysisFields):
    """A Jenkins build to analyse. Fields with a default override the server's only when they are sent."""

    job_name: Text = Field(
        max_length=2000,
        description="Jenkins job name. Folder-style names such as folder/job-name are accepted.",
    )
    build_number: int = Field(ge=-INT_LIMIT - 1, le=INT_LIMIT, description="Jenkins build number to analyze.")
    force: bool = Field(default=False, description="Analyze even when the Jenkins build result is SUCCESS.")
    wait_for_completion: bool = Field(
        default=True, description="Wait for the Jenkins build to finish before analysis starts."
    )
    poll_interval_minutes: int = Field(
        default=2, gt=0, le=1440, description="Delay between Jenkins status polls while waiting."
    )
    max_wait_minutes: int = Field(
        default=0, ge=0, le=525_600, description="Maximum wait time in minutes. 0 means no limit."
    )
    jenkins_url: OptionalAddress = Field(
        default=None, max_length=2000, description="Jenkins base URL override."
    )
    jenkins_user: SecretStr | None = Field(default=None, description="Jenkins username override.")
    jenkins_password: SecretStr | None = Field(
        default=None, description="Jenkins password or API token override."
    )
    jenkins_ssl_verify: bool | None = Field(default=None, description="Jenkins SSL verification override.")
    jenkins_timeout: int | None = Field(
        default=None, gt=0, le=3600, description="Jenkins API timeout in seconds."
    )
    jenkins_artifacts_max_size_mb: int | None = Field(
        default=None, gt=0, le=1_000_000, description="Maximum artifact download size in MB."
    )
    get_job_artifacts: bool | None = Field(
        default=None, description="Downloads Jenkins build artifacts for AI context."
    )


class RawFailure(BaseModel):
    """One failure as the caller knows it."""

    model_config = ConfigDict(extra="ignore")

    test_name: NonBlank = Field(description="Fully qualified failing test name.", max_length=5_000)
    error_message: Text = Field(default="", description="Failure message.")
    stack_trace: Text = Field(default="", description="Full stack trace.")
    duration: float = Field(default=0.0, ge=0, description="Test duration in seconds.")
    status: Text = Field(default="FAILED", max_length=100, description="Source failure status.")

    @field_validator("duration")
    @classmethod
    def _is_finite(cls, seconds: float) -> float:
        if not math.isfinite(seconds):
            raise ValueError("must be a finite number of seconds")
        return seconds


class NamedReport(BaseModel):
    """One of several report documents of the same run."""

    name: NonBlank = Field(
        description="What to call the document, for example its file name.", max_length=1000
    )
    xml: str = Field(description="The document. Maximum size: 50 MB.", max_length=RAW_XML_LIMIT)


class AnalyzeFailuresRequest(SharedAnalysisFields):
    """Raw failures or report documents to analyse without Jenkins. Exactly one of the three."""

    failures: list[RawFailure] | None = Field(
        default=None, max_length=FAILURES_LIMIT, description="Raw failures to analyze directly."
    )
    raw_xml: str | None = Field(
        default=None, max_length=RAW_XML_LIMIT, description="Raw JUnit XML. Maximum size: 50 MB."
    )
    reports: list[NamedReport] | None = Field(
        default=None,
        max_length=10_000,
        description="Several JUnit XML documents of one run; together they become one analysis.",
    )


class BulkDeleteRequest(BaseModel):
    """Which results to delete."""

    job_ids: list[Annotated[Text, Field(min_length=1, max_length=200)]] = Field(
        min_length=1,
        max_length=500,
        description="Job IDs to delete. Duplicate IDs are ignored after the first occurrence.",
    )
