"""Changing keys on both databases: nothing is lost, whoever works meanwhile and wherever it is cut off."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, text
from tests.support.postgres import PostgresServer

from rootcoz.domain.account import Actor, Role
from rootcoz.domain.errors import Conflict, InvalidInput, StoreUnavailable
from rootcoz.features.accounts import TOKEN_NAMES, Accounts
from rootcoz.features.key_ring import KeyRing
from rootcoz.features.sign_in import SignIn
from rootcoz.kit.sealed import Seal
from rootcoz.store import sealing
from rootcoz.store.engine import Database
from rootcoz.store.schema import metadata
from rootcoz.store.sealing import KeyLost

OLD, NEW, THIRD = "the old secret of tests", "the new secret of tests", "the third secret of tests"
ROOT = Actor("admin", "127.0.0.1")
HERE = "192.0.2.1"
USERS = 40
EACH = 3
"""Values of one user; together more than one batch."""


class Process:
    """What one process has: its connection to the database, and its keys."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self.database = database
        self.seal = seal
        self.ring = KeyRing(database, seal)
        self.accounts = Accounts(database, seal)
        self.door = SignIn(database, seal, None)

    async def starts(self) -> "Process":
        async with self.database.write() as connection:
            await sealing.open_ring(connection, self.seal)
        return self

    async def tokens(self) -> set[str]:
        """All saved tokens."""
        return {
            token
            for one in await self.accounts.list()
            for token in (await self.accounts.tokens(one.id)).values()
        }


class House:
    """One database on which several processes work."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._address = address
        self._open: list[Database] = []

    async def process(self, secret: str = OLD) -> Process:
        return await (await self.unstarted(Seal(secret))).starts()

    async def unstarted(self, seal: Seal) -> Process:
        self._open.append(await Database.open(self._folder, self._address))
        return Process(self._open[-1], seal)

    async def close(self) -> None:
        for database in self._open:
            await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    if request.param == "sqlite":
        house = House(tmp_path, "")
        yield house
        await house.close()
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    with postgres.database() as name:
        house = House(tmp_path, postgres.url(name))
        yield house
        await house.close()


async def save(process: Process, number: int) -> None:
    """Save a user's tokens, which say whose they are."""
    name = f"user-{number}"
    await process.accounts.ensure(name)
    saved = dict.fromkeys(TOKEN_NAMES, f"token {number}")
    await process.accounts.save_tokens(name, saved, ROOT)


def tokens(count: int) -> set[str]:
    return {f"token {number}" for number in range(count)}


async def test_a_rotation_seals_everything_anew_and_every_process_goes_on(house: House) -> None:
    server, other, command = [await house.process() for _ in range(3)]
    for number in range(USERS):
        await save(server, number)
    key = (await server.accounts.create("boss", Role.ADMIN, ROOT)).key.secret
    session = (await server.door.sign_in("boss", key, address=HERE)).token
    done = await command.ring.rotate(NEW, None)
    await save(other, USERS)

    assert done.sealed_anew == USERS * EACH
    assert done.unreadable == 0
    assert await server.tokens() == await other.tokens() == tokens(USERS + 1) | {""}
    assert set((await server.ring.status()).values) == {Seal(NEW).key_id}
    assert await other.door.by_key(key, address=HERE) is not None
    assert await other.door.by_session(session) is not None


async def test_nothing_is_lost_while_processes_save_during_rotations(house: House) -> None:
    installed: list[str] = []
    servers = [await (await house.unstarted(Seal(OLD, lambda: installed))).starts() for _ in range(2)]
    command = await house.process()
    for number in range(USERS):
        await save(servers[0], number)
    stop = asyncio.Event()
    saved = [USERS]

    async def keeps_saving(server: Process) -> None:
        while not stop.is_set():
            saved[0] += 1
            await save(server, saved[0] - 1)

    busy = [asyncio.create_task(keeps_saving(server)) for server in servers]
    await asyncio.sleep(0.05)
    await command.ring.rotate(NEW, installed.append)
    values = (await command.ring.status()).values
    await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*busy)

    assert set(values) == {Seal(NEW).key_id}
    assert await command.tokens() == tokens(saved[0])


@pytest.mark.parametrize("transactions", [1, 2, 3])
async def test_a_rotation_that_is_cut_off_goes_on_and_both_keys_open_everything_meanwhile(
    house: House, transactions: int
) -> None:
    server, command = await house.process(), await house.process()
    for number in range(USERS):
        await save(server, number)
    await _cut_off_after(transactions, command)
    meanwhile = await server.tokens()
    restarted = await house.process(OLD)
    refused = await restarted.ring.status()
    with pytest.raises(Conflict, match="not finished"):
        await restarted.ring.rotate(THIRD, None)
    installed: list[str] = []
    done = await restarted.ring.rotate(None, installed.append)

    assert meanwhile == tokens(USERS)
    assert refused.in_progress
    assert installed == [NEW]
    assert set(done.status.values) == {Seal(NEW).key_id}
    assert await (await house.process(NEW)).tokens() == tokens(USERS)


async def _cut_off_after(transactions: int, process: Process) -> None:
    """Rotate, and die before the transaction that comes then."""

    class Killed(BaseException):
        pass

    class Dying(Database):
        def write(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as the one it stands for
            nonlocal transactions
            if transactions < 0:
                raise Killed
            transactions -= 1
            return process.database.write()

    dying = object.__new__(Dying)
    with pytest.raises(Killed):
        await KeyRing(dying, process.seal).rotate(NEW, None)


async def test_the_way_from_the_old_key_ends_when_the_new_one_is_everybody_s_own(house: House) -> None:
    before = await house.process()
    await save(before, 0)
    await before.ring.rotate(NEW, None)
    with_the_old = await house.process(OLD)
    renewed = await house.process(NEW)
    waiting = await renewed.ring.status()
    ended = await renewed.ring.rotate(None, None)
    late = await house.unstarted(Seal(OLD))

    assert await with_the_old.tokens() == {"token 0"}
    assert waiting.in_progress
    assert not ended.status.in_progress
    assert await renewed.tokens() == {"token 0"}
    with pytest.raises(KeyLost) as lost:
        await late.starts()
    assert lost.value.key_id == Seal(NEW).key_id
    assert lost.value.rotated_at


async def test_keys_are_changed_again_and_again(house: House) -> None:
    await save(await house.process(), 0)
    secrets = [OLD, NEW, THIRD, "a fourth secret of tests"]
    for old, new in pairwise(secrets):
        await (await house.process(old)).ring.rotate(new, lambda _: None)

    assert await (await house.process(secrets[-1])).tokens() == {"token 0"}


async def test_a_process_that_was_left_behind_saves_nothing_that_nobody_can_read(house: House) -> None:
    left_behind, command = await house.process(), await house.process()
    await command.ring.rotate(NEW, lambda _: None)

    with pytest.raises(StoreUnavailable, match="restart it with that key"):
        await save(left_behind, 0)
    assert await command.tokens() == {""}


async def test_values_of_before_there_was_a_ring_are_its_first(house: House) -> None:
    old = await house.unstarted(Seal(OLD))
    await save(old, 0)
    key = (await old.accounts.create("boss", Role.ADMIN, ROOT)).key.secret
    moved = await (await house.unstarted(Seal(NEW, lambda: [OLD]))).starts()

    assert await moved.tokens() == {"token 0", ""}
    assert await moved.door.by_key(key, address=HERE) is not None
    assert (await moved.ring.status()).key_id == Seal(OLD).key_id
    done = await moved.ring.rotate(None, None)
    assert done.status.key_id == Seal(NEW).key_id
    assert not done.status.in_progress
    assert await (await house.process(NEW)).tokens() == {"token 0", ""}


@pytest.mark.parametrize("has_ring", [True, False])
async def test_a_lost_key_is_noticed_at_the_start_and_can_be_given_up(house: House, has_ring: object) -> None:
    before = await (house.process() if has_ring else house.unstarted(Seal(OLD)))
    await save(before, 0)
    await before.accounts.create("boss", Role.ADMIN, ROOT)
    late = await house.unstarted(Seal(NEW))
    with pytest.raises(KeyLost) as lost:
        await late.starts()
    given_up = await late.ring.abandon()
    again = await house.process(NEW)
    await save(again, 1)

    assert lost.value.key_id == Seal(OLD).key_id
    assert given_up == (EACH, 1)
    assert await again.tokens() == {"", "token 1"}


async def test_nothing_is_given_up_while_the_key_is_there(house: House) -> None:
    process = await house.process()
    await save(process, 0)

    with pytest.raises(Conflict, match="No key is lost"):
        await process.ring.abandon()
    assert await process.tokens() == {"token 0"}


async def test_what_is_damaged_is_counted_and_left(house: House) -> None:
    process = await house.process()
    await save(process, 0)
    await save(process, 1)
    async with process.database.write() as connection:
        await connection.execute(
            text("UPDATE user_tokens SET sealed = (SELECT max(sealed) FROM user_tokens) ")
            if not process.database.is_shared
            else text("UPDATE user_tokens SET sealed = (SELECT sealed FROM user_tokens LIMIT 1)")
        )
    done = await process.ring.rotate(NEW, lambda _: None)

    assert (done.sealed_anew, done.unreadable) == (1, 2 * EACH - 1)


async def test_a_new_key_is_not_short_and_is_needed(house: House) -> None:
    process = await house.process()

    with pytest.raises(InvalidInput, match="at least 16"):
        await process.ring.rotate("short", None)
    with pytest.raises(InvalidInput, match="needed"):
        await process.ring.rotate(None, None)


async def test_the_audit_log_tells_of_a_rotation(house: House) -> None:
    process = await house.process()
    await process.ring.rotate(NEW, None)
    async with process.database.read() as connection:
        lines = (await connection.execute(text("SELECT actor, action, detail FROM audit_log"))).all()

    assert [tuple(line) for line in lines] == [("command line", "key_ring_rotated", f"to {Seal(NEW).key_id}")]


def test_every_column_with_sealed_values_takes_part_in_a_rotation() -> None:
    sealed = {
        table
        for table in metadata.tables.values()
        for column in table.columns
        if column.name == "sealed" and isinstance(column.type, LargeBinary)
    }

    assert sealed - {metadata.tables["encryption_keys"]} == set(sealing.PLACES)
