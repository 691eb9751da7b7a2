import asyncio

from sqlalchemy import delete, select
from tests.support.analyses import added
from tests.support.announcements import NASTY, PLAIN

from rootcoz.domain.notification import Delivery, DeliveryState
from rootcoz.store.deliveries import (
    ERROR_LIMIT,
    NewDelivery,
    add_delivery,
    claim,
    due_deliveries,
    find_delivery,
    finish,
    forget_finished,
    list_deliveries,
    put_off,
)
from rootcoz.store.engine import Database
from rootcoz.store.schema import analyses, deliveries

NOW, LATER = "2026-01-01T00:00:00.000Z", "2026-01-01T00:01:00.000Z"


async def write(
    database: Database, channel: str = "team", once: object = 1, at: str = NOW, analysis_id: int | None = None
) -> str | None:
    async with database.write() as connection:
        new = NewDelivery(channel, NASTY, (once,), analysis_id=analysis_id)
        return await add_delivery(connection, new, at)


async def due(database: Database, now: str = NOW, *but: str) -> list[Delivery]:
    async with database.read() as connection:
        return await due_deliveries(connection, now, 50, but=but)


async def test_what_is_told_is_kept_as_it_was(database: Database) -> None:
    analysis_id = await added(database, "job-1")
    written = await write(database, analysis_id=analysis_id)
    async with database.read() as connection:
        kept = await find_delivery(connection, written or "")

    assert kept is not None
    assert (kept.announcement, kept.job_id, kept.channel) == (NASTY, "job-1", "team")


async def test_the_same_is_told_a_channel_once(database: Database) -> None:
    first = await write(database)
    others = [await write(database), await write(database, once="1"), await write(database, at=LATER)]
    elsewhere = await write(database, channel="two")

    assert first is not None
    assert elsewhere is not None
    assert others == [None, None, None]
    assert len(await due(database, LATER)) == 2


async def test_a_refused_message_leaves_its_transaction_as_it_was(database: Database) -> None:
    async with database.write() as connection:
        for channel in ("one", "one", "two"):
            await add_delivery(connection, NewDelivery(channel, PLAIN, (1,)), NOW)

    assert sorted(one.channel for one in await due(database)) == ["one", "two"]


async def test_of_many_who_claim_a_message_one_gets_it(database: Database) -> None:
    await write(database)
    (delivery,) = await due(database)

    async def try_it() -> bool:
        async with database.write() as connection:
            return await claim(connection, delivery, LATER)

    outcomes = await asyncio.gather(*(try_it() for _ in range(8)))

    assert sorted(outcomes) == [False] * 7 + [True]
    assert await due(database) == []
    assert [one.attempts for one in await due(database, LATER)] == [1]


async def test_channels_can_be_left_out(database: Database) -> None:
    for channel in ("one", "two", "three"):
        await write(database, channel=channel)

    assert [one.channel for one in await due(database, NOW, "one", "three")] == ["two"]


async def test_an_end_is_final(database: Database) -> None:
    written = await write(database) or ""
    async with database.write() as connection:
        await put_off(connection, written, "x" * 10_000, LATER)
        waiting = await find_delivery(connection, written)
        await finish(connection, written, DeliveryState.DELIVERED, "", LATER)
        await put_off(connection, written, "too late", NOW)
        await finish(connection, written, DeliveryState.GIVEN_UP, "too late", NOW)
        ended = await find_delivery(connection, written)

    assert waiting is not None
    assert (waiting.state, waiting.due_at, len(waiting.last_error)) == ("pending", LATER, ERROR_LIMIT)
    assert ended is not None
    assert (ended.state, ended.last_error, ended.finished_at) == ("delivered", "", LATER)
    assert await due(database, LATER) == []


async def test_messages_go_with_their_analysis(database: Database) -> None:
    analysis_id = await added(database, "job-1")
    await write(database, analysis_id=analysis_id)
    async with database.write() as connection:
        await connection.execute(delete(analyses).where(analyses.c.id == analysis_id))

    async with database.read() as connection:
        assert (await connection.execute(select(deliveries.c.id))).all() == []


async def test_pages_hold_each_message_once(database: Database) -> None:
    ids = {await write(database, once=number, at=(NOW, LATER)[number % 2]) for number in range(9)}
    seen: list[Delivery] = []
    async with database.read() as connection:
        while page := await list_deliveries(connection, 2, before=seen[-1].id if seen else None):
            seen += page
        of_none = await list_deliveries(connection, 9, channel="another")
        ended = await list_deliveries(connection, 9, state=DeliveryState.DELIVERED)

    assert {one.id for one in seen} == ids
    assert [one.created_at for one in seen] == [LATER] * 4 + [NOW] * 5
    assert (of_none, ended) == ([], [])


async def test_only_what_ended_long_ago_is_forgotten(database: Database) -> None:
    ended, recent, waiting = [await write(database, once=number) or "" for number in range(3)]
    async with database.write() as connection:
        await finish(connection, ended, DeliveryState.GIVEN_UP, "", NOW)
        await finish(connection, recent, DeliveryState.DELIVERED, "", LATER)
        forgotten = await forget_finished(connection, LATER)
        left = {one.id for one in await list_deliveries(connection, 9)}

    assert forgotten == 1
    assert left == {recent, waiting}
