"""Which failures of an analysis are new to its job."""

import time

from tests.support.history import add_run, row

from rootcoz.store.engine import Database
from rootcoz.store.history import known_groups

A, B, C = (letter * 64 for letter in "abc")


async def known(database: Database, analysis_id: int, job: str = "nightly") -> set[int]:
    async with database.read() as connection:
        return await known_groups(connection, analysis_id, job)


async def test_what_failed_in_any_earlier_analysis_of_the_job_is_known(database: Database) -> None:
    await add_run(database, "one", [row("t", error_signature=A)])
    await add_run(database, "two", [row("t", error_signature=C)])
    third = await add_run(
        database,
        "three",
        [
            row("other", group_number=1, error_signature=A),
            row("t", group_number=2, error_signature=B),
            row("u", group_number=2, error_signature=B),
            row("t", group_number=3, error_signature=C),
        ],
    )

    assert await known(database, third) == {1, 3}


async def test_what_failed_elsewhere_or_by_other_rules_is_not(database: Database) -> None:
    await add_run(database, "elsewhere", [row("t", error_signature=A)], job_name="weekly")
    await add_run(database, "older-rules", [row("t", error_signature=A, signature_version=2)])
    analysis_id = await add_run(database, "this", [row("t", error_signature=A)])

    assert await known(database, analysis_id) == set()


async def test_the_time_does_not_grow_with_groups_times_the_rows_of_the_job(
    sqlite_database: Database,
) -> None:
    signatures = [f"{number:064x}" for number in range(1000)]
    rows = [row("t", group_number=number + 1, error_signature=one) for number, one in enumerate(signatures)]
    for run in range(15):
        await add_run(sqlite_database, f"run-{run}", rows[:400], build=run)
    newest = await add_run(sqlite_database, "newest", rows, build=99)
    started = time.process_time()
    found = await known(sqlite_database, newest)

    assert len(found) == 400
    assert time.process_time() - started < 0.3
