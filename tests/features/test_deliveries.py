"""Sending what is to be told: again after trouble, once if all is well, and not for ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.support.announcements import PLAIN

from rootcoz.domain.errors import RateLimited, Refused, Unavailable
from rootcoz.domain.notification import Delivery, DeliveryState, Message, PushSubscription
from rootcoz.features import deliveries as module
from rootcoz.features.deliveries import PAUSES_S, Deliveries
from rootcoz.kit.clock import utc_moment, utc_now
from rootcoz.notify.base import Sender, SubscriptionGone
from rootcoz.store.deliveries import NewDelivery, add_delivery, list_deliveries
from rootcoz.store.engine import Database
from rootcoz.store.push import add_subscription, subscriptions_of
from rootcoz.store.schema import deliveries as table

BUSY = Unavailable("It has trouble.", source="x")


class Receiver:
    """Takes messages, after the trouble that it is told to make."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.trouble: list[Exception] = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def send(self, message: Message, _subscription: PushSubscription | None = None) -> None:
        await self.hold.wait()
        if self.trouble:
            raise self.trouble.pop(0)
        self.got.append(message.delivery_id)


class Post:
    """Messages to one receiver, in a database of their own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.receiver, self.slow = Receiver(), Receiver()
        self.desk = self.another_desk()

    def another_desk(self) -> Deliveries:
        """As another process would have it."""
        senders: dict[str, Sender] = {"team": self.receiver, "slow": self.slow}
        return Deliveries(self.database, senders.get, lambda: self.receiver)

    async def write(
        self, channel: str = "team", once: object = 1, subscription_id: int | None = None
    ) -> str | None:
        async with self.database.write() as connection:
            return await add_delivery(
                connection, NewDelivery(channel, PLAIN, (once,), subscription_id=subscription_id), utc_now()
            )

    async def all(self) -> list[Delivery]:
        async with self.database.read() as connection:
            return await list_deliveries(connection, 50)

    async def one(self) -> Delivery:
        (found,) = await self.all()
        return found

    async def make_due(self) -> None:
        async with self.database.write() as connection:
            await connection.execute(update(table).values(due_at=utc_now()))


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    database = await Database.open(tmp_path)
    yield Post(database)
    await database.close()


def seconds_from_now(moment: str) -> float:
    return utc_moment(moment) - utc_moment(utc_now())


async def test_a_message_is_sent_once(post: Post) -> None:
    written = [await post.write(), await post.write()]
    sent = [await post.desk.send_due(), await post.desk.send_due()]
    delivery = await post.one()

    assert written == [delivery.id, None]
    assert sent == [1, 0]
    assert post.receiver.got == [delivery.id]
    assert (delivery.state, delivery.attempts, delivery.last_error) == ("delivered", 1, "")
    assert delivery.finished_at is not None


async def test_two_processes_do_not_send_the_same(post: Post) -> None:
    for number in range(6):
        await post.write(once=number)
    desks = [post.desk, post.another_desk(), post.another_desk()]
    for _ in range(3):
        await asyncio.gather(*(desk.send_due() for desk in desks))

    assert len(post.receiver.got) == len(set(post.receiver.got)) == 6


async def test_after_trouble_it_is_tried_again_later_under_the_same_id(post: Post) -> None:
    await post.write()
    post.receiver.trouble = [BUSY]
    await post.desk.send_due()
    waiting = await post.one()
    at_once = await post.desk.send_due()
    await post.make_due()
    await post.desk.send_due()

    assert (waiting.state, waiting.attempts, waiting.last_error) == ("pending", 1, "It has trouble.")
    assert 0 < seconds_from_now(waiting.due_at) <= PAUSES_S[0]
    assert at_once == 0
    assert post.receiver.got == [waiting.id]
    assert ((await post.one()).state, (await post.one()).attempts) == ("delivered", 2)


async def test_a_receiver_that_says_when_is_asked_then(post: Post) -> None:
    await post.write()
    post.receiver.trouble = [RateLimited("Later.", source="x", retry_after_s=1000)]
    await post.desk.send_due()

    assert 900 < seconds_from_now((await post.one()).due_at) <= 1000


async def test_it_is_given_up_in_the_end(post: Post) -> None:
    await post.write()
    post.receiver.trouble = [BUSY] * 100
    for _ in range(20):
        await post.make_due()
        await post.desk.send_due()
    delivery = await post.one()

    assert (delivery.state, delivery.attempts) == ("given_up", len(PAUSES_S) + 1)
    assert len(post.receiver.trouble) == 100 - len(PAUSES_S) - 1


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Refused("It says no.", source="x"), "It says no."),
        (
            ZeroDivisionError("secret"),
            "Internal error (ZeroDivisionError); the server's log has the details.",
        ),
    ],
)
async def test_what_no_other_attempt_mends_is_given_up_at_once(
    post: Post, trouble: Exception, said: str
) -> None:
    await post.write()
    post.receiver.trouble = [trouble]
    await post.desk.send_due()
    delivery = await post.one()

    assert (delivery.state, delivery.attempts, delivery.last_error) == ("given_up", 1, said)


async def test_an_attempt_that_never_ends_is_ended(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ATTEMPT_S", 0.05)
    await post.write()
    post.receiver.hold.clear()
    await post.desk.send_due()
    delivery = await post.one()

    assert (delivery.state, delivery.last_error) == ("pending", "It took more than 0.05 seconds.")


async def test_a_channel_that_is_not_configured_any_more_gets_nothing(post: Post) -> None:
    await post.write(channel="gone")
    await post.desk.send_due()

    assert ((await post.one()).state, (await post.one()).last_error) == (
        "given_up",
        "There is no channel gone any more.",
    )


async def test_what_a_process_died_with_is_sent_by_the_next(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLAIM_S", 0.2)
    await post.write()
    post.receiver.hold.clear()
    dying = asyncio.create_task(post.desk.keep_sending())
    while (await post.one()).attempts == 0:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.01)
    dying.cancel()
    await asyncio.wait([dying])
    post.receiver.hold.set()
    too_soon = await post.another_desk().send_due()
    await asyncio.sleep(0.25)
    await post.another_desk().send_due()
    delivery = await post.one()

    assert too_soon == 0
    assert post.receiver.got == [delivery.id]
    assert (delivery.state, delivery.attempts) == ("delivered", 2)


async def test_a_receiver_that_does_not_answer_holds_up_nobody_else(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    post.slow.hold.clear()
    for number in range(30):
        await post.write(channel="slow", once=number)
    for number in range(20):
        await post.write(once=number)
    sending = asyncio.create_task(post.desk.keep_sending())
    async with asyncio.timeout(20):
        while len(post.receiver.got) < 20:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    waiting = [one.attempts for one in await post.all() if one.channel == "slow"]
    sending.cancel()
    await asyncio.wait([sending])

    assert len(set(post.receiver.got)) == 20
    assert sum(waiting) == module.AT_ONCE_TO_ONE


async def test_the_desk_goes_on_after_trouble_with_the_database(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    async with post.database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO away")
    sending = asyncio.create_task(post.desk.keep_sending())
    await asyncio.sleep(0.1)
    async with post.database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE away RENAME TO deliveries")
    await post.write()
    async with asyncio.timeout(20):
        while not post.receiver.got:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    sending.cancel()
    await asyncio.wait([sending])

    assert (await post.one()).state is DeliveryState.DELIVERED


async def test_a_subscription_that_is_gone_goes_with_its_messages(post: Post) -> None:
    async with post.database.write() as connection:
        await add_subscription(
            connection, "bob", endpoint="https://e", p256dh_key="p", auth_key="a", now=utc_now()
        )
        (subscription,) = await subscriptions_of(connection, ["bob"])
    for number in range(2):
        await post.write(channel="push", once=number, subscription_id=subscription.id)
    post.receiver.trouble = [SubscriptionGone("Gone.", source="x")] * 2
    await post.desk.send_due()

    assert await post.all() == []
    async with post.database.read() as connection:
        assert await subscriptions_of(connection, ["bob"]) == []


async def test_old_messages_are_forgotten_and_waiting_ones_are_not(post: Post) -> None:
    await post.write(once=1)
    await post.desk.send_due()
    await post.write(once=2)
    async with post.database.write() as connection:
        old = {"created_at": "2020-01-01T00:00:00.000Z"}
        await connection.execute(update(table).values(old))
        ended = table.c.finished_at.is_not(None)
        await connection.execute(update(table).where(ended).values(finished_at="2020-01-01T00:00:01.000Z"))
    await post.desk.forget_old()

    assert [one.state for one in await post.all()] == ["pending"]
