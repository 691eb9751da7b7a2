import pytest
from sqlalchemy import update
from tests.support.history import add_run, row

from rootcoz.domain.history import HistoryFilters
from rootcoz.store import history_facts as facts
from rootcoz.store.engine import Database
from rootcoz.store.schema import failure_history, history_runs
from rootcoz.store.search import TextIndex


async def streak(
    database: Database, test: str = "t", job: str = "nightly", without: int | None = None
) -> int:
    async with database.read() as connection:
        return await facts.failing_streak(connection, test, job, without)


async def test_a_streak_ends_at_the_newest_build_in_which_the_test_did_not_fail(database: Database) -> None:
    for build, failed in enumerate([True, True, False, True, True, True], start=1):
        await add_run(database, f"job-{build}", [row("t")] if failed else [row("other")], build=build)

    assert await streak(database) == 3
    assert await streak(database, "other") == 0


async def test_a_run_without_any_failure_ends_a_streak(database: Database) -> None:
    await add_run(database, "job-1", [row("t")], build=1)
    await add_run(database, "job-2", [], build=2)

    assert await streak(database) == 0


async def test_a_streak_goes_by_build_numbers_and_not_by_the_order_of_analyses(database: Database) -> None:
    for build in (5, 4, 6):
        await add_run(database, f"job-{build}", [row("t")], build=build)
    await add_run(database, "job-3", [], build=3)

    assert await streak(database) == 3


async def test_several_analyses_and_rows_of_one_build_are_one_build(database: Database) -> None:
    await add_run(database, "job-1", [], build=1)
    await add_run(database, "job-2", [row("t"), row("t")], build=2)
    await add_run(database, "again", [row("t")], build=2)

    assert await streak(database) == 1


async def test_other_jobs_and_an_analysis_that_is_left_out_say_nothing_about_a_streak(
    database: Database,
) -> None:
    await add_run(database, "job-1", [row("t")], build=1)
    await add_run(database, "other", [], job_name="weekly", build=2)
    good = await add_run(database, "good", [], build=3)

    assert await streak(database) == 0
    assert await streak(database, without=good) == 1


async def test_each_direct_analysis_is_a_build(database: Database) -> None:
    for number in range(3):
        await add_run(database, f"job-{number}", [row("t")], job_name="", build=0)

    assert await streak(database, job="") == 3


async def test_a_streak_may_be_longer_than_a_page_of_runs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "_RUNS_AT_ONCE", 2)
    await add_run(database, "job-0", [], build=1)
    for build in range(2, 9):
        await add_run(database, f"job-{build}", [row("t")], build=build)
        await add_run(database, f"again-{build}", [], build=build)

    assert await streak(database) == 7


async def test_the_version_of_the_history_differs_after_every_change(database: Database) -> None:
    async def version() -> facts.Version:
        async with database.read() as connection:
            return await facts.history_version(connection)

    versions = [await version()]
    first = await add_run(database, "job-1", [row("t")])
    versions.append(await version())
    await add_run(database, "job-2", [], build=2)
    versions.append(await version())
    async with database.write() as connection:
        await connection.execute(history_runs.delete().where(history_runs.c.analysis_id == first))
    versions.append(await version())

    assert len(set(versions)) == 4
    assert await version() == versions[-1]


@pytest.mark.parametrize(
    "filters",
    [
        HistoryFilters(),
        HistoryFilters(job_name="nightly"),
        HistoryFilters(classification="CODE ISSUE"),
        HistoryFilters(job_name="nightly", classification="PRODUCT BUG"),
        HistoryFilters(search="wrong", job_name="weekly"),
        HistoryFilters(job_name="nobody"),
    ],
    ids=str,
)
async def test_the_total_is_that_of_all_pages(database: Database, filters: HistoryFilters) -> None:
    await add_run(database, "job-1", [row("t"), row("u", classification="PRODUCT BUG")])
    await add_run(database, "job-2", [row("t"), row("u", classification="")], job_name="weekly")
    index = TextIndex(database)
    async with database.read() as connection:
        page = await facts.page_of_failures(connection, index, filters, limit=100, offset=0)
        total = await facts.count_failures(connection, index, filters)

    assert total == len(page)
    assert [one.id for one in page] == sorted((one.id for one in page), reverse=True)


async def test_names_with_equal_keys_are_told_apart_where_they_are_shown(database: Database) -> None:
    await add_run(database, "job-1", [row("t"), row("u")])
    async with database.write() as connection:
        key = failure_history.c.test_key
        same = await connection.scalar(failure_history.select().with_only_columns(key).limit(1))
        await connection.execute(update(failure_history).values(test_key=same))
    async with database.read() as connection:
        shown = await facts.recent_failures(connection, "t", "", None, 10)

    assert [one.test_name for one in shown] == ["t"]
