"""Everything one process needs, opened in order and closed in reverse."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rootcoz.features.events import EventHub
from rootcoz.settings import Settings
from rootcoz.wiring import Services, make_parts, make_services, open_data_directory
from rootcoz.worker.engine import AnalysisEngine
from rootcoz.worker.recovery import empty_folder, resume_everything


@asynccontextmanager
async def open_services(settings: Settings, *, short_lived: bool = False) -> AsyncIterator[Services]:
    """Lock the data directory, open the store, launch the engine, go on with unfinished work.

    Raises DataDirectoryInUse when another process has the data directory.
    """
    async with open_data_directory(settings) as directory:
        events = EventHub()
        parts = make_parts(settings, directory, events)
        for folder in (directory.spool, directory.scratch):
            await empty_folder(folder)
        engine = AnalysisEngine(parts, directory.path, short_lived=short_lived)
        engine.launch()
        try:
            await resume_everything(engine, parts)
            yield make_services(settings, directory, engine, events)
        finally:
            await engine.close()
