"""The product as one function: from the failures of a build to a stored result.

Every step may be interrupted by the death of the process and is then begun again: each one first looks at what is
already on disk, so that a second run repeats no question whose answer was kept.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rootcoz.analysis.ask import Asker
from rootcoz.analysis.report import ReportFacts, write_result
from rootcoz.domain.analysis import AnalysisStatus, ProgressMark, ProgressPhase, StoredAnalysis
from rootcoz.domain.errors import Conflict, NotFound
from rootcoz.domain.failure import Failure, FailureGroup
from rootcoz.domain.finding import Answer, NoVerdict, NoVerdictReason
from rootcoz.grouping.groups import group_failures
from rootcoz.kit.chunks import Chunk, chunked
from rootcoz.providers.base import Provider
from rootcoz.store import analyses as analyses_store
from rootcoz.store import builds, findings
from rootcoz.store.documents import load_document, save_document
from rootcoz.store.engine import Database

MAX_ATTEMPTS = 50
"""Starts without a single new answer after which an analysis is given up: it seems to kill the process."""


Work = Callable[[], Awaitable[None]]
Step = Callable[[str, Work], Awaitable[None]]
"""Runs a named piece of work; the durable engine records that it is done and skips it then."""


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

    async def is_final(self, job_id: str) -> bool:
        """Whether nothing more will happen to the analysis: it is over, or gone."""
        async with self.database.read() as connection:
            status = await analyses_store.analysis_status(connection, job_id)
        return status is None or status.is_final


async def analyse(job_id: str, parts: Parts, step: Step) -> None:
    """Take the analysis from wherever it stands to its result."""
    job = _Job(await _load(parts.database, job_id), parts)

    await job.begin()
    failures = await job.ingest()
    groups = await job.group(failures)
    await step("ask", lambda: job.ask(groups, failures))
    await step("save", lambda: job.save(groups, failures))


async def give_up(job_id: str, parts: Parts, reason: str) -> None:
    """Record that the analysis failed, with a sentence for the user. Answers that were kept are shown with it."""
    job = _Job(await _load(parts.database, job_id), parts)
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

    async def begin(self) -> None:
        """Mark it running; give up on one that never gets anywhere."""
        async with self.database.write() as connection:
            attempts = await analyses_store.begin_analysis(connection, self.analysis.id)
        if attempts > MAX_ATTEMPTS:
            raise Conflict(
                f"The analysis was started {MAX_ATTEMPTS} times and never got an answer before the server stopped; "
                "it is not tried again by itself."
            )

    async def ingest(self) -> tuple[Failure, ...]:
        """The build's failures. Direct submissions have them on disk since they were accepted."""
        chunks = await self._document(builds.FAILURES)
        return await asyncio.to_thread(builds.decode_failures, chunks)

    async def group(self, failures: Sequence[Failure]) -> tuple[FailureGroup, ...]:
        """The failure groups, decided once and kept."""
        chunks = await self._document(builds.GROUPS)
        if chunks:
            return await asyncio.to_thread(builds.decode_groups, chunks, failures)
        groups = await asyncio.to_thread(group_failures, failures)
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
        asker = Asker(
            provider=provider,
            options=options,
            server_gate=self.parts.server_gate,
            workspace=self.parts.workspaces / self.analysis.job_id,
        )
        try:
            await asker.ask_groups(missing, failures, self._save_answers)
        finally:
            asker.close()

    async def save(
        self, groups: Sequence[FailureGroup], failures: Sequence[Failure], *, failed_because: str = ""
    ) -> None:
        """Write the result and mark the analysis final, in one transaction."""
        await self._enter(ProgressPhase.SAVING, len(groups))
        async with self.database.read() as connection:
            kept = await findings.load_answers(connection, self.analysis.id)
            ledger = await findings.load_ledger(connection, self.analysis.id)
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
            groups=groups,
            answers=answers,
            ledger=ledger,
            reports=reports,
            report_url=self._report_url(),
        )
        packed = await asyncio.to_thread(lambda: list(chunked(write_result(facts))))
        async with self.database.write() as connection:
            await save_document(connection, self.analysis.id, builds.RESULT, packed)
            await analyses_store.finish_analysis(connection, self.analysis.id, status)

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

    async def _enter(self, phase: ProgressPhase, groups_total: int) -> None:
        self.marks.append(ProgressMark(phase, time.time()))
        async with self.database.write() as connection:
            await analyses_store.save_progress(connection, self.analysis.id, self.marks, groups_total)

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
