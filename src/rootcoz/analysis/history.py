"""What an analysis leaves in the history: its failures, those of child builds under the name of the analysed build."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import structlog

from rootcoz.analysis.report import ReportFacts
from rootcoz.domain.analysis import StoredAnalysis
from rootcoz.domain.failure import BuildOutline, Failure, FailureGroup
from rootcoz.domain.finding import Answer, Finding
from rootcoz.kit.clock import utc_now
from rootcoz.store import builds, findings
from rootcoz.store.analyses import find_analysis
from rootcoz.store.documents import load_document
from rootcoz.store.engine import Database
from rootcoz.store.history import HistoryRow, analyses_without_history, has_history, save_history

BACKFILL_AT_ONCE = 50
"""Analyses whose names are fetched at once; each is written in a transaction of its own."""
BACKFILL_PAUSE_S = 0.05
"""Between two analyses, for the others."""

log = structlog.get_logger()


async def backfill_history(database: Database, *, pause_s: float = BACKFILL_PAUSE_S) -> int:
    """Write the rows of completed analyses that have none, from their stored documents; how many analyses had none.

    For databases of versions that kept no history. What a stop interrupts is found again by the next start. Rows come
    in the order of the analyses, but after those of analyses that complete meanwhile.
    """
    done = 0
    after = 0
    while True:
        async with database.read() as connection:
            job_ids = await analyses_without_history(connection, after, BACKFILL_AT_ONCE)
        if not job_ids:
            break
        for job_id in job_ids:
            after = max(after, await _backfill(database, job_id))
            done += 1
            await asyncio.sleep(pause_s)
    if done:
        log.info("history_backfilled", analyses=done)
    return done


async def _backfill(database: Database, job_id: str) -> int:
    async with database.read() as connection:
        analysis = await find_analysis(connection, job_id)
        if analysis is None:  # deleted meanwhile
            return 0
        kept = await findings.load_answers(connection, analysis.id)
        failures, groups, outline = [
            await load_document(connection, analysis.id, kind)
            for kind in (builds.FAILURES, builds.GROUPS, builds.OUTLINE)
        ]

    def rows() -> list[HistoryRow]:
        read = builds.decode_failures(failures)
        whose = builds.decode_outline(outline, read)
        grouped = builds.decode_groups(groups, read)
        return list(_rows(analysis, read, whose, grouped, findings.decode_answers(kept)))

    made = await asyncio.to_thread(rows)
    async with database.write() as connection:
        known = await find_analysis(connection, job_id)
        if known is not None and not await has_history(connection, analysis.id):
            await save_history(connection, analysis.id, made, analyzed_at=analysis.completed_at or utc_now())
    return analysis.id


def history_rows(facts: ReportFacts) -> Iterator[HistoryRow]:
    """The rows in the order of the failures."""
    yield from _rows(facts.analysis, facts.failures, facts.outline, facts.groups, facts.answers)


def _rows(
    analysis: StoredAnalysis,
    failures: Sequence[Failure],
    outline: BuildOutline,
    groups: Sequence[FailureGroup],
    answers: Mapping[int, Answer],
) -> Iterator[HistoryRow]:
    group_of = {member: group for group in groups for member in group.members}
    for build, is_child in _builds(outline):
        for number in range(build.first, build.first + build.count):
            failure, group = failures[number], group_of[number]
            answer = answers.get(group.number)
            yield HistoryRow(
                number=number,
                group_number=group.number,
                job_name=analysis.job_name,
                build_number=analysis.build_number,
                child_job_name=build.job_name if is_child else "",
                child_build_number=build.build_number if is_child else 0,
                test_name=failure.test_name,
                error_message=failure.error_message,
                error_signature=group.signature.value,
                signature_version=group.signature.version,
                classification=answer.classification if isinstance(answer, Finding) else "",
            )


def _builds(build: BuildOutline, *, is_child: bool = False) -> Iterator[tuple[BuildOutline, bool]]:
    yield build, is_child
    for child in build.children:
        yield from _builds(child, is_child=True)
