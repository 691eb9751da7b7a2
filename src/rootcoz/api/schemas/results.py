"""What callers get back: analyses and their stored results."""

from typing import Any, Literal

from pydantic import BaseModel, Field

StatusName = Literal["pending", "waiting", "running", "completed", "failed"]


class EvidenceItem(BaseModel):
    """A quotation that supports the finding, and whether it was really found where it is said to stand."""

    quote: str = Field(description="Verbatim text.")
    source: str = Field(description="error_message, stack_trace, output, or a file of the workspace.")
    line: int | None = Field(description="Line within the source, from 1; null when it was not found.")
    verified: bool = Field(description="Whether the quotation was found.")


class MatchedIssue(BaseModel):
    """An issue of a tracker that looks like the same problem."""

    key: str
    summary: str
    status: str = ""
    url: str = ""
    priority: str = ""
    score: float = Field(default=0.0, description="0 to 1.")
    reason: str = Field(
        default="", description="Why an AI takes it for the same problem; empty where words were compared."
    )


class CodeFixPayload(BaseModel):
    """What to change in the test's code. Only with CODE ISSUE."""

    file: str
    line: str
    change: str
    original_code: str = ""
    suggested_code: str = ""
    tests_repo_search_keywords: list[str] = []
    tests_repo_matches: list[MatchedIssue] = []
    verified: bool = Field(default=False, description="Whether file and line were found.")


class ProductBugPayload(BaseModel):
    """What to tell the product's developers. Only with PRODUCT BUG."""

    title: str
    severity: Literal["critical", "high", "medium", "low"]
    component: str
    description: str
    evidence: str
    jira_search_keywords: list[str] = []
    jira_matches: list[MatchedIssue] = []


class NoVerdictPayload(BaseModel):
    """Why there is no finding."""

    reason: Literal["provider_failed", "timed_out", "unusable_answer", "abstained"]
    message: str = Field(description="What happened and what to do about it.")
    raw_text: str = Field(default="", description="The provider's unusable answer as it came, bounded.")


class OverridePayload(BaseModel):
    """A person's decision that stands above the analysis' own."""

    classification: str
    replaced: str = Field(description="What it took the place of; empty for no verdict.")
    username: str = Field(description="Who decided; empty when nobody was named.")
    created_at: str = Field(description="When, UTC, ISO 8601.")


class AnalysisPayload(BaseModel):
    """The answer for the failure's group."""

    classification: str = Field(
        description="CODE ISSUE, PRODUCT BUG or INFRASTRUCTURE; empty when there is no verdict."
    )
    affected_tests: list[str] = Field(
        description="Other tests grouped with the same finding; long lists are cut, group_size has the number."
    )
    details: str = Field(description="Main analysis text.")
    artifacts_evidence: str = Field(description="Verbatim evidence captured during analysis.")
    confidence: float | None = Field(description="0 to 1; null when the provider gave no figure.")
    evidence: list[EvidenceItem]
    ai_provider: str = Field(default="", description="Provider that gave this answer.")
    ai_model: str = Field(default="", description="Its model.")
    note: str = Field(
        default="",
        description="Why another than the analysis' provider gave it, for example because a budget is spent.",
    )
    rules: list[str] = Field(default=[], description="Built-in triage rules that spoke, strongest first.")
    code_fix: CodeFixPayload | None = Field(default=None, description="Absent unless CODE ISSUE.")
    product_bug_report: ProductBugPayload | None = Field(
        default=None, description="Absent unless PRODUCT BUG."
    )
    no_verdict: NoVerdictPayload | None = Field(
        default=None, description="Absent when there is a finding; says why there is none."
    )
    override: OverridePayload | None = Field(
        default=None, description="Absent unless a person set the classification."
    )


class DebateParticipant(BaseModel):
    """Who took part in a debate."""

    ai_provider: str
    ai_model: str


class DebateEntryPayload(DebateParticipant):
    """What one participant said in one round."""

    role: Literal["main", "peer"] = Field(
        description="main: the model whose answer is judged, as it stood in this round. peer: one that judges it."
    )
    classification: str = Field(
        description="CODE ISSUE, PRODUCT BUG or INFRASTRUCTURE; empty when none could be read."
    )
    agrees: bool | None = Field(
        description=(
            "Whether a peer's classification equals the answer's, whatever it says of itself; null for the main "
            "model and for what is not usable."
        )
    )
    reasoning: str
    suggested_changes: str = Field(description="What a peer would change in the answer.")
    evidence: list[EvidenceItem] = Field(description="Quotations, looked up in the failure's texts.")
    usable: bool = Field(description="Whether the vote counts; note says why not.")
    note: str
    changed: str = Field(description="What the main model changed since the round before; empty for nothing.")


class DebateRoundPayload(BaseModel):
    """One pass of all peers."""

    round: int = Field(description="From 1.")
    entries: list[DebateEntryPayload] = Field(description="The judged answer, then a vote of each peer.")


class PeerDebate(BaseModel):
    """How peers judged the answer of the failure's group: who said what, with which evidence, what changed."""

    consensus_reached: bool
    ending: Literal["consensus", "rounds_used_up", "no_usable_vote", "withdrawn"] = Field(
        description="Why the debate was over; withdrawn: the main model could no longer decide."
    )
    rounds_used: int
    max_rounds: int
    ai_configs: list[DebateParticipant] = Field(description="The main model first.")
    rounds: list[DebateRoundPayload] = Field(
        description="Told with the first 100 failures of a group; empty for further ones."
    )


class PastDecisionPayload(BaseModel):
    """What a person decided when the failure, or one that resembles it, came before."""

    classification: str
    username: str = Field(description="Who decided; empty when nobody was named.")
    decided_at: str = Field(description="When, UTC, ISO 8601.")
    job_id: str = Field(description="Job ID of the analysis in which it was decided.")
    similarity: float = Field(
        description=(
            "1.0: the error signature is the same. Less: the failure only resembles this one; the number is the "
            "estimated probability that both have one root cause."
        )
    )
    test_name: str = Field(
        default="",
        description="The test that had failed, if its failure only resembles this one; else empty.",
    )


class ReopenedPayload(BaseModel):
    """A closed issue of a failure that came again."""

    key: str = Field(description="PROJ-12, or owner/repo#34.")
    url: str
    title: str = Field(description="Empty for an issue that only a comment names.")
    status: str = Field(description="In the tracker's own words.")
    linked_by: Literal["filed", "comment", "match"] = Field(
        description="filed: from a result; comment: a person named it; match: a search found it."
    )
    job_id: str = Field(description="Job ID of the earlier analysis that links it.")


class FailureResult(BaseModel):
    """One failed test with the answer of its group."""

    test_name: str = Field(description="Failed test name.")
    error: str = Field(description="Error message stored for the analyzed failure.")
    error_signature: str = Field(description="SHA-256 signature of the error and stack trace.")
    signature_version: int = Field(description="Version of the rules that made the signature.")
    group: int = Field(description="Number of the failure group, from 1; its members share the answer.")
    group_size: int = Field(description="Failures in the group.")
    cluster_id: str | None = Field(
        default=None,
        description=(
            "Shared by the groups of this analysis that look like one root cause although their signatures differ; "
            "null for a group that looks like no other. Each group keeps its own answer."
        ),
    )
    cluster_reason: str | None = Field(
        default=None, description="What the groups of the cluster have in common, in words."
    )
    status: str = Field(description="Source failure status.")
    duration: float = Field(description="Seconds.")
    analysis: AnalysisPayload
    past_decisions: list[PastDecisionPayload] = Field(
        default=[],
        description=(
            "What people decided when the same failure came before, as it stood when this result was written, the "
            "newest first. If it never was judged: what they decided of failures that resemble it, the most similar "
            "first. Further than the 100th failure of a group only the first is told."
        ),
    )
    reopened: list[ReopenedPayload] = Field(
        default=[],
        description="Closed issues that earlier analyses of the same failure are linked to: it still fails.",
    )
    peer_debate: PeerDebate | None = Field(
        default=None, description="Peer-analysis consensus trail when peer review is enabled."
    )


class ProviderCallRecord(BaseModel):
    """One call of an AI."""

    id: str
    ai_provider: str
    ai_model: str
    call_type: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    total_tokens: int = Field(description="Input plus output tokens.")
    cost_usd: float | None
    duration_ms: int | None
    prompt_chars: int
    response_chars: int
    created_at: str
    prompts: dict[str, str] = Field(
        default={}, description="The prompt texts that its question was made from, with their versions."
    )


class TokenUsage(BaseModel):
    """What the analysis cost."""

    total_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    total_tokens: int
    cost_usd: float | None = Field(description="Null when any call has no known cost.")
    duration_ms: int
    calls: list[ProviderCallRecord]


class ChildJobAnalysis(BaseModel):
    """The analysis of a child build; recursive."""

    job_name: str
    build_number: int
    failures: list[FailureResult] = []
    failed_children: list["ChildJobAnalysis"] = []
    note: str | None = None


class ReportCounts(BaseModel):
    """Counts of one report document."""

    name: str
    tests: int
    failed: int
    skipped: int
    enriched_xml: str | None = Field(
        default=None, description="The enriched document; for requests with reports."
    )


class ResultBody(BaseModel):
    """The stored result of a finished analysis."""

    status: Literal["completed", "failed"] = Field(
        description="failed when not one question was answered, or the analysis as a whole broke off."
    )
    reanalysis_of: str | None = Field(
        default=None, description="Job ID of the analysis that this one repeats with other options."
    )
    summary: str = Field(description="Human-readable analysis summary.")
    ai_provider: str = Field(description="Effective AI provider.")
    ai_model: str = Field(description="Effective AI model.")
    job_name: str = Field(default="", description="Empty: no Jenkins job was named.")
    build_number: int = Field(default=0, description="0: no Jenkins build was named.")
    failures: list[FailureResult] = Field(description="Structured failure analyses.")
    child_job_analyses: list[ChildJobAnalysis] = Field(
        default=[], description="Empty: there are no child builds."
    )
    request_params: dict[str, Any] = Field(
        default={}, description="Saved request parameters with sensitive credential fields stripped."
    )
    enriched_xml: str | None = Field(
        default=None, description="Enriched JUnit XML. Present only when the request used raw_xml."
    )
    token_usage: TokenUsage | None = Field(
        default=None, description="Aggregated AI token usage totals and per-call records."
    )
    prompts: dict[str, str] = Field(
        default={},
        description=(
            "The prompt texts behind it: name, or path of a prompt file in the tests' repository, to version and "
            "digest. Empty for the built-in analyser."
        ),
    )
    reports: list[ReportCounts] = Field(default=[], description="Counts of the report documents.")
    notes: list[str] = Field(default=[], description="What was left out or could not be done, in sentences.")
    incomplete: bool = Field(
        default=False,
        description="Whether the reports declare failures that none of their cases shows, as a crashed suite does.",
    )


class AnalyzeFailuresResponse(ResultBody):
    """The finished analysis."""

    job_id: str = Field(description="New analysis job ID.")
    base_url: str = Field(description="Empty string or the configured public base URL.")
    result_url: str = Field(description="Relative or absolute URL for the stored result.")


class QueuedResponse(BaseModel):
    """An accepted analysis that goes on by itself."""

    status: Literal["queued"]
    job_id: str = Field(description="New analysis job ID.")
    message: str = Field(description="Polling hint for the queued job.")
    base_url: str = Field(description="Empty string or the configured public base URL.")
    result_url: str = Field(description="Relative or absolute URL for GET /results/{job_id}.")


class AbortedResponse(BaseModel):
    """An analysis that was stopped. Its result holds the answers it had."""

    status: Literal["aborted"]
    job_id: str
    aborted_by: str = Field(description="Who stopped it first; empty when nobody was named.")
    result_url: str = Field(description="Relative or absolute URL of its result.")


class ProgressEntry(BaseModel):
    """When a phase began."""

    phase: str
    timestamp: float = Field(description="Seconds since 1970-01-01 UTC.")


class StoredResult(BaseModel):
    """The result of an analysis, partial while it runs: then it holds the first failures that have an answer."""

    job_name: str = Field(default="", description="Jenkins job name when the result came from POST /analyze.")
    build_number: int = Field(
        default=0, description="Jenkins build number when the result came from POST /analyze."
    )
    status: str | None = Field(default=None, description="Stored result status when the payload includes it.")
    reanalysis_of: str | None = Field(
        default=None, description="Job ID of the analysis that this one repeats with other options."
    )
    summary: str | None = Field(default=None, description="Human-readable summary.")
    ai_provider: str | None = Field(default=None, description="Effective AI provider.")
    ai_model: str | None = Field(default=None, description="Effective AI model.")
    failures: list[FailureResult] = Field(default=[], description="Structured failure analyses.")
    child_job_analyses: list[ChildJobAnalysis] = Field(
        default=[], description="Recursive child-job analyses."
    )
    token_usage: TokenUsage | None = Field(default=None, description="Aggregated AI token usage.")
    request_params: dict[str, Any] = Field(
        default={}, description="Saved request parameters with sensitive credential fields stripped."
    )
    progress_phase: str | None = Field(default=None, description="Current phase while a job is running.")
    progress_log: list[ProgressEntry] = Field(
        default=[], description="Phase history with phase and timestamp entries."
    )
    groups_total: int | None = Field(default=None, description="Failure groups, while the job is running.")
    groups_answered: int | None = Field(
        default=None, description="Failure groups with an answer so far, while the job is running."
    )
    enriched_xml: str | None = Field(
        default=None, description="Enriched JUnit XML for direct XML analysis results."
    )
    prompts: dict[str, str] = Field(
        default={},
        description=(
            "The prompt texts behind it: name, or path of a prompt file in the tests' repository, to version and "
            "digest. Empty for the built-in analyser."
        ),
    )
    reports: list[ReportCounts] = Field(default=[], description="Counts of the report documents.")
    notes: list[str] = Field(default=[], description="What was left out or could not be done, in sentences.")
    incomplete: bool = Field(
        default=False,
        description="Whether the reports declare failures that none of their cases shows, as a crashed suite does.",
    )


class Capabilities(BaseModel):
    """What this server can do."""

    github_issues_enabled: bool = Field(description="GitHub issue creation is available.")
    jira_issues_enabled: bool = Field(description="Jira issue creation is available.")
    server_github_token: bool = Field(description="The server has its own GitHub token configured.")
    server_jira_token: bool = Field(description="The server has Jira credentials configured.")
    server_jira_email: bool = Field(description="The server has a Jira Cloud email configured.")
    server_jira_project_key: str = Field(description='Server Jira project key, or "".')
    reportportal: bool = Field(description="Report Portal integration is available.")
    reportportal_project: str = Field(description='Configured Report Portal project, or "".')
    feedback_enabled: bool = Field(description="Feedback preview/create endpoints are available.")


class ResultResponse(BaseModel):
    """An analysis with its stored result."""

    job_id: str = Field(description="Analysis job ID.")
    jenkins_url: str = Field(description="Stored Jenkins build URL.")
    status: StatusName = Field(description="Job status.")
    result: StoredResult | None = Field(
        description="Stored analysis payload. Partial while the job is running."
    )
    created_at: str = Field(description="Creation timestamp, UTC, ISO 8601.")
    analysis_started_at: str | None = Field(description="Timestamp when analysis execution started.")
    completed_at: str | None = Field(description="Completion timestamp.")
    capabilities: Capabilities = Field(description="Server feature flags attached to the response.")
    base_url: str = Field(description="Empty string or the configured public base URL.")
    result_url: str = Field(description="Relative or absolute URL for this result.")


class ResultListItem(BaseModel):
    """One row of the list of analyses."""

    job_id: str = Field(description="Analysis job ID.")
    jenkins_url: str = Field(description="Stored Jenkins build URL.")
    status: StatusName = Field(description="Job status.")
    created_at: str = Field(description="Creation timestamp, UTC, ISO 8601.")


class ReviewStatus(BaseModel):
    """How far people are with a result."""

    total_failures: int = Field(description="Total failures across the result, including child jobs.")
    reviewed_count: int = Field(description="Number of failures marked reviewed.")
    comment_count: int = Field(description="Number of comments stored for the job.")


class DeletedResponse(BaseModel):
    """One deleted result."""

    status: Literal["deleted"] = Field(description="Always deleted on success.")
    job_id: str = Field(description="Deleted job ID.")


class FailedDeletion(BaseModel):
    """A result that was not deleted, and why."""

    job_id: str
    reason: str


class BulkDeleteResponse(BaseModel):
    """What was deleted and what not."""

    deleted: list[str] = Field(description="Job IDs deleted successfully.")
    failed: list[FailedDeletion] = Field(description="Failed deletions.")
    total: int = Field(description="Number of unique requested job IDs processed.")


class Health(BaseModel):
    """The server answers."""

    status: Literal["healthy"]
    version: str
