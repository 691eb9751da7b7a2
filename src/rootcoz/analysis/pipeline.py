"""The product as one function: from the failures of a build to a stored result.

Every step may be interrupted by the death of the process and is then begun again: each one first looks at what is
already on disk, so that a second run repeats no question whose answer was kept.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from rootcoz.analysis.ask import Asker
from rootcoz.analysis.budget_notes import budget_notes
from rootcoz.analysis.consoles import CONSOLE, ConsoleShelf, gather_consoles
from rootcoz.analysis.debate import Seat
from rootcoz.analysis.duplicates import IssueJudge
from rootcoz.analysis.enrich import look_up
from rootcoz.analysis.fetch import fetch_build
from rootcoz.analysis.history import history_rows
from rootcoz.analysis.ledger import Ledger
from rootcoz.analysis.materials import NOTHING_ELSE, Materials, gather_artifacts, gather_repositories, joined
from rootcoz.analysis.memory import Decisions, catch_up, exact_decisions, near_decisions
from rootcoz.analysis.news import analysis_news, reopened_news
from rootcoz.analysis.parts import Parts, Step, take_up
from rootcoz.analysis.reopened import Reopened, find_links, find_reopened
from rootcoz.analysis.report import AnswerPlace, ReportFacts, count_verdicts, write_result
from rootcoz.analysis.turns import Turns
from rootcoz.domain.analysis import (
    AnalysisProgress,
    AnalysisStatus,
    ProgressMark,
    ProgressPhase,
    StoredAnalysis,
)
from rootcoz.domain.errors import AnalysisAborted, Conflict, NoSuchAnalysis, NotConfigured
from rootcoz.domain.failure import Build, Failure, FailureGroup
from rootcoz.domain.finding import Answer, NoVerdict, NoVerdictReason
from rootcoz.domain.issue import MatchedIssue
from rootcoz.domain.notification import Event
from rootcoz.domain.review import DecisionReuse
from rootcoz.grouping.cluster import with_clusters
from rootcoz.grouping.groups import group_failures
from rootcoz.kit.chunks import Chunk, chunked
from rootcoz.kit.clock import utc_moment, utc_now
from rootcoz.kit.tree_removal import remove_tree
from rootcoz.store import analyses as analyses_store
from rootcoz.store import builds, calls, findings, issues
from rootcoz.store.documents import delete_documents, load_document, save_document
from rootcoz.store.engine import Connection, Database
from rootcoz.store.history import save_history
from rootcoz.store.job_metadata import add_metadata
from rootcoz.store.secrets import load_secrets
from rootcoz.workspace.folder import Workspace, make_workspace

MAX_MARKS = 300
"""Phases of debates that the progress log takes."""
JUDGING_CALLS = {
    ProgressPhase.ENRICHING_JIRA: "jira_filter",
    ProgressPhase.ENRICHING_TESTS_REPO: "tests_repo_filter",
}
"""What the ledger calls the questions of each phase about issues."""
MAX_ATTEMPTS = 50
"""Starts without a single new answer after which an analysis is given up: it seems to kill the process."""


async def analyse(job_id: str, parts: Parts, step: Step, run: str | None = None) -> None:
    """Take the analysis from wherever it stands to its result. `run`: what `take_up` gave; None calls it here.

    Raises TakenOver when somebody else took it up meanwhile.
    """
    run = run or await take_up(job_id, parts)
    analysis = await _load(parts.database, job_id)
    if analysis.status.is_final:  # its result was written in the instant before the process died
        return
    job = _Job(analysis, parts, run)

    await job.begin()
    await step("fetch", job.fetch)
    failures = await job.ingest()
    groups = await job.group(failures)
    await step("ask", lambda: job.ask(groups, failures))
    await step("enrich", lambda: job.enrich(groups))
    await step("save", lambda: job.save(groups, failures))


async def give_up(job_id: str, parts: Parts, reason: str, run: str | None = None) -> None:
    """Record that the analysis failed, with a sentence for the user. Answers that were kept are shown with it.

    `run` as for `analyse`.
    """
    run = run or await take_up(job_id, parts)
    try:
        await _save_failed(job_id, parts, reason, run)
    except AnalysisAborted:
        await _save_failed(job_id, parts, reason, run)  # it is aborted at most once
    # Whoever was interrupted has removed it, unless a thread of theirs was still writing to it.
    with contextlib.suppress(OSError):  # the next start removes what is left
        await asyncio.to_thread(remove_tree, parts.workspaces / job_id)


async def _save_failed(job_id: str, parts: Parts, reason: str, run: str) -> None:
    analysis = await _load(parts.database, job_id)
    if analysis.status.is_final:  # its result was written in the instant before the process died
        return
    job = _Job(analysis, parts, run)
    failures = await job.ingest()
    groups = await job.group(failures)
    await job.save(groups, failures, failed_because=reason)


async def _load(database: Database, job_id: str) -> StoredAnalysis:
    async with database.read() as connection:
        analysis = await analyses_store.find_analysis(connection, job_id)
    if analysis is None:
        raise NoSuchAnalysis(job_id)
    return analysis


class _Job:
    """The steps of one analysis."""

    def __init__(self, analysis: StoredAnalysis, parts: Parts, run: str) -> None:
        self.analysis = analysis
        self.run = run
        self.parts = parts
        self.database = parts.database
        self.marks = list(analysis.progress_log)
        self.looked_near: Decisions = {}
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
        async with self._write() as connection:
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
        if self.analysis.status is AnalysisStatus.RUNNING:  # the build had ended when the process died
            order = replace(order, wait=False)
        consoles = ConsoleShelf(self.database, self.analysis.id)
        await consoles.clear()
        if order.wait:
            await self._enter(ProgressPhase.WAITING_FOR_JENKINS, None)
        build = await fetch_build(
            order,
            self.parts.jenkins_access(order, secrets),
            accepted_at=utc_moment(self.analysis.created_at),
            resumed=resumed,
            ended=self._mark_running,
            keep_console=consoles.keep if self._somebody_reads() else None,
        )
        await self._keep(replace(build, notes=(*build.notes, *consoles.notes)))

    def _somebody_reads(self) -> bool:
        """Whether anybody who will be asked looks at files."""
        options = self.analysis.options
        names = {options.provider, *(peer.provider for peer in options.peers)}
        return any(self.parts.provider_named(name).reads_prompt for name in names)

    async def _mark_running(self) -> None:
        async with self._write() as connection:
            await analyses_store.mark_running(connection, self.analysis.id)
        self.progress = replace(self.progress, status=AnalysisStatus.RUNNING)
        await self._enter(ProgressPhase.ANALYZING, None)

    async def _keep(self, build: Build) -> None:
        failures, outline = build.flattened()
        packed = await asyncio.to_thread(lambda: list(chunked(builds.encode_failures(failures))))
        notes = (*build.notes, *self.analysis.options.notes)
        async with self._write() as connection:
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
        async with self._write() as connection:
            await save_document(connection, self.analysis.id, builds.GROUPS, packed)
        return groups

    async def ask(self, groups: Sequence[FailureGroup], failures: Sequence[Failure]) -> None:
        """Ask about each group that has no answer yet; each finished answer is on disk when it arrives."""
        await self._enter(ProgressPhase.ANALYZING_FAILURES, len(groups))
        async with self.database.read() as connection:
            answered = await findings.answered_groups(connection, self.analysis.id)
        missing = [group for group in groups if group.number not in answered]
        # What a process left that died in the middle is half a clone or half an archive; one that died after its last
        # question has left everything.
        await self._remove_workspace()
        if not missing:
            return
        options = self.analysis.options
        provider = self.parts.provider_named(options.provider)
        provider.check(options.model)
        seats = tuple(Seat(peer, self.parts.provider_named(peer.provider)) for peer in options.peers)
        ledger = await Ledger.open(self.database, self.analysis.id, self.parts.budgets)
        decisions = await self._decisions(missing)
        workspace = make_workspace(self.parts.workspaces, self.analysis.job_id)
        try:
            # With nothing to pay questions with, nobody will look at what takes long to fetch.
            asks = ledger.has_replies() or not await ledger.reached_budget()
            materials = await self._gather(workspace) if self._somebody_reads() and asks else NOTHING_ELSE
            asker = Asker(
                provider,
                options,
                self.parts.server_gate,
                workspace.path,
                ledger,
                materials,
                peers=seats,
                enter=lambda phase, group: self._note_debate(phase, group.number, len(groups)),
                note=self._note,
                decisions=decisions,
                decisions_answer=self.parts.reuse_decisions is DecisionReuse.ANSWER,
            )
            await asker.ask_groups(missing, failures, self._save_answers)
        finally:
            await self._remove_workspace()

    async def _remove_workspace(self) -> None:
        with contextlib.suppress(OSError):  # the next start removes what is left
            await asyncio.to_thread(Workspace(self.parts.workspaces / self.analysis.job_id).remove)

    async def _decisions(self, groups: Sequence[FailureGroup]) -> Decisions:
        """What people decided of each group when it, or else what resembles it, came before, by group number."""
        if self.parts.reuse_decisions is DecisionReuse.OFF:
            return {}
        await catch_up(self.database)
        exact = await exact_decisions(self.database, groups, but=self.analysis.id)
        # To look for what resembles a group takes milliseconds, so it is done once for each.
        unknown = [group for group in groups if group.number not in exact | self.looked_near]
        near = await near_decisions(self.database, unknown, but=self.analysis.id)
        self.looked_near |= {group.number: near.get(group.number, []) for group in unknown}
        resembling = {
            group.number: self.looked_near[group.number]
            for group in groups
            if group.number not in exact and self.looked_near[group.number]
        }
        return exact | resembling

    async def _gather(self, workspace: Workspace) -> Materials:
        """Consoles, clones and artifacts for an AI that reads; what could not be had is noted in the result."""
        order = self.analysis.order
        async with self.database.read() as connection:
            secrets = await load_secrets(connection, self.analysis.id, self.parts.seal)
        orders = self.analysis.options.repositories
        tokens = self.parts.repository_tokens(orders, secrets)
        materials = await gather_repositories(workspace, orders, tokens, scratch=self.parts.scratch)
        if order is not None and order.with_artifacts:
            access = self.parts.jenkins_access(order, secrets)
            materials = joined(materials, await gather_artifacts(workspace, order, access))
        consoles = await gather_consoles(workspace, self.database, self.analysis.id)
        await self._note(*materials.notes)
        return joined(consoles, materials)

    async def _note(self, *sentences: str) -> None:
        """Put what is not there yet to the notes of the result."""
        if set(sentences) <= set(self.analysis.notes):
            return
        async with self._write() as connection:
            notes = await analyses_store.add_notes(connection, self.analysis.id, sentences)
        self.analysis = replace(self.analysis, notes=notes)

    async def enrich(self, groups: Sequence[FailureGroup]) -> None:
        """Look for the findings in the trackers. Their trouble is a note and never fails an analysis."""
        if await self._document(issues.ISSUES):
            return
        async with self.database.read() as connection:
            secrets = await load_secrets(connection, self.analysis.id, self.parts.seal)
            kept = await findings.load_answers(connection, self.analysis.id)
        desks, notes = self.parts.desks(self.analysis, secrets)
        answers = await asyncio.to_thread(findings.decode_answers, kept) if desks else {}
        judges = await self._judges() if desks else {}
        matches: dict[int, list[MatchedIssue]] = {}
        for phase, desk in desks.items():
            await self._enter(phase, len(groups))
            known = await look_up(desk, groups, answers, judge=judges.get(phase))
            matches |= known.matches
            notes = (*notes, *known.notes)
        reopened = await self._reopened(groups, secrets)
        await self._note(*notes, *reopened.notes)
        async with self._write() as connection:
            document = chunked([issues.encode_reopened(reopened.issues)])
            await save_document(connection, self.analysis.id, issues.REOPENED, document)
            document = chunked([issues.encode_issues(matches)])
            await save_document(connection, self.analysis.id, issues.ISSUES, document)

    async def _reopened(self, groups: Sequence[FailureGroup], secrets: Mapping[str, str]) -> Reopened:
        """Closed issues of failures that came again."""
        states = self.parts.issue_states(self.analysis, secrets)
        if not states:
            return Reopened({})
        async with self.database.read() as connection:
            links = await find_links(connection, groups, states, but=self.analysis.id)
        return await find_reopened(groups, links, states)

    async def _judges(self) -> Mapping[ProgressPhase, IssueJudge]:
        """Who says which issues are about a finding; nobody where the words alone decide."""
        options = self.analysis.options
        try:
            provider = self.parts.provider_named(options.provider)
            provider.check(options.model)
        except NotConfigured as error:  # the server was started anew, with other settings
            await self._note(f"Issues were matched by their words alone. {error}")
            return {}
        if not provider.reads_prompt:
            return {}
        ledger = await Ledger.open(self.database, self.analysis.id, self.parts.budgets)
        gate = asyncio.Semaphore(options.max_concurrent_questions)
        turns = Turns(ledger, gate, self.parts.server_gate)
        return {phase: IssueJudge(provider, options, turns, call) for phase, call in JUDGING_CALLS.items()}

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
            reopened = await load_document(connection, self.analysis.id, issues.REOPENED)
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
        notes = (*self.analysis.notes, *budget_notes(self.parts.budgets, answers, ledger))
        facts = ReportFacts(
            analysis=replace(self.analysis, notes=notes),
            status=status,
            failed_because=failed_because,
            failures=failures,
            outline=builds.decode_outline(outline, failures),
            groups=groups,
            answers=answers,
            issues=issues.decode_issues(issue_chunks),
            reopened=issues.decode_reopened(reopened),
            ledger=ledger,
            reports=reports,
            report_url=self._report_url(),
            debates=await asyncio.to_thread(findings.decode_debates, debates),
            decisions=await self._decisions(groups),
        )
        places: list[AnswerPlace] = []
        packed = await asyncio.to_thread(lambda: list(chunked(write_result(facts, places))))
        packed_places = chunked([builds.encode_places((one.failure, one.start, one.size) for one in places)])
        verdicts = chunked([builds.encode_verdicts(count_verdicts(facts))])
        aborted = self.analysis.aborted_by is not None
        job_metadata = await asyncio.to_thread(self.parts.metadata_for, self.analysis.job_name)
        newsroom = self.parts.newsroom
        wanted = newsroom is not None and newsroom.wants(Event.ANALYSIS, self.analysis.job_name)
        news = await asyncio.to_thread(analysis_news, facts) if wanted and not aborted else None
        async with self._write() as connection:
            if not await analyses_store.finish_analysis(
                connection, self.analysis.id, status, aborted=aborted
            ):
                raise AnalysisAborted("It was aborted while its result was written.")
            await save_document(connection, self.analysis.id, builds.RESULT, packed)
            await save_document(connection, self.analysis.id, builds.ANSWER_PLACES, packed_places)
            await save_document(connection, self.analysis.id, builds.VERDICTS, verdicts)
            if status is AnalysisStatus.COMPLETED:
                await save_history(connection, self.analysis.id, history_rows(facts), analyzed_at=utc_now())
                if job_metadata is not None:
                    await add_metadata(connection, job_metadata)
            if news is not None and self.parts.newsroom is not None:
                await self.parts.newsroom.announce(connection, news)
            if status is AnalysisStatus.COMPLETED and self.parts.newsroom is not None:
                for told in reopened_news(facts):
                    await self.parts.newsroom.announce_reopened(connection, told)
            await delete_documents(connection, self.analysis.id, CONSOLE)
            await save_document(connection, self.analysis.id, builds.RESULT, packed)
        self._tell(status=status, groups_answered=len(kept))

    def _write(self) -> AbstractAsyncContextManager[Connection]:
        return analyses_store.writing(self.database, self.analysis.id, self.run)

    def _tell(self, **changes: object) -> None:
        self.progress = replace(self.progress, **changes, at=utc_now())  # type: ignore[arg-type]  # fields by name
        self.parts.audience.tell(self.progress)

    def _report_url(self) -> str:
        return f"{self.parts.public_base_url}/results/{self.analysis.job_id}"

    async def _save_answers(self, answers: Sequence[findings.GroupAnswer]) -> None:
        options = self.analysis.options
        async with self._write() as connection:
            await findings.save_answers(
                connection, self.analysis.id, answers, provider=options.provider, model=options.model
            )
            await analyses_store.note_new_answers(connection, self.analysis.id)
        self._tell(groups_answered=self.progress.groups_answered + len(answers))

    async def _note_debate(self, phase: str, group: int, groups: int) -> None:
        """The log is written as a whole each time: a build with very many groups is not told in full.

        A debate that goes on after a restart comes by its earlier phases again, with answers that are kept: those
        stand in the log already.
        """
        told = f"{phase} (group {group}/{groups})"
        if len(self.marks) < MAX_MARKS and all(mark.phase != told for mark in self.marks):
            await self._enter(told, groups)

    async def _enter(self, phase: str, groups_total: int | None) -> None:
        self.marks.append(ProgressMark(phase, time.time()))
        async with self._write() as connection:
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
