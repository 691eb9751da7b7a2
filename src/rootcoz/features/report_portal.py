"""Pushing what was found, and what people made of it, into Report Portal.

The newest word counts: an override, or the label INFRASTRUCTURE that the history of a test was given.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import structlog

from rootcoz.domain.analysis import AnalysisStatus, StoredAnalysis
from rootcoz.domain.errors import Conflict, InvalidInput, NoSuchAnalysis, NotConfigured, StillInProgress
from rootcoz.domain.failure import BuildOutline, ErrorSignature
from rootcoz.domain.finding import Answer, Classification, Finding
from rootcoz.domain.issue import MatchedIssue
from rootcoz.domain.launch import LaunchRef
from rootcoz.domain.review import Override
from rootcoz.evidence.secrets import redact
from rootcoz.exporters.report_portal.client import ExternalIssue, ReportPortalClient
from rootcoz.exporters.report_portal.launch import BuildRef
from rootcoz.exporters.report_portal.push import PortalFinding, PushOrder, PushReport, Verdict, push
from rootcoz.kit.chunks import Chunk
from rootcoz.sources.jenkins.names import job_path
from rootcoz.store import analyses as analyses_store
from rootcoz.store import builds, findings, issues, review
from rootcoz.store.documents import load_document
from rootcoz.store.engine import Database
from rootcoz.store.history import ClassifiedFailure, classified_failures
from rootcoz.store.linked_issues import Link, filed_from

log = structlog.get_logger()

_CLASSIFICATIONS = frozenset(one.value for one in Classification)
_JIRA_ISSUE = re.compile(
    r"(?P<tracker>https?://.+)/browse/(?P<key>(?P<project>[A-Za-z][A-Za-z0-9_]*)-[0-9]+)"
)
_GITHUB_ISSUE = re.compile(r"(?P<tracker>https?://[^/]+)/(?P<project>[^/]+/[^/]+)/issues/(?P<number>[0-9]+)")


class ReportPortal:
    """Pushes results of completed analyses."""

    def __init__(
        self, database: Database, connect: Callable[[], ReportPortalClient], public_base_url: str
    ) -> None:
        self._database = database
        self._connect = connect
        self._public_base_url = public_base_url

    async def push(
        self,
        job_id: str,
        *,
        child_job_name: str = "",
        child_build_number: int = 0,
        launch: LaunchRef | None = None,
    ) -> PushReport:
        """Push the failures of the analysed build, or of one of its child builds, with those of builds below it.

        Raises, looked at in this order: NotConfigured when Report Portal is off, NotFound, NotConfigured without a
        public address, InvalidInput for half a child's name, StillInProgress, Conflict for a failed analysis, and
        InvalidInput for an unknown child.
        """
        client = self._connect()
        analysis = await self._find(job_id)
        if not self._public_base_url:
            raise NotConfigured("What is pushed links to its report, so set PUBLIC_BASE_URL first.")
        if bool(child_job_name) != bool(child_build_number):
            raise InvalidInput("A child build is named by child_job_name together with child_build_number.")
        _check_state(analysis)
        outline = await self._outline(analysis)
        part = _part_of(outline, child_job_name, child_build_number) if child_job_name else outline
        if part is None:
            raise InvalidInput(
                f"The analysis {job_id} has no child build {child_job_name[:200]!r} #{child_build_number}."
            )
        verdicts = await self._verdicts(analysis, {*_own(part), *_below(part)})
        order = PushOrder(
            build=_build_ref(analysis, part, is_child=bool(child_job_name)),
            verdicts=[verdicts[index] for index in _own(part) if index in verdicts],
            below=[verdicts[index] for index in _below(part) if index in verdicts],
            report_url=f"{self._public_base_url}/results/{job_id}",
            launch=launch,
        )
        report = await push(client, order)
        log.info(
            "report_portal_pushed",
            job_id=job_id,
            launch_id=report.launch_id,
            pushed=report.pushed,
            unchanged=report.unchanged,
            unmatched=len(report.unmatched),
            errors=len(report.errors),
        )
        return report

    async def _find(self, job_id: str) -> StoredAnalysis:
        async with self._database.read() as connection:
            analysis = await analyses_store.find_analysis(connection, job_id)
        if analysis is None:
            raise NoSuchAnalysis(job_id)
        return analysis

    async def _outline(self, analysis: StoredAnalysis) -> BuildOutline:
        async with self._database.read() as connection:
            chunks = await load_document(connection, analysis.id, builds.OUTLINE)
        return builds.decode_outline(chunks, range(analysis.failure_count))

    async def _verdicts(self, analysis: StoredAnalysis, wanted: set[int]) -> dict[int, Verdict]:
        """By the failure's index."""
        async with self._database.read() as connection:
            failures = await classified_failures(connection, analysis.id)
            kept = await findings.load_answers(connection, analysis.id)
            overrides = await review.standing_overrides(connection, analysis.id)
            issue_chunks = await load_document(connection, analysis.id, issues.ISSUES)
            filed = await filed_from(connection, analysis.id)
        chosen = [failure for failure in failures if failure.number in wanted]
        return await asyncio.to_thread(_judged, chosen, kept, issue_chunks, overrides, filed)


def _judged(
    failures: Sequence[ClassifiedFailure],
    kept: Mapping[int, bytes],
    issue_chunks: Sequence[Chunk],
    overrides: Sequence[Override],
    filed: Sequence[Link],
) -> dict[int, Verdict]:
    """Takes a while for many groups: for a thread."""
    verdicts = _Verdicts(findings.decode_answers(kept), issues.decode_issues(issue_chunks), overrides, filed)
    return {failure.number: Verdict(failure.test_name, verdicts.of(failure)) for failure in failures}


def _check_state(analysis: StoredAnalysis) -> None:
    if not analysis.status.is_final:
        raise StillInProgress(
            f"The analysis {analysis.job_id} is still in progress ({analysis.status}); try again when it is over."
        )
    if analysis.status is AnalysisStatus.FAILED:
        raise Conflict(f"The analysis {analysis.job_id} failed: it has no results to be pushed.")


def _part_of(build: BuildOutline, job_name: str, build_number: int) -> BuildOutline | None:
    for child in build.children:
        if (child.job_name, child.build_number) == (job_name, build_number):
            return child
        if (found := _part_of(child, job_name, build_number)) is not None:
            return found
    return None


def _own(build: BuildOutline) -> Sequence[int]:
    """Indices of its failures."""
    return range(build.first, build.first + build.count)


def _below(build: BuildOutline) -> list[int]:
    """Indices of the failures of its child builds and of theirs."""
    return [index for child in build.children for index in (*_own(child), *_below(child))]


def _build_ref(analysis: StoredAnalysis, part: BuildOutline, *, is_child: bool) -> BuildRef:
    if not is_child:
        return BuildRef(analysis.jenkins_url, analysis.job_name, analysis.build_number)
    # Children are on their parent's server, whatever address it gives them.
    server = analysis.order.url.rstrip("/") if analysis.order else ""
    url = f"{server}/{job_path(part.job_name)}{part.build_number}/" if server else ""
    return BuildRef(url, part.job_name, part.build_number)


class _Verdicts:
    """What there is to push for each failure; made once for all failures of a group that are classified alike."""

    def __init__(
        self,
        answers: Mapping[int, Answer],
        matches: Mapping[int, Sequence[MatchedIssue]],
        overrides: Sequence[Override],
        filed: Sequence[Link],
    ) -> None:
        self._answers = answers
        self._filed: defaultdict[ErrorSignature, list[ExternalIssue]] = defaultdict(list)
        for link in filed:
            if (issue := _external_issue(link.url)) is not None:
                self._filed[link.signature].append(issue)
        self._matches = matches
        self._overrides = {
            (one.child_job_name, one.child_build_number, one.group_number): one for one in overrides
        }
        self._made: dict[tuple[int, str, str], PortalFinding] = {}

    def of(self, failure: ClassifiedFailure) -> PortalFinding:
        """The finding of the failure's group as the newest word has it."""
        answer = self._answers.get(failure.group_number)
        override = self._overrides.get(
            (failure.child_job_name, failure.child_build_number, failure.group_number)
        )
        given = answer.classification.value if isinstance(answer, Finding) else ""
        standing = override.classification if override else given
        # The history has the newest of override and label, and labels that are no classification of a finding.
        classification = failure.classification if failure.classification in _CLASSIFICATIONS else standing
        decided_by = ""
        if override and override.classification == classification:
            decided_by = override.username or "somebody"
        key = (failure.group_number, classification, decided_by)
        if key not in self._made:
            self._made[key] = self._make(failure, answer, classification, decided_by)
        return self._made[key]

    def _make(
        self, failure: ClassifiedFailure, answer: Answer | None, classification: str, decided_by: str
    ) -> PortalFinding:
        filed = self._filed[failure.signature]
        if not isinstance(answer, Finding):
            return PortalFinding(classification, "", decided_by, _once(filed))
        agrees = answer.classification.value == classification
        parts = [answer.details]
        matched: list[ExternalIssue | None] = []
        if agrees and answer.product_bug_report:
            parts.insert(0, answer.product_bug_report.title)
            matched = [_external_issue(match.url) for match in self._matches.get(failure.group_number, ())]
        elif agrees and answer.code_fix and answer.code_fix.file:
            line = f":{answer.code_fix.line}" if answer.code_fix.line else ""
            parts.insert(0, f"{answer.code_fix.file}{line}: {answer.code_fix.change}")
        summary = "\n".join(part.strip() for part in parts if part.strip())
        return PortalFinding(classification, redact(summary).text, decided_by, _once([*filed, *matched]))


def _once(found: Sequence[ExternalIssue | None]) -> tuple[ExternalIssue, ...]:
    return tuple(dict.fromkeys(issue for issue in found if issue is not None))


def _external_issue(url: str) -> ExternalIssue | None:
    """The issue with its tracker and project, as Report Portal wants it; None for what is no issue's address."""
    if (jira := _JIRA_ISSUE.fullmatch(url)) is not None:
        return ExternalIssue(jira["key"], url, jira["tracker"], jira["project"])
    if (github := _GITHUB_ISSUE.fullmatch(url)) is not None:
        return ExternalIssue(f"#{github['number']}", url, github["tracker"], github["project"])
    return None
