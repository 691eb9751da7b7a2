"""Rows of analyses."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.analysis import (
    AnalysisOptions,
    AnalysisProgress,
    AnalysisStatus,
    JenkinsOrder,
    ProgressMark,
    StoredAnalysis,
)
from rootcoz.domain.errors import NotFound, TakenOver
from rootcoz.domain.failure import ReportSummary
from rootcoz.kit.clock import utc_now
from rootcoz.store.engine import Database
from rootcoz.store.schema import analyses, findings, test_classifications

_UNFINISHED = ("pending", "waiting", "running")
_OPTIONS = TypeAdapter(AnalysisOptions)


@dataclass(frozen=True, slots=True)
class NewAnalysis:
    """What is known when an analysis is accepted."""

    job_id: str
    source: str
    options: AnalysisOptions
    request_params: Mapping[str, object]
    reports: Sequence[ReportSummary]
    notes: Sequence[str]
    failure_count: int
    created_by: str = ""
    order: JenkinsOrder | None = None
    jenkins_url: str = ""
    """Of the build, for people."""
    status: AnalysisStatus = AnalysisStatus.PENDING
    reanalysis_of: str | None = None


@dataclass(frozen=True, slots=True)
class ListedAnalysis:
    """A row of the list."""

    job_id: str
    jenkins_url: str
    status: str
    created_at: str


async def add_analysis(connection: AsyncConnection, new: NewAnalysis) -> int:
    """Insert it as pending; returns the row's id."""
    options = asdict(new.options)
    result = await connection.execute(
        insert(analyses).values(
            job_id=new.job_id,
            status=new.status,
            order=asdict(new.order) if new.order else None,
            job_name=new.order.job_name if new.order else "",
            build_number=new.order.build_number if new.order else 0,
            jenkins_url=new.jenkins_url,
            source=new.source,
            provider=new.options.provider,
            model=new.options.model,
            options=options,
            request_params=dict(new.request_params),
            build_facts={"reports": [asdict(report) for report in new.reports], "notes": list(new.notes)},
            progress_log=[],
            failure_count=new.failure_count,
            created_by=new.created_by,
            reanalysis_of=new.reanalysis_of,
            created_at=utc_now(),
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for a new analysis")
    return int(key[0])


async def find_analysis(connection: AsyncConnection, job_id: str) -> StoredAnalysis | None:
    """The analysis, or None."""
    row = (await connection.execute(select(analyses).where(analyses.c.job_id == job_id))).one_or_none()
    return None if row is None else _stored(row)


async def analysis_status(connection: AsyncConnection, job_id: str) -> AnalysisStatus | None:
    """Where it stands; None when there is no such analysis."""
    status = await connection.scalar(select(analyses.c.status).where(analyses.c.job_id == job_id))
    return None if status is None else AnalysisStatus(status)


async def list_analyses(connection: AsyncConnection, limit: int) -> list[ListedAnalysis]:
    """The newest first."""
    rows = await connection.execute(
        select(analyses.c.job_id, analyses.c.jenkins_url, analyses.c.status, analyses.c.created_at)
        .order_by(analyses.c.id.desc())
        .limit(limit)
    )
    return [ListedAnalysis(*row) for row in rows]


async def progress_of(connection: AsyncConnection, watched: Collection[str]) -> list[AnalysisProgress]:
    """How far those are that go on, and the watched ones in any case."""
    answered = (
        select(func.count())
        .where(findings.c.analysis_id == analyses.c.id)
        .correlate(analyses)
        .scalar_subquery()
    )
    goes_on = and_(analyses.c.completed_at.is_(None), analyses.c.status.in_(_UNFINISHED))
    rows = await connection.execute(
        select(
            analyses.c.job_id,
            analyses.c.status,
            analyses.c.progress_log,
            analyses.c.groups_total,
            analyses.c.completed_at,
            answered.label("answered"),
        )
        .where(or_(goes_on, analyses.c.job_id.in_(watched)))
        .order_by(analyses.c.id)
    )
    return [
        AnalysisProgress(
            job_id=row.job_id,
            status=AnalysisStatus(row.status),
            progress_phase=row.progress_log[-1]["phase"] if row.progress_log else None,
            groups_total=row.groups_total,
            groups_answered=row.answered,
            at=row.completed_at or utc_now(),
        )
        for row in rows
    ]


async def unfinished_analyses(connection: AsyncConnection) -> list[str]:
    """Job ids of all that are not final, oldest first."""
    rows = await connection.scalars(
        select(analyses.c.job_id)
        .where(analyses.c.completed_at.is_(None), analyses.c.status.in_(_UNFINISHED))
        .order_by(analyses.c.id)
    )
    return list(rows)


async def mark_running(connection: AsyncConnection, analysis_id: int) -> None:
    """Its failures are being read or asked about; what it waited for is there."""
    await connection.execute(
        update(analyses)
        .where(analyses.c.id == analysis_id)
        .values(status=AnalysisStatus.RUNNING, started_at=func.coalesce(analyses.c.started_at, utc_now()))
    )


async def save_fetched_facts(
    connection: AsyncConnection, analysis_id: int, *, failure_count: int, notes: Sequence[str]
) -> None:
    """What became known when the build was fetched."""
    facts = {"reports": [], "notes": list(notes)}
    await connection.execute(
        update(analyses)
        .where(analyses.c.id == analysis_id)
        .values(failure_count=failure_count, build_facts=facts)
    )


async def add_notes(connection: AsyncConnection, analysis_id: int, notes: Sequence[str]) -> tuple[str, ...]:
    """Append what is not noted yet; returns all notes."""
    facts = await connection.scalar(
        select(analyses.c.build_facts).where(analyses.c.id == analysis_id).with_for_update(key_share=True)
    )
    if facts is None:
        return ()
    together = tuple(dict.fromkeys([*facts["notes"], *notes]))
    await connection.execute(
        update(analyses)
        .where(analyses.c.id == analysis_id)
        .values(build_facts={**facts, "notes": list(together)})
    )
    return together


async def count_attempt(connection: AsyncConnection, analysis_id: int) -> int:
    """One more start of its work; returns the starts since its last new answer."""
    await connection.execute(
        update(analyses).where(analyses.c.id == analysis_id).values(attempts=analyses.c.attempts + 1)
    )
    return int(await connection.scalar(select(analyses.c.attempts).where(analyses.c.id == analysis_id)) or 0)


async def save_progress(
    connection: AsyncConnection, analysis_id: int, marks: Sequence[ProgressMark], groups_total: int | None
) -> None:
    """Replace the progress log and, once known, the number of groups."""
    await connection.execute(
        update(analyses)
        .where(analyses.c.id == analysis_id)
        .values(progress_log=[asdict(mark) for mark in marks], groups_total=groups_total)
    )


async def note_new_answers(connection: AsyncConnection, analysis_id: int) -> None:
    """Start counting attempts anew: the analysis is getting somewhere."""
    await connection.execute(update(analyses).where(analyses.c.id == analysis_id).values(attempts=1))


async def take(connection: AsyncConnection, job_id: str, run: str) -> bool:
    """Let `run` be the token of whoever works on it, which ends what others do; False when it is gone."""
    result = await connection.execute(update(analyses).where(analyses.c.job_id == job_id).values(run=run))
    return result.rowcount > 0


@asynccontextmanager
async def writing(database: Database, analysis_id: int, run: str) -> AsyncIterator[AsyncConnection]:
    """A transaction of whoever works on it, with its row locked. Raises TakenOver, or NotFound when it is gone."""
    async with database.write() as connection:
        # The lock lets others refer to the row meanwhile, in comments for example.
        query = select(analyses.c.run).where(analyses.c.id == analysis_id).with_for_update(key_share=True)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound("The analysis was deleted while it was worked on.")
        if row.run != run:
            raise TakenOver("Another process works on the analysis now.")
        yield connection


@dataclass(frozen=True, slots=True)
class Standing:
    """What may have been decided elsewhere about an analysis."""

    run: str | None
    aborted: bool
    final: bool


async def standings(connection: AsyncConnection, job_ids: Collection[str]) -> dict[str, Standing]:
    """How the analyses stand, by job id; those that are gone are left out."""
    rows = await connection.execute(
        select(analyses.c.job_id, analyses.c.run, analyses.c.aborted_by, analyses.c.completed_at).where(
            analyses.c.job_id.in_(job_ids)
        )
    )
    return {
        row.job_id: Standing(row.run, row.aborted_by is not None, row.completed_at is not None)
        for row in rows
    }


async def mark_aborted(connection: AsyncConnection, job_id: str, username: str) -> bool:
    """Note that the analysis is to be stopped; False when it is final, or somebody was quicker, or it is gone."""
    result = await connection.execute(
        update(analyses)
        .where(
            analyses.c.job_id == job_id, analyses.c.completed_at.is_(None), analyses.c.aborted_by.is_(None)
        )
        .values(aborted_by=username)
    )
    return result.rowcount > 0


async def finish_analysis(
    connection: AsyncConnection, analysis_id: int, status: AnalysisStatus, *, aborted: bool = False
) -> bool:
    """Mark it final; False when it is so already, or has been aborted and the caller did not know.

    `aborted` is what the caller believes.
    """
    known = analyses.c.aborted_by.is_not(None) if aborted else analyses.c.aborted_by.is_(None)
    result = await connection.execute(
        update(analyses)
        .where(analyses.c.id == analysis_id, analyses.c.completed_at.is_(None), known)
        .values(status=status, completed_at=utc_now())
    )
    return result.rowcount > 0


async def delete_analysis(connection: AsyncConnection, job_id: str) -> bool:
    """Remove it and all that belongs to it; False when there is no such analysis."""
    result = await connection.execute(delete(analyses).where(analyses.c.job_id == job_id))
    if not result.rowcount:
        return False
    # The only rows without a foreign key: people may classify a test before there is an analysis.
    await connection.execute(delete(test_classifications).where(test_classifications.c.job_id == job_id))
    return True


def _stored(row: Row[Any]) -> StoredAnalysis:
    facts: dict[str, Any] = row.build_facts
    return StoredAnalysis(
        id=row.id,
        job_id=row.job_id,
        status=AnalysisStatus(row.status),
        source=row.source,
        job_name=row.job_name,
        build_number=row.build_number,
        jenkins_url=row.jenkins_url,
        options=_OPTIONS.validate_python(row.options),
        request_params=row.request_params,
        order=JenkinsOrder(**row.order) if row.order else None,
        reports=tuple(ReportSummary(**report) for report in facts["reports"]),
        notes=tuple(facts["notes"]),
        progress_log=tuple(ProgressMark(**mark) for mark in row.progress_log),
        failure_count=row.failure_count,
        groups_total=row.groups_total,
        attempts=row.attempts,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        aborted_by=row.aborted_by,
        reanalysis_of=row.reanalysis_of,
    )
