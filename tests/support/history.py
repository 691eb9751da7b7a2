"""Completed analyses to put into a history."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import update
from tests.support.analyses import new_analysis

from rootcoz.domain.analysis import AnalysisStatus
from rootcoz.kit.clock import utc_text
from rootcoz.store.analyses import add_analysis, finish_analysis
from rootcoz.store.engine import Database
from rootcoz.store.history import HistoryRow, save_history
from rootcoz.store.schema import analyses


def row(test: str, **fields: object) -> HistoryRow:
    """A failure in the history; job and build are set by `add_run`."""
    plain = HistoryRow(
        number=0,
        group_number=1,
        job_name="",
        build_number=0,
        child_job_name="",
        child_build_number=0,
        test_name=test,
        error_message="ValueError: wrong",
        error_signature="a" * 64,
        signature_version=1,
        classification="CODE ISSUE",
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # fields by name


def days_ago(days: float) -> str:
    return utc_text(datetime.now(UTC) - timedelta(days=days))


async def add_run(
    database: Database,
    job_id: str,
    rows: Sequence[HistoryRow] = (),
    *,
    job_name: str = "nightly",
    build: int = 1,
    days: float = 0,
) -> int:
    """A completed analysis of the build with these failures; its row id."""
    moment = days_ago(days)
    named = [
        replace(one, number=number, job_name=job_name, build_number=build) for number, one in enumerate(rows)
    ]
    async with database.write() as connection:
        analysis_id = await add_analysis(connection, new_analysis(job_id, len(rows)))
        await connection.execute(
            update(analyses).where(analyses.c.id == analysis_id).values(job_name=job_name, build_number=build)
        )
        await save_history(connection, analysis_id, named, analyzed_at=moment)
        await finish_analysis(connection, analysis_id, AnalysisStatus.COMPLETED)
    return analysis_id
