import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from tests.support.analyses import added, new_analysis

from rootcoz.store.analyses import add_analysis, find_analysis
from rootcoz.store.engine import APP_FILE, Database, UnusableDatabase
from rootcoz.store.schema import SCHEMA_HEAD, analyses


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(analyses)) or 0)


async def test_a_transaction_that_fails_half_way_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await add_analysis(connection, new_analysis())
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        await fail()
    assert await count(database) == 0


async def test_many_writers_at_once_lose_nothing(database: Database) -> None:
    await asyncio.gather(*(added(database, f"job-{number}") for number in range(40)))

    assert await count(database) == 40


async def test_readers_see_what_was_there_before_and_do_not_wait_for_a_writer(database: Database) -> None:
    async with asyncio.timeout(10), database.write() as connection:
        await add_analysis(connection, new_analysis())
        seen = await asyncio.gather(*(count(database) for _ in range(20)))

    assert seen == [0] * 20
    assert await count(database) == 1


async def test_a_reader_s_view_does_not_change_while_it_reads(database: Database) -> None:
    async with database.read() as connection:
        before = await connection.scalar(select(func.count()).select_from(analyses))
        await added(database)
        after = await connection.scalar(select(func.count()).select_from(analyses))

    assert (before, after) == (0, 0)


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 30_000)]
)
async def test_every_connection_to_sqlite_is_tuned(
    sqlite_database: Database, pragma: str, value: object
) -> None:
    async with sqlite_database.read() as reader:
        read = await reader.scalar(text(f"PRAGMA {pragma}"))
    async with sqlite_database.write() as writer:
        written = await writer.scalar(text(f"PRAGMA {pragma}"))

    assert (read, written) == (value, value)


async def test_a_database_is_the_same_after_it_was_closed(tmp_path: Path) -> None:
    database = await Database.open(tmp_path)
    await added(database)
    await database.close()
    again = await Database.open(tmp_path)
    async with again.read() as connection:
        found = await find_analysis(connection, "job-1")
    await again.close()

    assert found is not None
    assert found.notes == ("a note",)


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_file_that_is_no_database_is_named_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / APP_FILE).write_bytes(content)

    with pytest.raises(UnusableDatabase, match=f"{APP_FILE} cannot be used.*move it away"):
        await Database.open(tmp_path)
    assert (tmp_path / APP_FILE).read_bytes() == content


async def test_a_folder_in_the_place_of_the_database_is_named_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / APP_FILE).mkdir()

    with pytest.raises(UnusableDatabase, match=f"{APP_FILE} cannot be used"):
        await Database.open(tmp_path)


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    database = await Database.open(tmp_path)
    await database.close()
    with sqlite3.connect(tmp_path / APP_FILE) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(UnusableDatabase, match=f"newer version of rootcoz.*9999.*{SCHEMA_HEAD}"):
        await Database.open(tmp_path)
