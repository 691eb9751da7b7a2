"""The parts of a report that every format tells: counts, and the failure groups, largest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rootcoz.client.models import (
    Analysis,
    ChildJobAnalysis,
    FailureResult,
    PastDecision,
    PeerDebate,
    ResultResponse,
    StoredResult,
)

REASONS = {
    "provider_failed": "the provider failed",
    "timed_out": "it took too long",
    "unusable_answer": "the answer could not be used",
    "abstained": "the provider cannot tell",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Failures that share an answer."""

    number: int
    """From 1, the largest group first, with those that look like one cause. The reader's number, not the server's."""
    size: int
    child: str
    """The child build it belongs to, as `name #number`; empty for the build itself."""
    members: tuple[FailureResult, ...]
    announcement: str = ""
    """A sentence on this group and the next ones, when they look like one cause; only the first of them has it."""

    @property
    def analysis(self) -> Analysis:
        """The answer."""
        return self.members[0].analysis

    @property
    def debate(self) -> PeerDebate | None:
        """How peers judged the answer; None when none were asked."""
        return self.members[0].peer_debate

    @property
    def error(self) -> str:
        """The error of the first failure."""
        return self.members[0].error

    @property
    def short_signature(self) -> str:
        """The first 12 digits of the error signature: enough to find it again."""
        return self.members[0].error_signature[:12]

    @property
    def verdict(self) -> str:
        """The classification, or that there is none."""
        return self.analysis.classification or "NO VERDICT"

    @property
    def decision(self) -> str:
        """`set by alice; was CODE ISSUE` when a person set the classification, else empty."""
        override = self.analysis.override
        if override is None:
            return ""
        who = override.username or "somebody"
        if override.replaced == override.classification:
            return f"confirmed by {who}"
        return f"set by {who}; was {override.replaced or 'NO VERDICT'}"

    @property
    def decided_before(self) -> list[str]:
        """What people decided when the failure, or one that resembles it, came before, a line each, the best first."""
        return [_told(decision) for decision in self.members[0].past_decisions]

    @property
    def reopened(self) -> list[str]:
        """Closed issues of a failure that came again, a line each."""
        return [
            f"Reopened: {issue.key} is {issue.status or 'closed'}, yet this failed again: {issue.url}"
            for issue in self.members[0].reopened
        ]

    @property
    def tests(self) -> list[str]:
        """The names of the failing tests that are known; `size` may be larger."""
        names = [member.test_name for member in self.members]
        known = set(names)
        return names + [name for name in self.analysis.affected_tests if name not in known]


def _told(decision: PastDecision) -> str:
    who = decision.username or "somebody"
    said = f"{decision.classification} by {who} on {decision.decided_at[:10]} (analysis {decision.job_id})"
    if decision.similarity == 1:
        return f"Decided before: {said}"
    return f"Perhaps the same cause, {decision.similarity:.0%} likely: {decision.test_name} was decided to be {said}"


@dataclass(frozen=True, slots=True)
class Outline:
    """An analysis, told in order."""

    job_id: str
    status: str
    summary: str
    counts: str
    """For example `118 tests, 12 failed, 4 skipped in 2 reports`."""
    provider: str
    """Provider and model; empty when unknown."""
    duration: str
    """For example `3 min 5 s`; empty when unknown."""
    groups: tuple[Group, ...]
    notes: tuple[str, ...]
    failure_count: int

    @property
    def has_unverified(self) -> bool:
        """Whether some quotation or place was not found where it is said to stand."""
        return any(not item.verified for group in self.groups for item in group.analysis.evidence) or any(
            group.analysis.code_fix and not group.analysis.code_fix.verified for group in self.groups
        )


def outline(response: ResultResponse) -> Outline:
    """The response as a story."""
    result = response.result or StoredResult()
    groups = _groups(result)
    failure_count = sum(group.size for group in groups)
    return Outline(
        job_id=response.job_id,
        status=response.status,
        summary=(result.summary or "").strip() or _own_summary(response.status, failure_count, len(groups)),
        counts=_counts(result),
        provider=" ".join(part for part in (result.ai_provider, result.ai_model) if part),
        duration=_duration(response),
        groups=groups,
        notes=(*result.notes, *(note for note, _ in _child_notes(result.child_job_analyses))),
        failure_count=failure_count,
    )


def count_failures(response: ResultResponse) -> int:
    """How many tests failed, in the build and its children."""
    if response.result is None:
        return 0
    reported = sum(report.failed for report in response.result.reports)
    return max(reported, sum(len(failures) for _, failures in _builds(response.result)))


def plural(count: int, noun: str) -> str:
    """`1 group`, `2 groups`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def confidence_text(analysis: Analysis) -> str:
    """For example `82 % sure`; empty without a figure."""
    return "" if analysis.confidence is None else f"{round(analysis.confidence * 100)} % sure"


def _builds(result: StoredResult) -> Iterator[tuple[str, list[FailureResult]]]:
    yield "", result.failures
    waiting = list(result.child_job_analyses)
    while waiting:
        child = waiting.pop(0)
        yield f"{child.job_name} #{child.build_number}", child.failures
        waiting = child.failed_children + waiting


def _child_notes(children: list[ChildJobAnalysis]) -> Iterator[tuple[str, str]]:
    for child in children:
        if child.note:
            yield f"{child.job_name} #{child.build_number}: {child.note}", child.job_name
        yield from _child_notes(child.failed_children)


def _groups(result: StoredResult) -> tuple[Group, ...]:
    members: dict[tuple[str, int, str], list[FailureResult]] = {}
    for child, failures in _builds(result):
        for index, failure in enumerate(failures):
            # A server that numbers no groups still sends signatures; without either, a failure stands alone.
            alone = "" if failure.group else failure.error_signature or f"#{index}"
            members.setdefault((child, failure.group, alone), []).append(failure)
    sized = [
        (max(len(failures), *(failure.group_size for failure in failures)), child, failures)
        for (child, _, _), failures in members.items()
    ]
    return tuple(_numbered(_together(sized)))


_Sized = tuple[int, str, list[FailureResult]]
"""A group's size, its child build, and its failures."""


def _together(groups: list[_Sized]) -> list[list[_Sized]]:
    """The groups that look like one cause side by side, what has most failures first."""
    clusters: dict[str, list[_Sized]] = {}
    for index, group in enumerate(groups):
        clusters.setdefault(group[2][0].cluster_id or f"#{index}", []).append(group)
    for cluster in clusters.values():
        cluster.sort(key=lambda group: -group[0])
    return sorted(clusters.values(), key=lambda cluster: -sum(size for size, _, _ in cluster))


def _numbered(clusters: list[list[_Sized]]) -> Iterator[Group]:
    number = 1
    for cluster in clusters:
        announcement = _announcement(number, cluster)
        for size, child, failures in cluster:
            yield Group(number, size, child, tuple(failures), announcement)
            announcement = ""
            number += 1


def _announcement(first: int, cluster: list[_Sized]) -> str:
    if len(cluster) == 1:
        return ""
    numbers = f"{first} to {first + len(cluster) - 1}" if len(cluster) > 2 else f"{first} and {first + 1}"  # noqa: PLR2004 - two are not a range
    reason = cluster[0][2][0].cluster_reason
    return f"These {len(cluster)} groups ({numbers}) look like one cause" + (f": {reason}" if reason else ".")


def _own_summary(status: str, failures: int, groups: int) -> str:
    if status == "failed":
        return "The analysis failed."
    if status != "completed":
        return f"The analysis is {status}."
    return f"{plural(failures, 'failure')} in {plural(groups, 'group')}." if failures else "Nothing failed."


def _counts(result: StoredResult) -> str:
    reports = result.reports
    if not reports:
        return ""
    tests = sum(report.tests for report in reports)
    failed = sum(report.failed for report in reports)
    skipped = sum(report.skipped for report in reports)
    parts = [plural(tests, "test"), f"{failed:,} failed"]
    if skipped:
        parts.append(f"{skipped:,} skipped")
    return ", ".join(parts) + (f" in {plural(len(reports), 'report')}" if len(reports) > 1 else "")


def _duration(response: ResultResponse) -> str:
    started, ended = _moment(response.analysis_started_at), _moment(response.completed_at)
    if started is None or ended is None or ended < started:
        return ""
    return duration_text((ended - started).total_seconds())


def duration_text(seconds: float) -> str:
    """For example `0.4 s`, `42 s`, `3 min 5 s`, `1 h 2 min`."""
    if seconds < 10:  # noqa: PLR2004 - below, tenths are of interest
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
