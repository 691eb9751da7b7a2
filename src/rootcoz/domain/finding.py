"""The answer for a failure group: a finding with evidence, or the admission that there is none."""

from dataclasses import dataclass, field
from enum import StrEnum


class Classification(StrEnum):
    """What broke. Of a finding; a history label is another thing."""

    CODE_ISSUE = "CODE ISSUE"
    """The test's own code is wrong."""
    PRODUCT_BUG = "PRODUCT BUG"
    """The product under test is wrong."""
    INFRASTRUCTURE = "INFRASTRUCTURE"
    """Neither: the network, the disk, a quota, a lost agent …"""


class Severity(StrEnum):
    """How bad a product bug is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quotation that supports a finding, and whether it was really found."""

    quote: str
    source: str
    """Where it stands: `error_message`, `stack_trace`, `output`, or a path below the workspace."""
    line: int | None = None
    """Line within the source, from 1, where the quotation starts; known once it is verified."""
    verified: bool = False
    """True only after `evidence.claims` has found the quotation in the source."""


@dataclass(frozen=True, slots=True)
class CodeFix:
    """What to change in the test's code."""

    file: str
    line: str
    """A line number or range as the answer gave it, for example `42` or `40-45`; may be empty."""
    change: str
    original_code: str = ""
    suggested_code: str = ""
    tests_repo_search_keywords: tuple[str, ...] = ()
    verified: bool = False
    """True only when the file and line were found in the trace or the clone."""


@dataclass(frozen=True, slots=True)
class ProductBugReport:
    """What to tell the product's developers."""

    title: str
    severity: Severity
    component: str
    description: str
    evidence: str
    jira_search_keywords: tuple[str, ...] = ()


PEOPLE = "people"
"""In the place of a provider's name: a person's earlier decision is the answer."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Who answered instead of the provider that the analysis was for."""

    provider: str
    """Of a provider, or PEOPLE."""
    reason: str
    """A sentence: why the other one was not asked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer: what broke, how sure we are, and why."""

    classification: Classification
    confidence: float | None
    """0 to 1, the share of such answers expected to be right; None when the provider gave no figure."""
    details: str
    evidence: tuple[Evidence, ...] = ()
    code_fix: CodeFix | None = None
    """Only with CODE_ISSUE."""
    product_bug_report: ProductBugReport | None = None
    """Only with PRODUCT_BUG."""
    affected_tests: tuple[str, ...] = ()
    rules: tuple[str, ...] = field(default=())
    """Names of the built-in triage rules that spoke, strongest first; empty for an AI's answer."""
    stand_in: StandIn | None = None
    """None when the analysis' own provider gave it."""


class NoVerdictReason(StrEnum):
    """Why a group has no finding. Only the last one is not a failure of the provider."""

    PROVIDER_FAILED = "provider_failed"
    TIMED_OUT = "timed_out"
    UNUSABLE_ANSWER = "unusable_answer"
    ABSTAINED = "abstained"
    """The provider looked and honestly cannot tell."""


@dataclass(frozen=True, slots=True)
class NoVerdict:
    """A group without an answer: says so, and why. Never shown as a classification."""

    reason: NoVerdictReason
    message: str
    """A sentence for the user: what happened and what to do about it."""
    details: str = ""
    """What is known all the same, for example the exception and where it was raised."""
    raw_text: str = ""
    """The provider's unusable answer, as it came (bounded)."""
    evidence: tuple[Evidence, ...] = ()
    stand_in: StandIn | None = None
    """None when the analysis' own provider was asked."""


Answer = Finding | NoVerdict
