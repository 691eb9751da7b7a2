"""The product as one function: from the failures of a build to a stored result.

Every step may be interrupted by the death of the process and is then begun again: each one first looks at what is
already on disk, so that a second run repeats no question whose answer was kept.
"""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from rootcoz.analysis.ask import Asker
from rootcoz.analysis.debate import Seat
from rootcoz.analysis.enrich import Desk, look_up
from rootcoz.analysis.fetch import fetch_build
from rootcoz.analysis.ledger import Ledger
from rootcoz.analysis.materials import NOTHING_ELSE, Materials, gather_artifacts, gather_repositories, joined
from rootcoz.analysis.report import ReportFacts, write_result
from rootcoz.domain.analysis import (
    AnalysisProgress,
    AnalysisStatus,
    JenkinsOrder,
    ProgressMark,
    ProgressPhase,
    RepositoryOrder,
    StoredAnalysis,
)
from rootcoz.domain.errors import AnalysisAborted, Conflict, NotFound
from rootcoz.domain.failure import Build, Failure, FailureGroup
from rootcoz.domain.finding import Answer, NoVerdict, NoVerdictReason
from rootcoz.domain.issue import MatchedIssue
from rootcoz.grouping.cluster import with_clusters
from rootcoz.grouping.groups import group_failures
from rootcoz.kit.chunks import Chunk, chunked
from rootcoz.kit.clock import utc_moment, utc_now
from rootcoz.kit.sealed import Seal
from rootcoz.providers.base import Provider
from rootcoz.sources.jenkins.client import JenkinsAccess
from rootcoz.store import analyses as analyses_store
from rootcoz.store import builds, calls, findings, issues
from rootcoz.store.documents import load_document, save_document
from rootcoz.store.engine import Database
from rootcoz.store.secrets import load_secrets
from rootcoz.workspace.folder import Workspace, make_workspace

MAX_MARKS = 300
"""Phases of debates that the progress log takes."""
MAX_ATTEMPTS = 50
"""Starts without a single new answer after which an analysis is given up: it seems to kill the process."""


Work = Callable[[], Awaitable[None]]
Step = Callable[[str, Work], Awaitable[None]]
"""Runs a named piece of work; the durable engine records that it is done and skips it then."""


class Audience(Protocol):
    """Who watches analyses; nothing here ever waits for them: `features.events.EventHub`."""

    def tell(self, progress: AnalysisProgress) -> None:
        """The analysis got somewhere."""
        ...

    def forget(self, job_id: str) -> None:
        """Nothing more will come from the analysis in this process."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pipeline works with, handed in by `wiring`."""

    database: Database
    provider_named: Callable[[str], Provider]
    server_gate: asyncio.Semaphore
    """Bounds the questions of the whole server."""
    workspaces: Path
    """Folder below which each analysis has its own."""
    public_base_url: str
    """For the link in enriched documents; empty when the server does not know its address."""
    seal: Seal
    """Opens the credentials that came with a request."""
    jenkins_access: Callable[[JenkinsOrder, Mapping[str, str]], JenkinsAccess]
    """How to reach the order's server, given the credentials that came with the request."""
    repository_tokens: Callable[[Sequence[RepositoryOrder], Mapping[str, str]], Mapping[str, str]]
    """Tokens by the repository's name, given the credentials that came with the request."""
    desks: Callable[[StoredAnalysis, Mapping[str, str]], tuple[Mapping[ProgressPhase, Desk], tuple[str, ...]]]
    """The trackers to be searched for an analysis, and sentences about those that cannot be."""
    audience: Audience

    async def is_final(self, job_id: str) -> bool:
        """Whether nothing more will happen to the analysis: it is over, or gone."""
        async with self.database.read() as connection:
            status = await analyses_store.analysis_status(connection, job_id)
        return status is None or status.is_final


async def analyse(job_id: str, parts: Parts, step: Step) -> None:
    """Take the analysis from wherever it stands to its result."""
    job = _Job(await _load(parts.database, job_id), parts)

    await job.begin()
    await step("fetch", job.fetch)
    failures = await job.ingest()
    groups = await job.group(failures)
    await step("ask", lambda: job.ask(groups, failures))
    await step("enrich", lambda: job.enrich(groups))
    await step("save", lambda: job.save(groups, failures))


async def give_up(job_id: str, parts: Parts, reason: str) -> None:
    """Record that the analysis failed, with a sentence for the user. Answers that were kept are shown with it."""
    try:
        await _save_failed(job_id, parts, reason)
    except AnalysisAborted:
        await _save_failed(job_id, parts, reason)  # it is aborted at most once
    # Whoever was interrupted has removed it, unless a thread of theirs was still writing to it.
    await asyncio.to_thread(shutil.rmtree, parts.workspaces / job_id, ignore_errors=True)


async def _save_failed(job_id: str, parts: Parts, reason: str) -> None:
    analysis = await _load(parts.database, job_id)
    if analysis.status.is_final:  # its result was written in the instant before the process died
        return
    job = _Job(analysis, parts)
    failures = await job.ingest()
    groups = await job.group(failures)
    await job.save(groups, failures, failed_because=reason)


async def _load(database: Database, job_id: str) -> StoredAnalysis:
    async with database.read() as connection:
        analysis = await analyses_store.find_analysis(connection, job_id)
    if analysis is None:
        raise NotFound(f"There is no analysis {job_id}; it may have been deleted.")
    return analysis


class _Job:
    """The steps of one analysis."""

    def __init__(self, analysis: StoredAnalysis, parts: Parts) -> None:
        self.analysis = analysis
        self.parts = parts
        self.database = parts.database
        self.marks = list(analysis.progress_log)
        self.progress = AnalysisProgress(
            job_id=analysis.job_id,
            status=analysis.status,
            progress_phase=self.marks[-1].phase if self.marks else None,
            groups_total=analysis.groups_total,
            groups_answered=0,
            at=utc_now(),
        )

    async def begin(self) -> None:
        """Give up on an analysis that never gets anywhere. Waiting for a build is no attempt at anything.

        An abort that was accepted before the process died is honoured here.
        """
        if self.analysis.aborted_by is not None:
            raise AnalysisAborted("It was aborted before it could go on.")
        async with self.database.read() as connection:
            answered = await findings.count_answers(connection, self.analysis.id)
        self._tell(groups_answered=answered)
        if self.analysis.status is AnalysisStatus.WAITING:
            return
        async with self.database.write() as connection:
            attempts = await analyses_store.count_attempt(connection, self.analysis.id)
        if attempts > MAX_ATTEMPTS:
            raise Conflict(
                f"The analysis was started {MAX_ATTEMPTS} times and never got an answer before the server stopped; "
                "it is not tried again by itself."
            )

    async def fetch(self) -> None:
        """Have the build's failures on disk. Those of direct submissions are there since they were accepted."""
        order = self.analysis.order
        if order is None or await self._document(builds.FAILURES):
            await self._mark_running()
            return
        async with self.database.read() as connection:
            secrets = await load_secrets(connection, self.analysis.id, self.parts.seal)
        resumed = bool(self.marks)
        if order.wait:
            await self._enter(ProgressPhase.WAITING_FOR_JENKINS, None)
        build = await fetch_build(
            order,
            self.parts.jenkins_access(order, secrets),
            accepted_at=utc_moment(self.analysis.created_at),
            resumed=resumed,
            ended=self._mark_running,
        )
        await self._keep(build)

    async def _mark_running(self) -> None:
        async with self.database.write() as connection:
            await analyses_store.mark_running(connection, self.analysis.id)
        self.progress = replace(self.progress, status=AnalysisStatus.RUNNING)
        await self._enter(ProgressPhase.ANALYZING, None)

    async def _keep(self, build: Build) -> None:
        failures, outline = build.flattened()
        packed = await asyncio.to_thread(lambda: list(chunked(builds.encode_failures(failures))))
        notes = (*build.notes, *self.analysis.options.notes)
        async with self.database.write() as connection:
            await save_document(connection, self.analysis.id, builds.FAILURES, packed)
            outlined = chunked([builds.encode_outline(outline)])
            await save_document(connection, self.analysis.id, builds.OUTLINE, outlined)
            await analyses_store.save_fetched_facts(
                connection, self.analysis.id, failure_count=len(failures), notes=notes
            )
        self.analysis = replace(self.analysis, notes=notes, failure_count=len(failures))

    async def ingest(self) -> tuple[Failure, ...]:
        """The build's failures. Direct submissions have them on disk since they were accepted."""
        chunks = await self._document(builds.FAILURES)
        return await asyncio.to_thread(builds.decode_failures, chunks)

    async def group(self, failures: Sequence[Failure]) -> tuple[FailureGroup, ...]:
        """The failure groups and their clusters, decided once and kept."""
        chunks = await self._document(builds.GROUPS)
        if chunks:
            return await asyncio.to_thread(builds.decode_groups, chunks, failures)
        groups = await asyncio.to_thread(lambda: with_clusters(group_failures(failures), failures))
        packed = await asyncio.to_thread(lambda: list(chunked(builds.encode_groups(groups))))
        async with self.database.write() as connection:
            await save_document(connection, self.analysis.id, builds.GROUPS, packed)
        return groups

    async def ask(self, groups: Sequence[FailureGroup], failures: Sequence[Failure]) -> None:
        """Ask about each group that has no answer yet; each finished answer is on disk when it arrives."""
        await self._enter(ProgressPhase.ANALYZING_FAILURES, len(groups))
        async with self.database.read() as connection:
            answered = await findings.answered_groups(connection, self.analysis.id)
        missing = [group for group in groups if group.number not in answered]
        if not missing:
            return
        options = self.analysis.options
        provider = self.parts.provider_named(options.provider)
        provider.check(options.model)
        seats = tuple(Seat(peer, self.parts.provider_named(peer.provider)) for peer in options.peers)
        ledger = await Ledger.open(self.database, self.analysis.id)
        workspace = make_workspace(self.parts.workspaces, self.analysis.job_id)
        try:
            readers = (provider, *(seat.provider for seat in seats))
            somebody_reads = any(reader.reads_prompt for reader in readers)
            materials = await self._gather(workspace) if somebody_reads else NOTHING_ELSE
            asker = Asker(
                provider,
                options,
                self.parts.server_gate,
                workspace.path,
                ledger,
                materials,
                peers=seats,
                enter=lambda phase, group: self._note_debate(phase, group.number, len(groups)),
            )
            await asker.ask_groups(missing, failures, self._save_answers)
        finally:
            with contextlib.suppress(OSError):  # the next start removes what is left
                await asyncio.to_thread(workspace.remove)

    async def _gather(self, workspace: Workspace) -> Materials:
        """Clones and artifacts for an AI that reads; what could not be had is noted in the result."""
        order = self.analysis.order
        async with self.database.read() as connection:
            secrets = await load_secrets(connection, self.analysis.id, self.parts.seal)
        orders = self.analysis.options.repositories
        tokens = self.parts.repository_tokens(orders, secrets)
        materials = await gather_repositories(workspace, orders, tokens)
        if order is not None and order.with_artifacts:
            access = self.parts.jenkins_access(order, secrets)
            materials = joined(materials, await gather_artifacts(workspace, order, access))
        if materials.notes:
            async with self.database.write() as connection:
                notes = await analyses_store.add_notes(connection, self.analysis.id, materials.notes)
            self.analysis = replace(self.analysis, notes=notes)
        return materials

    async def enrich(self, groups: Sequence[FailureGroup]) -> None:
        """Look for the findings in the trackers. Their trouble is a note and never fails an analysis."""
        if await self._document(issues.ISSUES):
            return
        async with self.database.read() as connection:
            secrets = await load_secrets(connection, self.analysis.id, self.parts.seal)
            kept = await findings.load_answers(connection, self.analysis.id)
        desks, notes = self.parts.desks(self.analysis, secrets)
        answers = await asyncio.to_thread(findings.decode_answers, kept) if desks else {}
        matches: dict[int, list[MatchedIssue]] = {}
        for phase, desk in desks.items():
            await self._enter(phase, len(groups))
            known = await look_up(desk, groups, answers)
            matches |= known.matches
            notes = (*notes, *known.notes)
        async with self.database.write() as connection:
            document = chunked([issues.encode_issues(matches)])
            await save_document(connection, self.analysis.id, issues.ISSUES, document)
            noted = await analyses_store.add_notes(connection, self.analysis.id, notes)
        self.analysis = replace(self.analysis, notes=noted)

    async def save(
        self, groups: Sequence[FailureGroup], failures: Sequence[Failure], *, failed_because: str = ""
    ) -> None:
        """Write the result and mark the analysis final, in one transaction."""
        await self._enter(ProgressPhase.SAVING, len(groups))
        async with self.database.read() as connection:
            kept = await findings.load_answers(connection, self.analysis.id)
            debates = await findings.load_debates(connection, self.analysis.id)
            ledger = await calls.load_ledger(connection, self.analysis.id)
            outline = await load_document(connection, self.analysis.id, builds.OUTLINE)
            issue_chunks = await load_document(connection, self.analysis.id, issues.ISSUES)
            reports = [
                await load_document(connection, self.analysis.id, builds.report_kind(number))
                for number in range(0 if failed_because else len(self.analysis.reports))
            ]
        answers = await asyncio.to_thread(findings.decode_answers, kept)
        status = (
            AnalysisStatus.FAILED
            if failed_because or _all_failed(groups, answers)
            else AnalysisStatus.COMPLETED
        )
        facts = ReportFacts(
            analysis=self.analysis,
            status=status,
            failed_because=failed_because,
            failures=failures,
            outline=builds.decode_outline(outline, failures),
            groups=groups,
            answers=answers,
            issues=issues.decode_issues(issue_chunks),
            ledger=ledger,
            reports=reports,
            report_url=self._report_url(),
            debates=await asyncio.to_thread(findings.decode_debates, debates),
        )
        packed = await asyncio.to_thread(lambda: list(chunked(write_result(facts))))
        aborted = self.analysis.aborted_by is not None
        async with self.database.write() as connection:
            await save_document(connection, self.analysis.id, builds.RESULT, packed)
            if not await analyses_store.finish_analysis(
                connection, self.analysis.id, status, aborted=aborted
            ):
                raise AnalysisAborted("It was aborted while its result was written.")
        self._tell(status=status, groups_answered=len(kept))

    def _tell(self, **changes: object) -> None:
        self.progress = replace(self.progress, **changes, at=utc_now())  # type: ignore[arg-type]  # fields by name
        self.parts.audience.tell(self.progress)

    def _report_url(self) -> str:
        base = self.parts.public_base_url
        return f"{base}/results/{self.analysis.job_id}" if base else ""

    async def _save_answers(self, answers: Sequence[findings.GroupAnswer]) -> None:
        options = self.analysis.options
        async with self.database.write() as connection:
            await findings.save_answers(
                connection, self.analysis.id, answers, provider=options.provider, model=options.model
            )
            await analyses_store.note_new_answers(connection, self.analysis.id)
        self._tell(groups_answered=self.progress.groups_answered + len(answers))

    async def _note_debate(self, phase: str, group: int, groups: int) -> None:
        """The log is written as a whole each time: a build with very many groups is not told in full."""
        if len(self.marks) < MAX_MARKS:
            await self._enter(f"{phase} (group {group}/{groups})", groups)

    async def _enter(self, phase: str, groups_total: int | None) -> None:
        self.marks.append(ProgressMark(phase, time.time()))
        async with self.database.write() as connection:
            await analyses_store.save_progress(connection, self.analysis.id, self.marks, groups_total)
        self._tell(progress_phase=phase, groups_total=groups_total)

    async def _document(self, kind: str) -> list[Chunk]:
        async with self.database.read() as connection:
            return await load_document(connection, self.analysis.id, kind)


def _all_failed(groups: Sequence[FailureGroup], answers: dict[int, Answer]) -> bool:
    """Whether there were questions and not one of them got an answer. An honest abstention is an answer."""
    return bool(groups) and all(
        isinstance(answer := answers.get(group.number), NoVerdict)
        and answer.reason is not NoVerdictReason.ABSTAINED
        for group in groups
    )
