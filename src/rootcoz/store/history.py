"""Rows of the failure history: one for each failure of each completed analysis, and one for each such analysis."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.failure import ErrorSignature
from rootcoz.kit.text_key import text_key
from rootcoz.store.labels import publish_labels
from rootcoz.store.schema import analyses, failure_history, history_runs

MESSAGE_LIMIT = 2_000
"""Characters of an error message that the history keeps; the result has all of it."""
_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A failure as the history keeps it."""

    number: int
    """Index of the failure among those of its analysis."""
    group_number: int
    job_name: str
    """Of the analysed build; empty for direct analyses."""
    build_number: int
    child_job_name: str
    """Of the child build whose failure it is; empty for the analysed build's own."""
    child_build_number: int
    test_name: str
    error_message: str
    error_signature: str
    signature_version: int
    classification: str
    """Empty when there is no verdict."""


@dataclass(frozen=True, slots=True)
class ClassifiedFailure:
    """A failure with the newest word on it."""

    number: int
    """Index of the failure among those of its analysis."""
    group_number: int
    child_job_name: str
    child_build_number: int
    test_name: str
    signature: ErrorSignature
    classification: str
    """Of its finding, an override or a label, whichever came last; empty when there is no verdict."""


async def classified_failures(connection: AsyncConnection, analysis_id: int) -> list[ClassifiedFailure]:
    """The failures of a completed analysis, in the build's order."""
    rows = failure_history.c
    query = select(
        rows.number,
        rows.group_number,
        rows.child_job_name,
        rows.child_build_number,
        rows.test_name,
        rows.error_signature,
        rows.signature_version,
        rows.classification,
    ).where(rows.analysis_id == analysis_id)
    found = await connection.execute(query.order_by(rows.number))
    return [
        ClassifiedFailure(
            number=row.number,
            group_number=row.group_number,
            child_job_name=row.child_job_name,
            child_build_number=row.child_build_number,
            test_name=row.test_name,
            signature=ErrorSignature(row.error_signature, row.signature_version),
            classification=row.classification,
        )
        for row in found
    ]


async def save_history(
    connection: AsyncConnection, analysis_id: int, rows: Iterable[HistoryRow], *, analyzed_at: str
) -> None:
    """Make these the rows of the analysis, count it as a run, and let everybody see what the AI said meanwhile."""
    await connection.execute(delete(failure_history).where(failure_history.c.analysis_id == analysis_id))
    left, count = iter(rows), 0
    while batch := list(islice(left, _ROWS_AT_ONCE)):
        await connection.execute(insert(failure_history), list(_values(analysis_id, batch, analyzed_at)))
        count += len(batch)
    await _save_run(connection, analysis_id, count, analyzed_at)


async def _save_run(connection: AsyncConnection, analysis_id: int, failures: int, completed_at: str) -> None:
    analysis = (
        await connection.execute(
            select(analyses.c.job_id, analyses.c.job_name, analyses.c.build_number).where(
                analyses.c.id == analysis_id
            )
        )
    ).one()
    await connection.execute(delete(history_runs).where(history_runs.c.analysis_id == analysis_id))
    await connection.execute(
        insert(history_runs).values(
            analysis_id=analysis_id,
            job_key=text_key(analysis.job_name),
            build_number=analysis.build_number,
            failures=failures,
            completed_at=completed_at,
        )
    )
    await publish_labels(connection, analysis.job_id)


async def analyses_without_history(connection: AsyncConnection, after: int, limit: int) -> list[str]:
    """Job ids of completed analyses that are not counted as runs, oldest first, with a row id above `after`."""
    rows = await connection.scalars(
        select(analyses.c.job_id)
        .where(
            analyses.c.id > after,
            analyses.c.status == "completed",
            ~exists().where(history_runs.c.analysis_id == analyses.c.id),
        )
        .order_by(analyses.c.id)
        .limit(limit)
    )
    return list(rows)


async def known_groups(connection: AsyncConnection, analysis_id: int, job_name: str) -> set[int]:
    """Numbers of the analysis's groups whose signature has failed in an earlier analysis of the job.

    The rows of the analysis must be there. Those of direct analyses count as one job without a name.
    """
    own, earlier = failure_history.alias("own"), failure_history.alias("earlier")
    groups = (
        select(own.c.group_number, own.c.error_signature, own.c.signature_version)
        .where(own.c.analysis_id == analysis_id)
        .distinct()
        .subquery()
    )
    seen = exists().where(
        earlier.c.error_signature == groups.c.error_signature,
        earlier.c.signature_version == groups.c.signature_version,
        # The sum keeps SQLite from going through all rows of the job for each signature.
        earlier.c.job_key + 0 == text_key(job_name),
        earlier.c.job_name == job_name,
        earlier.c.analysis_id != analysis_id,
    )
    return set(await connection.scalars(select(groups.c.group_number).where(seen)))


async def has_history(connection: AsyncConnection, analysis_id: int) -> bool:
    """Whether the analysis is counted as a run. Until the transaction ends nobody else gets an answer for it."""
    await connection.execute(select(analyses.c.id).where(analyses.c.id == analysis_id).with_for_update())
    query = select(history_runs.c.analysis_id).where(history_runs.c.analysis_id == analysis_id)
    return await connection.scalar(query) is not None


def _values(analysis_id: int, rows: Iterable[HistoryRow], analyzed_at: str) -> Iterator[dict[str, object]]:
    job_key = lru_cache(maxsize=16)(text_key)
    for row in rows:
        yield {
            "analysis_id": analysis_id,
            "number": row.number,
            "group_number": row.group_number,
            "job_key": job_key(row.job_name),
            "job_name": row.job_name,
            "build_number": row.build_number,
            "child_job_name": row.child_job_name,
            "child_build_number": row.child_build_number,
            "test_key": text_key(row.test_name),
            "test_name": row.test_name,
            "error_message": row.error_message[:MESSAGE_LIMIT],
            "error_signature": row.error_signature,
            "signature_version": row.signature_version,
            "classification": row.classification,
            "analyzed_at": analyzed_at,
        }
