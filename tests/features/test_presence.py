from pathlib import Path

import pytest

from rootcoz.features.presence import EVERY_S, Presence
from rootcoz.store.accounts import list_accounts
from rootcoz.store.engine import Database


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def seen(database: Database) -> dict[str, str | None]:
    async with database.read() as connection:
        return {one.username: one.last_seen for one in await list_accounts(connection)}


@pytest.fixture
async def database(tmp_path: Path):  # type: ignore[no-untyped-def]  # noqa: ANN201 - an asynchronous generator
    database = await Database.open(tmp_path)
    yield database
    await database.close()


async def test_a_user_is_written_once_a_minute_however_often_they_come(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = 0
    write = database.write

    def counted():  # type: ignore[no-untyped-def]  # noqa: ANN202 - as Database.write
        nonlocal writes
        writes += 1
        return write()

    monkeypatch.setattr(database, "write", counted)
    clock = Clock()
    presence = Presence(database, clock)
    for _ in range(100):
        presence.seen("alice", proven=False, stored=False)
        await presence.settle()
    within = writes
    clock.now += EVERY_S
    presence.seen("Alice", proven=False, stored=False)
    await presence.settle()

    assert (within, writes) == (1, 2)
    assert list(await seen(database)) == ["alice"]


async def test_a_stored_user_who_was_deleted_is_not_brought_back(database: Database) -> None:
    presence = Presence(database)
    presence.seen("gone", proven=True, stored=True)
    await presence.settle()

    assert await seen(database) == {}


async def test_made_up_names_do_not_fill_the_store(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rootcoz.features.presence.UNPROVEN_LIMIT", 3)
    presence = Presence(database)
    for number in range(6):
        presence.seen(f"made-up-{number}", proven=False, stored=False)
        await presence.settle()
    presence.seen("proven", proven=True, stored=False)
    await presence.settle()

    assert len(await seen(database)) == 4
    assert "proven" in await seen(database)
