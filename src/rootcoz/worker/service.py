"""Everything one process needs, opened in order and closed in reverse."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from rootcoz.features.events import EventHub
from rootcoz.settings import Settings
from rootcoz.wiring import (
    Services,
    check_entrance,
    make_outbox,
    make_parts,
    make_services,
    open_data_directory,
)
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
        outbox = make_outbox(settings, directory)
        # A single command tells nobody: it is run by one person, who reads its output.
        parts = make_parts(settings, directory, events, None if short_lived else outbox.notifications)
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
        services = make_services(settings, directory, engine, events, outbox, parts.server_gate)
        await check_entrance(services)
        if directory.database.is_shared:
            await stack.enter_async_context(minding(engine, parts, events))
        await resume_everything(engine, parts)
        stack.push_async_callback(services.presence.settle)
        stack.push_async_callback(services.history.settle)
        if not short_lived:
            await stack.enter_async_context(_beside(_backfill(services), "history_not_backfilled"))
            await stack.enter_async_context(_beside(services.text_index.keep_up(), "history_not_tended"))
            await stack.enter_async_context(_beside(services.deliveries.keep_sending(), "nothing_sent"))
        yield services


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None], when_it_fails: str) -> AsyncIterator[None]:
    """Do the work beside everything else, for as long as the context lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended, Exception):
            log.error(when_it_fails, exc_info=ended)


async def _backfill(services: Services) -> None:
    from rootcoz.analysis.history import backfill_history  # noqa: PLC0415 - a start does not wait for it
    from rootcoz.analysis.memory import remember_everything  # noqa: PLC0415 - as above

    await backfill_history(services.database)
    # After the rows of history, by which the failures of the decisions are found.
    await remember_everything(services.database)
