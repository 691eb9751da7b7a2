import asyncio

import pytest

from rootcoz.kit.sealed import Seal, Unreadable
from rootcoz.store.engine import Database
from rootcoz.store.push import (
    SUBSCRIPTIONS_KEPT,
    add_subscription,
    remove_subscription,
    shared_key,
    subscriptions_of,
)

LONG = "https://push.example.com/" + "x" * 2000


async def subscribe(database: Database, name: str, endpoint: str, moment: int = 0, key: str = "p") -> None:
    async with database.write() as connection:
        await add_subscription(
            connection,
            name,
            endpoint=endpoint,
            p256dh_key=key,
            auth_key="a",
            now=f"2026-01-01T00:00:{moment:02}.000Z",
        )


async def endpoints(database: Database, *names: str) -> list[str]:
    async with database.read() as connection:
        return [one.endpoint for one in await subscriptions_of(connection, names)]


async def test_a_browser_that_subscribes_again_is_one_browser(database: Database) -> None:
    await subscribe(database, "Bob", LONG, 1)
    await subscribe(database, "bob", LONG, 2, key="new")
    async with database.read() as connection:
        (kept,) = await subscriptions_of(connection, ["bob"])

    assert (kept.endpoint, kept.p256dh_key) == (LONG, "new")


async def test_an_endpoint_moves_to_whoever_subscribes_last(database: Database) -> None:
    await subscribe(database, "bob", "https://e", 1)
    await subscribe(database, "eve", "https://e", 2)

    assert await endpoints(database, "bob") == []
    assert await endpoints(database, "eve") == ["https://e"]


async def test_the_ten_newest_are_kept(database: Database) -> None:
    for moment in range(SUBSCRIPTIONS_KEPT):
        await subscribe(database, "bob", f"https://e/{moment}", moment)
    await subscribe(database, "bob", "https://e/0", 20)
    await subscribe(database, "bob", "https://e/new", 21)

    assert await endpoints(database, "bob") == [
        "https://e/new",
        "https://e/0",
        *(f"https://e/{moment}" for moment in range(9, 1, -1)),
    ]


async def test_many_who_subscribe_the_same_at_once_are_one(database: Database) -> None:
    await asyncio.gather(*(subscribe(database, "bob", "https://e") for _ in range(8)))

    assert await endpoints(database, "bob") == ["https://e"]


async def test_only_its_owner_removes_a_subscription(database: Database) -> None:
    await subscribe(database, "bob", "https://e")
    async with database.write() as connection:
        removed = [await remove_subscription(connection, name, "https://e") for name in ("eve", "BOB", "bob")]

    assert removed == [False, True, False]


async def test_processes_that_start_at_once_share_one_key(database: Database) -> None:
    seal = Seal("secret")

    async def propose(proposal: bytes) -> bytes:
        async with database.write() as connection:
            return await shared_key(connection, "vapid", seal, proposal)

    said = set(await asyncio.gather(*(propose(bytes([number])) for number in range(8))))

    assert len(said) == 1
    async with database.write() as connection:
        with pytest.raises(Unreadable):
            await shared_key(connection, "vapid", Seal("another"), b"x")
