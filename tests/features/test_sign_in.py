"""Sessions and limits over time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rootcoz.domain.account import Actor, Role
from rootcoz.domain.errors import NotSignedIn, TooManyAttempts
from rootcoz.features.accounts import Accounts
from rootcoz.features.sign_in import LOCK_S, SIGN_IN_LIMIT, WINDOW_S, SignIn
from rootcoz.kit.sealed import Seal
from rootcoz.store.engine import Database

SEAL = Seal("a secret")
ADMIN_KEY = "correct-horse-battery"
ROOT = Actor("admin", "127.0.0.1")
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


@pytest.fixture
def door(database: Database, clock: Clock) -> SignIn:
    return SignIn(database, SEAL, ADMIN_KEY, clock)


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, SEAL, clock)


async def fail(door: SignIn, times: int, name: str = "alice", address: str = HERE) -> None:
    for _ in range(times):
        with pytest.raises(NotSignedIn):
            await door.sign_in(name, "wrong", address=address)


async def test_a_session_lasts_eight_hours_without_use(door: SignIn, clock: Clock) -> None:
    token = (await door.sign_in("admin", ADMIN_KEY, address=HERE)).token
    clock.passes(hours=8)

    assert await door.by_session(token) is None


async def test_a_session_begins_anew_in_its_second_half_only(door: SignIn, clock: Clock) -> None:
    token = (await door.sign_in("admin", ADMIN_KEY, address=HERE)).token
    clock.passes(hours=3, minutes=59)
    early = await door.by_session(token)
    clock.passes(minutes=2)
    late = await door.by_session(token)
    clock.passes(hours=7, minutes=59)
    still = await door.by_session(token)

    assert early is not None
    assert late is not None
    assert still is not None
    assert (early.renewed_for_s, late.renewed_for_s) == (0, 8 * 3600)


async def test_a_session_ends_with_the_key_it_was_begun_with(
    door: SignIn, accounts: Accounts, clock: Clock
) -> None:
    await accounts.create("alice", Role.USER, ROOT)
    issued = await accounts.issue_key("alice", "short", clock.now + timedelta(hours=5), ROOT)
    session = await door.sign_in("alice", issued.key.secret, address=HERE)
    clock.passes(hours=4, minutes=30)
    inside = await door.by_session(session.token)
    clock.passes(minutes=31)

    assert session.lasts_s == 5 * 3600
    assert inside is not None
    assert await door.by_session(session.token) is None
    assert await door.by_key(issued.key.secret, address=HERE) is None


async def test_the_right_key_works_when_the_lock_has_ended(
    door: SignIn, accounts: Accounts, clock: Clock
) -> None:
    key = (await accounts.create("alice", Role.USER, ROOT)).key.secret
    await fail(door, SIGN_IN_LIMIT)
    with pytest.raises(TooManyAttempts) as first:
        await door.sign_in("alice", key, address=HERE)
    clock.passes(seconds=LOCK_S - 1)
    with pytest.raises(TooManyAttempts) as last:
        await door.sign_in("alice", key, address=HERE)
    clock.passes(seconds=1)

    assert (first.value.retry_after_s, last.value.retry_after_s) == (LOCK_S, 1)
    assert (await door.sign_in("alice", key, address=HERE)).identity.name == "alice"


async def test_attempts_while_it_is_locked_do_not_prolong_the_lock(door: SignIn, clock: Clock) -> None:
    await fail(door, SIGN_IN_LIMIT)
    for _ in range(LOCK_S // 10):
        with pytest.raises(TooManyAttempts):
            await door.sign_in("alice", "wrong", address=HERE)
        clock.passes(seconds=10)

    await fail(door, 1)


async def test_a_name_is_locked_for_all_addresses_and_others_are_not(
    door: SignIn, accounts: Accounts
) -> None:
    bob = (await accounts.create("bob", Role.USER, ROOT)).key.secret
    for number in range(SIGN_IN_LIMIT):
        await fail(door, 1, address=f"198.51.100.{number}")
    with pytest.raises(TooManyAttempts):
        await door.sign_in("ALICE", "wrong", address="203.0.113.1")

    assert (await door.sign_in("bob", bob, address="198.51.100.0")).identity.name == "bob"


async def test_nobody_elsewhere_locks_the_administrator_out(door: SignIn) -> None:
    for number in range(5):
        await fail(door, SIGN_IN_LIMIT, name="admin", address=f"198.51.100.{number}")

    assert (await door.sign_in("admin", ADMIN_KEY, address=HERE)).identity.role is Role.ADMIN


async def test_one_customer_s_addresses_of_version_6_are_one(door: SignIn) -> None:
    for number in range(SIGN_IN_LIMIT):
        await fail(door, 1, name="admin", address=f"2001:db8:1:2::{number:x}")
    with pytest.raises(TooManyAttempts):
        await door.sign_in("admin", ADMIN_KEY, address="2001:db8:1:2:ffff::1")

    neighbour = await door.sign_in("admin", ADMIN_KEY, address="2001:db8:1:3::1")

    assert neighbour.identity.name == "admin"


async def test_old_attempts_do_not_count(door: SignIn, clock: Clock) -> None:
    for _ in range(3):
        await fail(door, SIGN_IN_LIMIT - 1)
        clock.passes(seconds=WINDOW_S + 1)

    await fail(door, 1)


async def test_signing_in_in_between_gives_no_more_guesses_at_another_s_key(
    door: SignIn, accounts: Accounts
) -> None:
    own = (await accounts.create("mallory", Role.USER, ROOT)).key.secret
    for _ in range(SIGN_IN_LIMIT - 1):
        await fail(door, 1, name="admin")
        await door.sign_in("mallory", own, address=HERE)
    await fail(door, 1, name="admin")

    with pytest.raises(TooManyAttempts):
        await door.sign_in("admin", "wrong", address=HERE)


async def test_people_who_sign_in_rightly_are_never_too_many(door: SignIn) -> None:
    for _ in range(3 * SIGN_IN_LIMIT):
        await door.sign_in("admin", ADMIN_KEY, address=HERE)

    again = await door.sign_in("admin", ADMIN_KEY, address=HERE)

    assert again.identity.name == "admin"


async def test_locks_hold_in_every_process(door: SignIn, database: Database, clock: Clock) -> None:
    await fail(door, SIGN_IN_LIMIT)
    other = SignIn(database, SEAL, ADMIN_KEY, clock)

    with pytest.raises(TooManyAttempts):
        await other.sign_in("alice", "wrong", address=THERE)


async def test_a_server_without_the_setting_has_no_administrator_by_it(
    database: Database, clock: Clock
) -> None:
    door = SignIn(database, SEAL, None, clock)

    with pytest.raises(NotSignedIn):
        await door.sign_in("admin", "", address=HERE)
    assert await door.by_key("", address=HERE) is None
