import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from tests.support.history import add_run, row

from rootcoz.domain.history import HistoryFilters
from rootcoz.domain.review import FailureTarget
from rootcoz.features.history import FailurePage, History
from rootcoz.store.engine import Database
from rootcoz.store.review import find_failure, lock_analysis, override_group
from rootcoz.store.schema import analyses, history_runs
from rootcoz.store.search import TextIndex

COMMON = HistoryFilters(search="common")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    rows = [row(f"tests.t{number}", error_message="a common word") for number in range(9)]
    await add_run(database, "first", rows)
    yield database
    await database.close()


@pytest.fixture
async def hasty(database: Database) -> AsyncIterator[History]:
    """A history that takes itself for large and never waits for a count."""
    history = History(database, TextIndex(database), large=0, count_wait_s=0)
    yield history
    await history.settle()


async def counted(history: History, filters: HistoryFilters) -> FailurePage:
    """The page once the count is there."""
    for _ in range(500):
        page = await history.failures(filters, limit=2, offset=0)
        if page.total_is_exact:
            return page
        await asyncio.sleep(0.01)
    raise AssertionError("it never was counted")


async def test_a_page_of_a_large_history_does_not_wait_for_its_count(hasty: History) -> None:
    page = await hasty.failures(COMMON, limit=2, offset=4)
    exact = await counted(hasty, COMMON)

    assert (len(page.failures), page.total, page.total_is_exact) == (2, 7, False)
    assert (len(exact.failures), exact.total) == (2, 9)


async def test_what_was_counted_before_is_told_until_it_is_counted_anew(
    hasty: History, database: Database
) -> None:
    await counted(hasty, COMMON)
    await add_run(database, "second", [row("tests.t", error_message="a common word")], build=2)
    page = await hasty.failures(COMMON, limit=2, offset=0)
    exact = await counted(hasty, COMMON)

    assert (page.total, page.total_is_exact) == (9, False)
    assert exact.total == 10


@pytest.mark.parametrize(("limit", "offset"), [(20, 0), (5, 4), (9, 0), (0, 0), (2, 50)])
async def test_where_the_last_page_or_none_is_asked_for_the_total_is_exact(
    hasty: History, limit: int, offset: int
) -> None:
    page = await hasty.failures(COMMON, limit=limit, offset=offset)

    assert (page.total, page.total_is_exact) == (9, True)
    assert len(page.failures) == max(0, min(limit, 9 - offset))


async def test_a_small_history_is_counted_at_once(database: Database) -> None:
    history = History(database, TextIndex(database), count_wait_s=0)
    page = await history.failures(COMMON, limit=2, offset=0)

    assert (page.total, page.total_is_exact) == (9, True)


async def test_nothing_is_remembered_that_was_taken_away_or_decided_since(database: Database) -> None:
    history = History(database, TextIndex(database))

    async def seen() -> tuple[int, str]:
        found = await history.test("tests.t0", job_name="nightly", exclude_job_id="", limit=5)
        return found.failures, found.last_classification

    await add_run(database, "second", [row("tests.t0")], build=2)
    before = await seen()
    async with database.write() as connection:
        found = await lock_analysis(connection, "second")
        assert found is not None
        failure = await find_failure(connection, found.id, FailureTarget("tests.t0"))
        assert failure is not None
        await override_group(connection, found, failure, "INFRASTRUCTURE", username="", at="2026-03-01")
    decided = await seen()
    async with database.write() as connection:
        await connection.execute(delete(analyses).where(analyses.c.job_id == "second"))
    removed = await seen()

    assert [before, decided, removed] == [(2, "CODE ISSUE"), (2, "INFRASTRUCTURE"), (1, "CODE ISSUE")]


async def test_one_run_in_another_s_place_is_noticed(database: Database) -> None:
    history = History(database, TextIndex(database))
    await history.test("tests.t0", job_name="nightly", exclude_job_id="", limit=5)
    async with database.write() as connection:
        await connection.execute(delete(analyses).where(analyses.c.job_id == "first"))
    await add_run(database, "second", [], build=2)
    async with database.write() as connection:
        later = update(history_runs).values(completed_at="2099-01-01T00:00:00.000Z")
        await connection.execute(later)
    found = await history.test("tests.t0", job_name="nightly", exclude_job_id="", limit=5)

    assert (found.failures, found.total_runs) == (0, 1)
