"""The driver's threads end with the database, whatever was cut off."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from rootcoz.store.engine import Database

SLOW = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT max(i) FROM n"
)


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.01, 0.1])
async def test_an_opening_that_is_cancelled_leaves_no_thread(tmp_path: Path, pause: float) -> None:
    before = threading.active_count()
    opening = asyncio.ensure_future(Database.open(tmp_path))
    await asyncio.sleep(pause)
    opening.cancel()
    [outcome] = await asyncio.gather(opening, return_exceptions=True)
    if isinstance(outcome, Database):
        await outcome.close()

    assert threads_but_workers() <= before


async def test_a_query_that_is_cancelled_is_waited_for_when_the_database_is_closed(tmp_path: Path) -> None:
    before = threading.active_count()
    database = await Database.open(tmp_path)

    async def query() -> None:
        async with database.read() as connection:
            await connection.execute(SLOW)

    asking = asyncio.ensure_future(query())
    await asyncio.sleep(0.05)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    began = time.monotonic()
    await database.close()

    assert threads_but_workers() <= before
    assert time.monotonic() - began < 4


def threads_but_workers() -> int:
    """Running threads without those of the loop's own pool."""
    return sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())
