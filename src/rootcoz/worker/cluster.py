"""Processes that share one PostgreSQL: each gives signs of life, and one looks after the work of those that stopped.

A process that is not heard of for DEAD_AFTER_S is taken for dead, and its analyses go back to the queue. It may only
have been frozen: when it goes on, the store refuses what it writes (`analysis.pipeline.take_up`), and `heed_others`
stops its work within a beat.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from rootcoz.analysis.parts import Parts
from rootcoz.features.elsewhere import LOOK_S, Elsewhere
from rootcoz.features.events import EventHub
from rootcoz.store.workers import all_beats, beat, forget_worker
from rootcoz.worker.engine import AnalysisEngine
from rootcoz.worker.recovery import resume_everything

BEAT_S = 1.0
DEAD_AFTER_S = 6.0
"""Long enough for a busy machine; too short costs only questions that are asked twice."""
TIDY_S = 30.0
"""How often it is looked for work that no process knows of: its server died between the acceptance and the queue."""

log = structlog.get_logger()


class Pulses:
    """When this process last saw the count of each other one rise, by its own clock: no clocks are compared."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}
        self._looked_at = clock()

    def living(self, beats: dict[str, int]) -> set[str]:
        """Who is alive, given the counts of now. Whoever is seen for the first time is."""
        now = self._clock()
        if now - self._looked_at > DEAD_AFTER_S / 2:
            self._seen.clear()  # we were frozen ourselves, or the database was out of reach: nobody is to blame
        self._looked_at = now
        self._seen = {
            name: known if (known := self._seen.get(name)) is not None and known[0] == count else (count, now)
            for name, count in beats.items()
        }
        return {name for name, (_, since) in self._seen.items() if now - since < DEAD_AFTER_S}


@contextlib.asynccontextmanager
async def member(engine: AnalysisEngine, parts: Parts) -> AsyncIterator[None]:
    """Belong to those that share the database. Begin before the engine is launched: who has work is in the list."""
    await _beat(engine, parts)
    beating = asyncio.create_task(_again_and_again(BEAT_S, "beat", lambda: _beat(engine, parts)))
    try:
        yield
    finally:
        await _stop([beating])
        with contextlib.suppress(Exception):  # then the others find out by themselves
            async with parts.database.write_apart() as connection:
                await forget_worker(connection, engine.executor)


@contextlib.asynccontextmanager
async def minding(engine: AnalysisEngine, parts: Parts, events: EventHub) -> AsyncIterator[None]:
    """Look after others, heed what they decide and tell what they do, while the engine runs."""
    mind = _Mind(engine, parts)
    elsewhere = Elsewhere(parts.database, events, engine.works_on)
    tasks = [
        asyncio.create_task(_again_and_again(LOOK_S, "events", elsewhere.look)),
        asyncio.create_task(_again_and_again(BEAT_S, "heed", engine.heed_others)),
        asyncio.create_task(_again_and_again(BEAT_S, "mind", mind.look)),
    ]
    try:
        yield
    finally:
        await _stop(tasks)


class _Mind:
    """Finds the work of dead processes, in one process at a time."""

    def __init__(self, engine: AnalysisEngine, parts: Parts) -> None:
        self._engine = engine
        self._parts = parts
        self._pulses = Pulses()
        self._tidied_at = time.monotonic()

    async def look(self) -> None:
        """Look once, unless another process does at the moment."""
        async with self._parts.database.write_apart() as connection:
            living: set[str] = set()

            async def alive() -> set[str]:
                beats = await all_beats(connection)
                living.update(self._pulses.living(beats))
                for dead in beats.keys() - living:
                    await forget_worker(connection, dead)
                return living

            if not await self._parts.database.lock_minding(connection):
                self._pulses.living(await all_beats(connection))
                return
            rescued = await self._engine.rescue(alive)
            for job_id in rescued:
                log.warning("analysis_rescued", job_id=job_id)
            if time.monotonic() - self._tidied_at > TIDY_S:
                self._tidied_at = time.monotonic()
                await resume_everything(self._engine, self._parts)


async def _beat(engine: AnalysisEngine, parts: Parts) -> None:
    async with parts.database.write_apart() as connection:
        await beat(connection, engine.executor)


async def _again_and_again(pause_s: float, what: str, work: Callable[[], Awaitable[None]]) -> None:
    """Trouble with the database is told once and passes when it is there again."""
    is_in_trouble = False
    while True:
        await asyncio.sleep(pause_s)
        try:
            await work()
        except Exception as error:  # whatever it is: a process that stops beating is taken for dead
            if not is_in_trouble:
                is_ours = not isinstance(error, SQLAlchemyError | OSError)
                log.warning("cluster_trouble", what=what, reason=type(error).__name__, exc_info=is_ours)
            is_in_trouble = True
        else:
            is_in_trouble = False


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
