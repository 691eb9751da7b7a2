"""One request to us and its stored result."""

from dataclasses import dataclass, field
from enum import StrEnum

from rootcoz.domain.debate import Participant
from rootcoz.domain.failure import ReportSummary


class AnalysisStatus(StrEnum):
    """Where an analysis stands. The last two are final."""

    PENDING = "pending"
    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self in {AnalysisStatus.COMPLETED, AnalysisStatus.FAILED}


TESTS_REPOSITORY = "tests"
"""Name of the tests repository's clone."""


@dataclass(frozen=True, slots=True)
class RepositoryOrder:
    """A repository that an AI may read, apart from the token for it."""

    name: str
    """Of its folder in the workspace."""
    url: str
    """As the request or the setting has it, a `:ref` at its end included."""
    ref: str = ""
    is_tests: bool = False
    """The tests' own repository: its advice is read, and more of its history."""
    credential_setting: str = ""
    """Name of the setting whose token may be sent there; empty when none may."""


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What a request asked for, merged once with the server's settings; nothing below reads either again."""

    provider: str
    model: str
    """Empty when the provider has no models to choose from."""
    question_timeout_s: float
    """Seconds one question may take."""
    max_concurrent_questions: int
    """At most so many questions of this analysis are asked at once (the server has a cap of its own)."""
    raw_prompt: str = ""
    """Extra instructions of the user, appended to each question."""
    peers: tuple[Participant, ...] = ()
    """Who judges each answer; empty for no debates."""
    max_rounds: int = 3
    """Of a debate."""
    repositories: tuple[RepositoryOrder, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """Sentences about parts of the request that this server cannot act on; shown with the result."""


@dataclass(frozen=True, slots=True)
class JenkinsOrder:
    """A Jenkins build that is to be fetched, apart from the credentials for it."""

    job_name: str
    build_number: int
    url: str
    """The server's address."""
    uses_server_credentials: bool
    """Whether the credentials of the settings may be sent there; those of the request are kept apart, sealed."""
    ssl_verify: bool
    timeout_s: float
    force: bool
    """Read a build that passed as well."""
    wait: bool
    poll_interval_minutes: int
    max_wait_minutes: int
    """0: no limit."""
    with_artifacts: bool
    artifacts_max_mb: int


class ProgressPhase(StrEnum):
    """What an analysis is doing, in the words of the reference."""

    WAITING_FOR_JENKINS = "waiting_for_jenkins"
    ANALYZING = "analyzing"
    ANALYZING_FAILURES = "analyzing_failures"
    ENRICHING_JIRA = "enriching_jira"
    ENRICHING_TESTS_REPO = "enriching_tests_repo"
    SAVING = "saving"


@dataclass(frozen=True, slots=True)
class PromptUse:
    """A text that a question was made from."""

    name: str
    """Of a prompt of ours, `analyse` for example, or the path of a prompt file in the tests' repository."""
    version: str
    """Which state of it: `3-1f2e9a0b` is version 3 with the beginning of its digest; others have only that."""


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """One call of a provider, for the token ledger. Counts are None when the provider does not say."""

    call_type: str
    """`primary` for the question about a group; `repair`, `peer` and `revision` for what follows it,
    `jira_filter` and `tests_repo_filter` for the judging of issues, `comment_intent` for the reading of a comment."""
    provider: str
    model: str
    duration_ms: int
    prompt_chars: int
    reply_chars: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None
    error: str = ""
    prompts: tuple[PromptUse, ...] = ()
    """The texts that its question was made from."""


@dataclass(frozen=True, slots=True)
class KeptReply:
    """What a call said, kept so that it need not be made again."""

    text: str
    truncated: bool


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A call in the token ledger."""

    id: str
    call: ProviderCall
    created_at: str


@dataclass(frozen=True, slots=True)
class ProgressMark:
    """When a phase began."""

    phase: str
    timestamp: float
    """Seconds since 1970-01-01 UTC, as the reference has it for the progress log."""


@dataclass(frozen=True, slots=True)
class AnalysisProgress:
    """How far an analysis is, for those who watch it."""

    job_id: str
    status: AnalysisStatus
    progress_phase: str | None
    """None until the first phase has begun."""
    groups_total: int | None
    """None until the failures are grouped."""
    groups_answered: int
    at: str
    """When it got there, UTC, ISO 8601."""


@dataclass(frozen=True, slots=True)
class StoredAnalysis:
    """What is kept about an analysis apart from its documents and findings. Times are UTC, ISO 8601."""

    id: int
    job_id: str
    status: AnalysisStatus
    source: str
    """`failures`, `junit` or `jenkins`."""
    job_name: str
    build_number: int
    jenkins_url: str
    options: AnalysisOptions
    request_params: dict[str, object]
    """What was asked, without credentials."""
    order: JenkinsOrder | None
    """What to fetch; None when the failures came with the request."""
    reports: tuple[ReportSummary, ...]
    notes: tuple[str, ...]
    progress_log: tuple[ProgressMark, ...]
    failure_count: int
    groups_total: int | None
    """None until the failures are grouped."""
    attempts: int
    """How often work on it has begun since its last new answer."""
    created_at: str
    started_at: str | None
    completed_at: str | None
    aborted_by: str | None = None
    """Who stopped it, empty when nobody was named; None when nobody did."""
    reanalysis_of: str | None = None
    """Job id of the analysis that it repeats with other options."""
