from pathlib import Path

from sqlalchemy import delete, select
from tests.support.in_process import running_api

from rootcoz.analysis.history import backfill_history
from rootcoz.store.engine import Database
from rootcoz.store.schema import failure_history, history_runs

FAILURES = {
    "failures": [{"test_name": f"t{n}", "error_message": f"ValueError: {w}"} for n, w in enumerate("aba")]
}


async def kept(database: Database) -> list[tuple[object, ...]]:
    """All rows of history but for their ids, and the runs."""
    async with database.read() as connection:
        columns = [column for column in failure_history.c if column.name != "id"]
        rows = [
            tuple(one)
            for one in await connection.execute(select(*columns).order_by(failure_history.c.number))
        ]
        runs = [tuple(one) for one in await connection.execute(select(history_runs))]
    return [*rows, *runs]


async def test_an_analysis_without_rows_gets_the_very_rows_that_it_would_have_had(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        body = await api.finished(await api.submit(FAILURES))
        database = await Database.open(tmp_path)
        try:
            original = await kept(database)
            async with database.write() as connection:
                await connection.execute(delete(failure_history))
                await connection.execute(delete(history_runs))
            counts = [await backfill_history(database, pause_s=0) for _ in range(2)]
            filled = await kept(database)
        finally:
            await database.close()

    assert counts == [1, 0]
    assert len(original) == 4
    # The moment is that of the end, which is a little later than that of the rows.
    assert [one[:-1] for one in filled] == [one[:-1] for one in original]
    assert {one[-1] for one in filled} == {body["completed_at"]}
