"""Analyses to put into a store."""

from rootcoz.domain.analysis import AnalysisOptions
from rootcoz.store.analyses import NewAnalysis, add_analysis
from rootcoz.store.engine import Database

OPTIONS = AnalysisOptions(
    provider="builtin", model="", question_timeout_s=60.0, max_concurrent_questions=3, notes=("a note",)
)


def new_analysis(job_id: str = "job-1", failure_count: int = 0) -> NewAnalysis:
    """An accepted analysis of raw failures."""
    return NewAnalysis(
        job_id=job_id,
        source="failures",
        options=OPTIONS,
        request_params={"ai_provider": "builtin"},
        reports=(),
        notes=("a note",),
        failure_count=failure_count,
        created_by="alice",
    )


async def added(database: Database, job_id: str = "job-1") -> int:
    """The row id of a new analysis in the store."""
    async with database.write() as connection:
        return await add_analysis(connection, new_analysis(job_id))
