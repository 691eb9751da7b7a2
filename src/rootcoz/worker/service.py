"""Everything one process needs, opened in order and closed in reverse."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rootcoz.features.events import EventHub
from rootcoz.settings import Settings
from rootcoz.wiring import Services, make_parts, make_services, open_data_directory
from rootcoz.worker.engine import AnalysisEngine
from rootcoz.worker.recovery import resume_everything


@asynccontextmanager
async def open_services(settings: Settings, *, short_lived: bool = False) -> AsyncIterator[Services]:
    """Lock the data directory, open the store, launch the engine, go on with unfinished work.

    Raises DataDirectoryInUse when another process has the data directory.
    """
    async with open_data_directory(settings) as directory:
        events = EventHub()
        parts = make_parts(settings, directory, events)
        shutil.rmtree(directory.spool, ignore_errors=True)
        directory.spool.mkdir(mode=0o700)
        engine = AnalysisEngine(parts, directory.path, short_lived=short_lived)
        engine.launch()
        try:
            await resume_everything(engine, parts)
            services = make_services(settings, directory, engine, events)
            async with _tending_history(services, tended=not short_lived):
                yield services
        finally:
            await engine.close()


@asynccontextmanager
async def _tending_history(services: Services, *, tended: bool) -> AsyncIterator[None]:
    """Beside everything else: rows of history for analyses that have none, and the index for searches in them.

    Both are work for servers. A single command leaves them to the next one.
    """
    if not tended:
        yield
        return
    tasks = [asyncio.create_task(_backfill(services)), asyncio.create_task(services.text_index.keep_up())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _backfill(services: Services) -> None:
    from rootcoz.analysis.history import backfill_history  # noqa: PLC0415 - a start does not wait for it

    await backfill_history(services.database)
