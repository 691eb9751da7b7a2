"""Sends what is to be told to the outside: off the paths of requests and analyses, again after trouble, not for ever.

A message is sent at least once and, while nothing dies in the middle, exactly once. Each attempt carries the message's
id, by which a receiver knows what it has already.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from rootcoz.domain.errors import NotFound, OutsideError, RateLimited, RootcozError, StoreUnavailable
from rootcoz.domain.notification import PUSH, Delivery, DeliveryState, Event, Message, PushSubscription
from rootcoz.kit.clock import utc_text
from rootcoz.notify.base import Sender, SubscriptionGone
from rootcoz.store import deliveries as store
from rootcoz.store import push
from rootcoz.store.engine import Database

PAUSES_S = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0)
"""Between the attempts: after the last one a message is given up, some four hours after the first."""
CLAIM_S = 120.0
"""How long whoever sends a message has it for themselves; longer than any attempt takes."""
ATTEMPT_S = 60.0
LOOK_S = 1.0
AT_ONCE = 16
AT_ONCE_TO_ONE = 2
"""A channel that does not answer must not keep the others from being told."""
_TIDY_S = 3600.0
KEPT_DAYS = 30
"""How long a message that came to an end is kept to be looked at, and not sent again."""

log = structlog.get_logger()


class Pushes(Protocol):
    """Speaks to push services: `notify.web_push.PushSender`."""

    async def send(self, message: Message, subscription: PushSubscription) -> None:
        """As notify.base.Sender. Raises SubscriptionGone as well."""
        ...


class Deliveries:
    """Sends messages whose time has come."""

    def __init__(
        self,
        database: Database,
        sender_named: Callable[[str], Sender | None],
        pushes: Callable[[], Pushes],
    ) -> None:
        """`sender_named` knows the channels by their names; None for one that is not configured any more."""
        self._database = database
        self._sender_named = sender_named
        self._pushes = pushes
        self._running: dict[asyncio.Task[Delivery], str] = {}
        """What is being sent, with its channel."""

    async def keep_sending(self) -> None:
        """Send whatever becomes due, until cancelled. A message in the middle of it is tried again later."""
        clock = asyncio.get_running_loop().time
        tidy_at = clock() + _TIDY_S
        is_in_trouble = False
        try:
            while True:
                try:
                    await self._start_due()
                    if clock() > tidy_at:
                        tidy_at = clock() + _TIDY_S
                        await self.forget_old()
                except Exception as error:  # whatever it is, what comes later is to be sent
                    if not is_in_trouble:
                        is_ours = not isinstance(error, StoreUnavailable)
                        log.warning("deliveries_in_trouble", reason=type(error).__name__, exc_info=is_ours)
                    is_in_trouble = True
                else:
                    is_in_trouble = False
                await self._pause_or_progress()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def send_due(self) -> int:
        """Try what is due now, once; how many were tried."""
        started = await self._start_due()
        await asyncio.gather(*self._running)
        return started

    async def _start_due(self) -> int:
        """Begin to send what is due, as far as nobody is kept too busy; how many were begun."""
        busy = Counter(self._running.values())
        full = [name for name, number in busy.items() if number >= _at_once(name)]
        async with self._database.read() as connection:
            due = await store.due_deliveries(connection, _at(), AT_ONCE, but=full)
        started = 0
        for delivery in due:
            if busy.total() >= AT_ONCE or busy[delivery.channel] >= _at_once(delivery.channel):
                continue
            if await self._claimed(delivery):
                busy[delivery.channel] += 1
                started += 1
                task = asyncio.create_task(self._try(delivery))
                self._running[task] = delivery.channel
                task.add_done_callback(self._ended)
        return started

    def _ended(self, task: asyncio.Task[Delivery]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("delivery_not_noted", reason=type(error).__name__)  # its claim runs out

    async def _pause_or_progress(self) -> None:
        """Return when it is time to look again: soon, or as soon as somebody can be sent more."""
        if self._running:
            await asyncio.wait(self._running, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(LOOK_S)

    async def send_now(self, delivery: Delivery) -> Delivery:
        """Try a message that somebody waits for, once; what became of it. What fails is not tried again."""
        if not await self._claimed(delivery):
            return delivery
        return await self._try(delivery, last=True)

    async def forget_old(self) -> None:
        """Remove messages that came to their end long ago."""
        async with self._database.write() as connection:
            await store.forget_finished(connection, _at(-KEPT_DAYS * 86_400))

    async def _claimed(self, delivery: Delivery) -> bool:
        """Whether this process is the one that sends it now."""
        async with self._database.write() as connection:
            return await store.claim(connection, delivery, _at(CLAIM_S))

    async def _try(self, delivery: Delivery, *, last: bool = False) -> Delivery:
        """One attempt at what is claimed; what became of it."""
        delivery = replace(delivery, attempts=delivery.attempts + 1)
        wait_s: float | None = None
        error, state = "", DeliveryState.DELIVERED
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await self._send(delivery)
        except TimeoutError:
            error, wait_s = f"It took more than {ATTEMPT_S:g} seconds.", self._pause(delivery)
        except OutsideError as trouble:
            error = str(trouble)
            wait_s = self._pause(delivery, trouble) if trouble.retryable else None
        except RootcozError as trouble:
            error = str(trouble)
        except Exception as bug:  # one message must not keep the others
            log.exception("delivery_failed", delivery=delivery.id, channel=delivery.channel)
            error = f"Internal error ({type(bug).__name__}); the server's log has the details."
        if error and (wait_s is None or last):
            state = DeliveryState.GIVEN_UP
        elif error:
            state = DeliveryState.PENDING
        await self._note(delivery, state, error, wait_s)
        return replace(delivery, state=state, last_error=error)

    async def _send(self, delivery: Delivery) -> None:
        """Speak to the outside. Raises OutsideError, and RootcozError for what no further attempt mends."""
        message = Message(delivery.id, delivery.announcement, delivery.created_at)
        if delivery.channel != PUSH:
            sender = self._sender_named(delivery.channel)
            if sender is None:
                raise NotFound(f"There is no channel {delivery.channel} any more.")
            await sender.send(message)
            return
        async with self._database.read() as connection:
            subscription = await push.find_subscription(connection, delivery.subscription_id or 0)
        if subscription is None:
            raise NotFound("The subscription was removed.")
        try:
            await self._pushes().send(message, subscription)
        except SubscriptionGone:
            async with self._database.write() as connection:
                await push.drop_subscription(connection, subscription.id)
            raise

    async def _note(self, delivery: Delivery, state: DeliveryState, error: str, wait_s: float | None) -> None:
        async with self._database.write() as connection:
            if state is DeliveryState.PENDING:
                await store.put_off(connection, delivery.id, error, _at(wait_s or 0))
            else:
                await store.finish(connection, delivery.id, state, error, _at())
        if state is DeliveryState.DELIVERED:
            log.info("delivered", delivery=delivery.id, channel=delivery.channel, to_tell=delivery.event)
        elif delivery.event is not Event.TEST:
            told = "delivery_given_up" if state is DeliveryState.GIVEN_UP else "delivery_put_off"
            log.warning(
                told,
                delivery=delivery.id,
                channel=delivery.channel,
                attempts=delivery.attempts,
                reason=error,
            )

    @staticmethod
    def _pause(delivery: Delivery, trouble: OutsideError | None = None) -> float | None:
        """Seconds until the next attempt; None when this one was the last."""
        if delivery.attempts > len(PAUSES_S):
            return None
        pause = PAUSES_S[delivery.attempts - 1]
        if isinstance(trouble, RateLimited) and trouble.retry_after_s is not None:
            return min(max(pause, trouble.retry_after_s), PAUSES_S[-1])
        return pause


def _at(in_s: float = 0.0) -> str:
    return utc_text(datetime.now(UTC) + timedelta(seconds=in_s))


def _at_once(channel: str) -> int:
    """How many messages may be on their way there; push services are many."""
    return AT_ONCE // 2 if channel == PUSH else AT_ONCE_TO_ONE
