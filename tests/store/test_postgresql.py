"""What only PostgreSQL has: other processes, passwords, addresses."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from tests.support.analyses import added
from tests.support.postgres import LOCKED_USER, PostgresServer

from rootcoz.store.analyses import add_notes, find_analysis
from rootcoz.store.engine import Database, UnusableDatabase
from rootcoz.store.schema import SCHEMA_HEAD, comments


async def refusal(folder: Path, address: str) -> str:
    """What is said when the database is opened in vain."""
    with pytest.raises(UnusableDatabase) as caught:
        await Database.open(folder, address)
    return str(caught.value)


async def test_many_processes_may_open_an_empty_database_at_once(tmp_path: Path, postgres_url: str) -> None:
    databases = await asyncio.gather(*(Database.open(tmp_path, postgres_url) for _ in range(6)))
    ids = [await added(database, f"job-{number}") for number, database in enumerate(databases)]
    await asyncio.gather(*(database.close() for database in databases))

    assert ids == [1, 2, 3, 4, 5, 6]


async def test_a_server_that_is_out_of_reach_is_named(tmp_path: Path) -> None:
    said = await refusal(tmp_path, "postgresql://me:hush-hush@127.0.0.1:1/results")

    assert "'results' at 127.0.0.1:1 cannot be used" in said
    assert "DATABASE_URL" in said
    assert "hush" not in said


async def test_a_missing_database_is_named(tmp_path: Path, postgres: PostgresServer) -> None:
    said = await refusal(tmp_path, postgres.url("nowhere"))

    assert 'database "nowhere" does not exist' in said


async def test_a_wrong_password_is_not_shown(
    tmp_path: Path, postgres: PostgresServer, postgres_url: str
) -> None:
    postgres.execute(f"DROP ROLE IF EXISTS {LOCKED_USER}")
    postgres.execute(f"CREATE ROLE {LOCKED_USER} LOGIN PASSWORD 'right'")
    name = postgres_url.split("/")[3].split("?", maxsplit=1)[0]
    said = await refusal(tmp_path, f"postgresql://{LOCKED_USER}:hush-hush@/{name}?host={postgres.folder}")

    assert "password authentication failed" in said
    assert "hush" not in said


async def test_a_user_who_may_not_create_tables_is_told_so(tmp_path: Path, postgres: PostgresServer) -> None:
    postgres.execute("DROP ROLE IF EXISTS guest")
    postgres.execute("CREATE ROLE guest LOGIN")
    with postgres.database() as name:
        postgres.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC", name)
        said = await refusal(tmp_path, postgres.url(name, "guest"))

    assert "must be allowed to create tables" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "address", ["mysql://u:hush@h/d", "postgresql://h", "hush", "postgresql://u:hush@h:port/d", "://"]
)
async def test_an_address_of_something_else_is_refused_without_being_shown(
    tmp_path: Path, address: str
) -> None:
    said = await refusal(tmp_path, address)

    assert "DATABASE_URL is no address of a PostgreSQL database" in said
    assert "hush" not in said


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
async def test_the_usual_spellings_of_an_address_are_taken(
    tmp_path: Path, postgres_url: str, scheme: str
) -> None:
    await (await Database.open(tmp_path, postgres_url.replace("postgresql", scheme, 1))).close()


async def test_a_database_of_a_newer_version_is_left_alone(
    tmp_path: Path, shared_database: Database, postgres: PostgresServer
) -> None:
    async with shared_database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        name = str(await connection.scalar(text("SELECT current_database()")))
    said = await refusal(tmp_path, postgres.url(name))

    assert f"newer version of rootcoz (schema 9999; this version has {SCHEMA_HEAD})" in said


async def test_a_database_that_cannot_hold_every_character_is_refused(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    with postgres.database(encoding="LATIN1") as name:
        said = await refusal(tmp_path, postgres.url(name))

    assert "LATIN1" in said


async def test_many_who_add_notes_at_once_lose_none(shared_database: Database) -> None:
    analysis_id = await added(shared_database)

    async def note(number: int) -> None:
        async with shared_database.write() as connection:
            await add_notes(connection, analysis_id, [f"note {number}"])

    await asyncio.gather(*(note(number) for number in range(20)))
    async with shared_database.read() as connection:
        found = await find_analysis(connection, "job-1")

    assert found is not None
    assert set(found.notes) == {"a note", *(f"note {number}" for number in range(20))}


async def test_a_character_that_it_cannot_keep_is_replaced(shared_database: Database) -> None:
    analysis_id = await added(shared_database)
    async with shared_database.write() as connection:
        await connection.execute(
            comments.insert().values(
                analysis_id=analysis_id, test_name="t", comment="a\0b", created_at="2026-01-01T00:00:00.000Z"
            )
        )
        kept = await connection.scalar(select(comments.c.comment))
        found = await connection.scalar(
            select(func.count()).select_from(comments).where(comments.c.comment == "a\0b")
        )

    assert (kept, found) == ("a\N{REPLACEMENT CHARACTER}b", 1)


async def test_only_one_process_looks_after_the_others(shared_database: Database) -> None:
    async with shared_database.write_apart() as one, shared_database.write_apart() as two:
        both = (await Database.lock_minding(one), await Database.lock_minding(two))
    async with shared_database.write_apart() as later:
        free_again = await Database.lock_minding(later)

    assert both == (True, False)
    assert free_again


async def test_a_frozen_writer_keeps_others_out_for_some_seconds_only(shared_database: Database) -> None:
    async with shared_database.write() as connection:
        limit = await connection.scalar(text("SHOW idle_in_transaction_session_timeout"))

    assert limit == "10s"


async def test_a_reader_cannot_write(shared_database: Database) -> None:
    async with shared_database.read() as connection:
        assert await connection.scalar(text("SHOW transaction_read_only")) == "on"
        assert await connection.scalar(text("SHOW transaction_isolation")) == "repeatable read"


async def test_connections_that_the_server_cut_are_made_anew(
    shared_database: Database, postgres: PostgresServer
) -> None:
    await added(shared_database, "before")
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rootcoz'"
    )
    await added(shared_database, "after")
    async with shared_database.read() as connection:
        assert await find_analysis(connection, "after") is not None
