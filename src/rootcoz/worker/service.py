"""Everything one process needs, opened in order and closed in reverse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from rootcoz.features.events import EventHub
from rootcoz.settings import Settings
from rootcoz.wiring import Services, check_entrance, make_parts, make_services, open_data_directory
from rootcoz.worker.cluster import member, minding
from rootcoz.worker.engine import AnalysisEngine
from rootcoz.worker.recovery import empty_folder, remove_left_over, resume_everything

log = structlog.get_logger()


@asynccontextmanager
async def open_services(settings: Settings, *, short_lived: bool = False) -> AsyncIterator[Services]:
    """Lock the data directory, open the store, launch the engine, go on with unfinished work.

    Raises DataDirectoryInUse when another process has the data directory.
    """
    async with open_data_directory(settings) as directory, AsyncExitStack() as stack:
        events = EventHub()
        parts = make_parts(settings, directory, events)
        for folder in (directory.spool, directory.scratch):
            await empty_folder(folder)
        engine = AnalysisEngine(
            parts, directory.path, short_lived=short_lived, address=directory.database_address
        )
        if directory.database.is_shared:
            await remove_left_over(directory.workspaces, keep=())  # its analyses may go on anywhere
            await stack.enter_async_context(member(engine, parts))
        await engine.launch()
        stack.push_async_callback(engine.close)
        services = make_services(settings, directory, engine, events, parts.server_gate)
        await check_entrance(services)
        if directory.database.is_shared:
            await stack.enter_async_context(minding(engine, parts, events))
        await resume_everything(engine, parts)
        stack.push_async_callback(services.presence.settle)
        stack.push_async_callback(services.history.settle)
        await stack.enter_async_context(_tending_history(services, tended=not short_lived))
        yield services


@asynccontextmanager
async def _tending_history(services: Services, *, tended: bool) -> AsyncIterator[None]:
    """Beside everything else: missing rows of history, decisions to be remembered, and the index for searches.

    All are work for servers. A single command leaves them to the next one.
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
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                log.error("history_not_tended", exc_info=ended)


async def _backfill(services: Services) -> None:
    from rootcoz.analysis.history import backfill_history  # noqa: PLC0415 - a start does not wait for it
    from rootcoz.analysis.memory import remember_everything  # noqa: PLC0415 - as above

    await backfill_history(services.database)
    # After the rows of history, by which the failures of the decisions are found.
    await remember_everything(services.database)
