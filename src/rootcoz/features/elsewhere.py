"""What other processes do with analyses, for those who watch here: found by looking at the store.

Done only while somebody watches. It needs no connection of its own, misses no end and recovers from anything by itself.
It tells where an analysis stands, not each step on its way there.
"""

from collections.abc import Callable
from dataclasses import replace

from rootcoz.domain.analysis import AnalysisProgress
from rootcoz.features.events import EventHub
from rootcoz.store.analyses import progress_of
from rootcoz.store.engine import Database

LOOK_S = 0.5
"""Seconds between two looks."""


class Elsewhere:
    """Tells the hub what is new since the last look."""

    def __init__(self, database: Database, hub: EventHub, is_here: Callable[[str], bool]) -> None:
        """`is_here`: whether this process works on the analysis, and tells of it itself."""
        self._database = database
        self._hub = hub
        self._is_here = is_here
        self._told: dict[str, AnalysisProgress] = {}

    async def look(self) -> None:
        """Look once; without anybody who watches, do nothing."""
        if not self._hub.watchers:
            return
        watched = self._hub.watched
        asked = watched | self._told.keys()
        here = {job_id for job_id in asked if self._is_here(job_id)}
        async with self._database.read() as connection:
            found = await progress_of(connection, asked)
        for progress in found:
            if progress.job_id not in here and not self._is_here(progress.job_id):
                self._tell(progress)
        for gone in asked - {progress.job_id for progress in found}:
            self._told.pop(gone, None)
            self._hub.forget(gone)
        over = {progress.job_id for progress in found if progress.status.is_final} - watched
        for job_id in over:
            self._told.pop(job_id, None)

    def _tell(self, progress: AnalysisProgress) -> None:
        known = self._told.get(progress.job_id)
        if known is None or replace(known, at=progress.at) != progress:
            self._told[progress.job_id] = progress
            self._hub.tell(progress)
