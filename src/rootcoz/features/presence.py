"""When users were last here.

A request must not wait for a write, and not every request is worth one: a user is noted at most once a minute, in the
background.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from rootcoz.domain.account import name_key
from rootcoz.kit.clock import utc_text
from rootcoz.store import accounts as accounts_store
from rootcoz.store.engine import Database

EVERY_S = 60.0
"""Seconds between two notes of one user."""
UNPROVEN_LIMIT = 10_000
"""Stored users beyond which a name that nobody has proven makes no new one: anybody can make names up."""
_REMEMBERED = 20_000

log = structlog.get_logger()


class Presence:
    """Notes who was here."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._noted: OrderedDict[str, float] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    def seen(self, username: str, *, proven: bool, stored: bool, key_id: str | None = None) -> None:
        """Note, soon, that the user is here; one who is not `stored` yet becomes a stored user."""
        subject = f"{name_key(username)} {key_id or ''} {proven}"
        now = self._clock()
        if now - self._noted.get(subject, -EVERY_S) < EVERY_S:
            return
        self._noted[subject] = now
        self._noted.move_to_end(subject)
        while len(self._noted) > _REMEMBERED:
            self._noted.popitem(last=False)
        task = asyncio.create_task(self._note(username, proven=proven, stored=stored, key_id=key_id))
        self._writing.add(task)
        task.add_done_callback(self._written)

    async def settle(self) -> None:
        """Return when everything noted so far is stored."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _note(self, username: str, *, proven: bool, stored: bool, key_id: str | None) -> None:
        moment = datetime.now(UTC)
        now, unless_since = utc_text(moment), utc_text(moment - timedelta(seconds=EVERY_S))
        async with self._database.write() as connection:
            known = await accounts_store.mark_seen(connection, username, now, unless_since, proven=proven)
            if not known and not stored:  # a stored user who is gone by now was deleted and stays so
                limit = None if proven else UNPROVEN_LIMIT
                await accounts_store.add_seen(connection, username, now, limit=limit, proven=proven)
            if key_id is not None:
                await accounts_store.mark_key_used(connection, key_id, now, unless_since)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("user_not_noted", reason=str(error))
