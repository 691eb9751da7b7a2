from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.postgres import PostgresServer
from tests.support.reviewed_build import accepted_build, parts_with, step
from tests.support.scripted_provider import ScriptedProvider, finding

from rootcoz.analysis.pipeline import analyse
from rootcoz.domain.finding import Classification
from rootcoz.domain.review import FailureTarget
from rootcoz.features.review import Reviews
from rootcoz.store.engine import Database, UnusableDatabase
from rootcoz.store.judged import confirmed_groups, overridden_groups


@pytest.fixture
async def job_id(database: Database, tmp_path: Path) -> str:
    """An analysis of a build with children, in which two groups go through all builds."""
    parts = parts_with(database, tmp_path / "workspaces", ScriptedProvider(finding))
    job_id = await accepted_build(parts)
    await analyse(job_id, parts, step)
    return job_id


async def test_a_group_is_told_once_with_the_newest_word_and_what_was_answered_at_first(
    database: Database, job_id: str
) -> None:
    reviews = Reviews(database)
    for kind in (Classification.CODE_ISSUE, Classification.INFRASTRUCTURE):
        await reviews.override(job_id, FailureTarget("a.two"), kind, "carol")
    await reviews.override(job_id, FailureTarget("d.only", "deep/child"), Classification.CODE_ISSUE, "bob")
    await reviews.undo_override(job_id, FailureTarget("d.only", "deep/child"), "bob")
    async with database.read() as connection:
        (told,) = await overridden_groups(connection, 10)
        confirmed = await confirmed_groups(connection, 10)

    assert (told.job_id, told.number, told.username) == (job_id, 0, "carol")
    assert (told.classification, told.answered, told.is_override) == ("INFRASTRUCTURE", "PRODUCT BUG", True)
    assert told.created_at < told.decided_at
    assert confirmed == []


async def test_what_was_reviewed_and_left_is_confirmed_each_build_for_itself(
    database: Database, job_id: str
) -> None:
    reviews = Reviews(database)
    for target in (FailureTarget("a.one"), FailureTarget("a.two"), FailureTarget("a.one", "smoke", 4)):
        await reviews.mark(job_id, target, "carol", reviewed=True)
    await reviews.mark(job_id, FailureTarget("b.one"), "carol", reviewed=True)
    await reviews.mark(job_id, FailureTarget("b.one"), "carol", reviewed=False)
    async with database.read() as connection:
        before = await confirmed_groups(connection, 10)
        newest = await confirmed_groups(connection, 1)
    await reviews.override(job_id, FailureTarget("a.two"), Classification.CODE_ISSUE, "bob")
    async with database.read() as connection:
        after = await confirmed_groups(connection, 10)

    assert [(one.number, one.classification, one.username) for one in before] == [
        (0, "PRODUCT BUG", "carol"),
        (6, "PRODUCT BUG", "carol"),
    ]
    assert newest == before[:1]
    assert after == before[1:]


async def test_a_shared_database_can_be_read_without_being_changed(
    shared_database: Database, tmp_path: Path
) -> None:
    address = shared_database.url.replace("+psycopg", "")
    reading = await Database.open_to_read(tmp_path, address)
    async with reading.read() as connection:
        found = await overridden_groups(connection, 10)
    await reading.close()

    assert found == []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (lambda _: "mysql://somebody:secret@db/x", "is no address of a PostgreSQL database"),
        (lambda server: server.url("missing"), "The database cannot be read"),
    ],
)
async def test_a_database_that_cannot_be_read_is_reported_without_its_password(
    postgres: PostgresServer, tmp_path: Path, address: Callable[[PostgresServer], str], message: str
) -> None:
    with pytest.raises(UnusableDatabase, match=message) as raised:
        await Database.open_to_read(tmp_path, address(postgres))

    assert "secret" not in str(raised.value)


async def test_an_empty_database_is_of_no_version(postgres: PostgresServer, tmp_path: Path) -> None:
    with (
        postgres.database() as name,
        pytest.raises(UnusableDatabase, match="start the server of this version"),
    ):
        await Database.open_to_read(tmp_path, postgres.url(name))
