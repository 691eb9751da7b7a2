from pathlib import Path

from sqlalchemy import update

from rootcoz.domain.analysis import AnalysisOptions
from rootcoz.domain.debate import Participant
from rootcoz.store.analyses import NewAnalysis, add_analysis, find_analysis
from rootcoz.store.engine import Database
from rootcoz.store.schema import analyses

OPTIONS = AnalysisOptions("claude", "opus", 60, 3, peers=(Participant("gemini", "pro"),), max_rounds=5)
NEW = NewAnalysis(
    job_id="job",
    source="failures",
    options=OPTIONS,
    request_params={},
    reports=(),
    notes=(),
    failure_count=1,
)


async def test_options_come_back_with_their_peers(tmp_path: Path) -> None:
    database = await Database.open(tmp_path)
    try:
        async with database.write() as connection:
            await add_analysis(connection, NEW)
            found = await find_analysis(connection, "job")
    finally:
        await database.close()

    assert found is not None
    assert found.options == OPTIONS


async def test_options_that_were_stored_before_there_were_debates_still_load(tmp_path: Path) -> None:
    older = {"provider": "claude", "model": "opus", "question_timeout_s": 60, "max_concurrent_questions": 3}
    database = await Database.open(tmp_path)
    try:
        async with database.write() as connection:
            await add_analysis(connection, NEW)
            await connection.execute(update(analyses).values(options=older))
            found = await find_analysis(connection, "job")
    finally:
        await database.close()

    assert found is not None
    assert found.options.peers == ()
