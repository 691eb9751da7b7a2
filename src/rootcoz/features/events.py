"""What happens to analyses, told at once to everybody who watches.

Lives in the memory of one process, which tells what it does; what others do with the same database is told by
`elsewhere.py`. Telling never waits: each watcher has a buffer of
its own, and one that reads too slowly loses its subscription. It comes back and starts from the present state.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rootcoz.domain.analysis import AnalysisProgress

BUFFER_LIMIT = 256
"""Events that wait for one watcher, beside the present state with which it began."""


@dataclass(frozen=True, slots=True)
class Event:
    """Where an analysis stood when it got there."""

    number: int
    """Rises with every event, over restarts too, as far as the clock does."""
    progress: AnalysisProgress


class Subscription:
    """The events for one watcher. Iterating ends when nothing more will come, or when it was too slow."""

    def __init__(self, job_id: str | None, present: list[Event]) -> None:
        """`job_id`: None for all analyses."""
        self.job_id = job_id
        self.was_dropped = False
        self._waiting = deque(present)
        self._limit = len(present) + BUFFER_LIMIT
        self._news = asyncio.Event()
        self._ended = False

    def has_news(self) -> bool:
        """Whether an event waits."""
        return bool(self._waiting)

    def offer(self, event: Event) -> bool:
        """Leave the event for the watcher; False, and nothing more will come, when too many wait."""
        if len(self._waiting) >= self._limit:
            self.was_dropped = True
            self._waiting.clear()
            self.end()
            return False
        self._waiting.append(event)
        self._news.set()
        return True

    def end(self) -> None:
        """Let the watcher have what waits, and no more."""
        self._ended = True
        self._news.set()

    async def next(self, timeout_s: float) -> Event | None:
        """The next event; None when none came in time. Raises StopAsyncIteration at the end."""
        if not self._waiting and not self._ended:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), timeout_s)
            except TimeoutError:
                return None
        if self._waiting:
            return self._waiting.popleft()
        raise StopAsyncIteration

    async def paced(self, timeout_s: float) -> AsyncIterator[Event | None]:
        """All events, with a None whenever none came for so long."""
        while True:
            try:
                event = await self.next(timeout_s)
            except StopAsyncIteration:
                return
            yield event


class EventHub:
    """Hands each event to those who watch."""

    def __init__(self) -> None:
        self._number = time.time_ns() // 1_000_000
        self._subscriptions: set[Subscription] = set()
        self._present: dict[str, Event] = {}
        self._closed = False

    @property
    def watchers(self) -> int:
        """How many subscriptions there are."""
        return len(self._subscriptions)

    @property
    def watched(self) -> set[str]:
        """Job ids of the analyses that are watched one by one."""
        return {each.job_id for each in self._subscriptions if each.job_id is not None}

    def tell(self, progress: AnalysisProgress) -> None:
        """The analysis got somewhere. Never waits."""
        event = self.numbered(progress)
        if progress.status.is_final:
            self._present.pop(progress.job_id, None)
        else:
            self._present[progress.job_id] = event
        for subscription in self._of(progress.job_id):
            if not subscription.offer(event):
                self._subscriptions.discard(subscription)
            elif progress.status.is_final and subscription.job_id is not None:
                subscription.end()

    def forget(self, job_id: str) -> None:
        """Nothing more will come from the analysis: it is over or deleted."""
        self._present.pop(job_id, None)
        for subscription in self._of(job_id):
            if subscription.job_id is not None:
                subscription.end()

    def numbered(self, progress: AnalysisProgress) -> Event:
        """An event for one watcher alone, in the same row of numbers."""
        self._number += 1
        return Event(self._number, progress)

    @contextmanager
    def subscribed(self, job_id: str | None = None) -> Iterator[Subscription]:
        """A subscription to one analysis or, by default, all; it begins with the present state of what goes on."""
        events = [event for key, event in self._present.items() if job_id in {None, key}]
        subscription = Subscription(job_id, sorted(events, key=lambda event: event.number))
        self._subscriptions.add(subscription)
        if self._closed:
            subscription.end()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End all subscriptions, those that are still to come too."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end()

    def _of(self, job_id: str) -> list[Subscription]:
        return [each for each in self._subscriptions if each.job_id in {None, job_id}]
