"""The server's replies as types. Lenient: unknown fields are kept, so a newer server can be talked to."""

from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Reply(BaseModel):
    """What all replies have in common."""

    model_config = ConfigDict(extra="allow")


class EvidenceItem(Reply):
    """A quotation that supports the finding."""

    quote: str = ""
    source: str = ""
    line: int | None = None
    verified: bool = False


class MatchedIssue(Reply):
    """An issue of a tracker that looks like the same problem."""

    key: str = ""
    summary: str = ""
    status: str = ""
    url: str = ""
    score: float = 0.0


class CodeFix(Reply):
    """What to change in the test's code."""

    file: str = ""
    line: str = ""
    change: str = ""
    original_code: str = ""
    suggested_code: str = ""
    tests_repo_matches: list[MatchedIssue] = []
    verified: bool = False


class ProductBug(Reply):
    """What to tell the product's developers."""

    title: str = ""
    severity: str = ""
    component: str = ""
    description: str = ""
    evidence: str = ""
    jira_matches: list[MatchedIssue] = []


class NoVerdict(Reply):
    """Why there is no finding."""

    reason: str = ""
    message: str = ""
    raw_text: str = ""


class Override(Reply):
    """A person's decision that stands above the analysis' own."""

    classification: str = ""
    replaced: str = ""
    username: str = ""


class PastDecision(Reply):
    """What a person decided when the failure, or one that resembles it, came before."""

    classification: str = ""
    username: str = ""
    decided_at: str = ""
    job_id: str = ""
    similarity: float = 1.0
    test_name: str = ""


class Analysis(Reply):
    """The answer for a failure group."""

    classification: str = ""
    """Empty when there is no verdict."""
    affected_tests: list[str] = []
    details: str = ""
    artifacts_evidence: str = ""
    confidence: float | None = None
    """0 to 1."""
    evidence: list[EvidenceItem] = []
    note: str = ""
    """Why another than the analysis' provider gave the answer."""
    code_fix: CodeFix | None = None
    product_bug_report: ProductBug | None = None
    no_verdict: NoVerdict | None = None
    override: Override | None = None


class DebateParticipant(Reply):
    """Who took part in a debate."""

    ai_provider: str = ""
    ai_model: str = ""


class DebateEntry(DebateParticipant):
    """What one participant said in one round."""

    role: str = ""
    """main or peer."""
    classification: str = ""
    agrees: bool | None = None
    reasoning: str = ""
    suggested_changes: str = ""
    evidence: list[EvidenceItem] = []
    usable: bool = True
    note: str = ""
    changed: str = ""


class DebateRound(Reply):
    """One pass of all peers."""

    round: int = 0
    entries: list[DebateEntry] = []


class PeerDebate(Reply):
    """How peers judged an answer."""

    consensus_reached: bool = False
    ending: str = ""
    rounds_used: int = 0
    max_rounds: int = 0
    ai_configs: list[DebateParticipant] = []
    rounds: list[DebateRound] = []


class ReopenedIssue(Reply):
    """A closed issue of a failure that came again."""

    key: str = ""
    url: str = ""
    status: str = ""


class FailureResult(Reply):
    """One failed test with the answer of its group."""

    test_name: str
    error: str = ""
    error_signature: str = ""
    group: int = 0
    group_size: int = 1
    cluster_id: str | None = None
    cluster_reason: str | None = None
    status: str = ""
    analysis: Analysis = Analysis()
    past_decisions: list[PastDecision] = []
    reopened: list[ReopenedIssue] = []
    peer_debate: PeerDebate | None = None


class ChildJobAnalysis(Reply):
    """The analysis of a child build; recursive."""

    job_name: str = ""
    build_number: int = 0
    failures: list[FailureResult] = []
    failed_children: list["ChildJobAnalysis"] = []
    note: str | None = None


class ReportCounts(Reply):
    """Counts of one report document."""

    name: str = ""
    tests: int = 0
    failed: int = 0
    skipped: int = 0
    enriched_xml: str | None = None


class StoredResult(Reply):
    """The result of an analysis, partial while it runs."""

    job_name: str = ""
    build_number: int = 0
    status: str | None = None
    summary: str | None = None
    ai_provider: str | None = None
    ai_model: str | None = None
    failures: list[FailureResult] = []
    child_job_analyses: list[ChildJobAnalysis] = []
    progress_phase: str | None = None
    groups_total: int | None = None
    groups_answered: int | None = None
    enriched_xml: str | None = None
    reports: list[ReportCounts] = []
    notes: list[str] = []
    incomplete: bool = False
    """Whether the reports declare failures that none of their cases shows."""


class ResultResponse(Reply):
    """An analysis with its stored result."""

    job_id: str
    status: str
    """pending, waiting, running, completed or failed."""
    result: StoredResult | None = None
    created_at: str = ""
    analysis_started_at: str | None = None
    completed_at: str | None = None
    base_url: str = ""
    result_url: str = ""

    _document: bytes = PrivateAttr(default=b"")

    @classmethod
    def from_document(cls, document: bytes) -> "ResultResponse":
        """The reply in `document`, which is kept as it came. Raises pydantic's ValidationError."""
        response = cls.model_validate_json(document)
        response._document = document  # noqa: SLF001 - the class's own constructor
        return response

    @property
    def document(self) -> bytes:
        """The reply as the server sent it: JSON in UTF-8."""
        return self._document or self.model_dump_json().encode()

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to the analysis by itself."""
        return self.status in {"completed", "failed"}


class Accepted(Reply):
    """The part of both replies to a new analysis that matters: queued, or finished at once."""

    status: str
    job_id: str
    base_url: str = ""
    result_url: str = ""


class ResultListItem(Reply):
    """One row of the list of analyses."""

    job_id: str
    status: str = ""
    jenkins_url: str = ""
    created_at: str = ""


class Health(Reply):
    """The server answers."""

    status: str
    version: str = ""


JsonObject = dict[str, Any]
"""A raw failure as the caller wrote it; the server validates it."""
