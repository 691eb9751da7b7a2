"""At start: whatever was accepted and is not finished goes on, and what a kill left lying about is removed."""

import asyncio
from collections.abc import Collection
from pathlib import Path

import structlog

from rootcoz.analysis.parts import Parts
from rootcoz.store.analyses import unfinished_analyses
from rootcoz.worker.engine import AnalysisEngine
from rootcoz.workspace.folder import PRIVATE, remove_abandoned

log = structlog.get_logger()


async def resume_everything(engine: AnalysisEngine, parts: Parts) -> int:
    """Start each unfinished analysis that the engine does not know, and remove left-over workspaces.

    The engine begins again by itself what it had begun; this is for what was accepted in the instant before a crash,
    or whose end the engine recorded and our store did not. Returns how many were started. Several processes may do
    this at the same time.
    """
    await engine.forget_finished()
    known = await engine.started()
    async with parts.database.read() as connection:
        unfinished = await unfinished_analyses(connection)
    if (
        not parts.database.is_shared
    ):  # else it was emptied before the launch, and others' new analyses may begin here
        await remove_left_over(parts.workspaces, keep=unfinished)
    stranded = [job_id for job_id in unfinished if job_id not in known]
    for job_id in stranded:
        await engine.start(job_id)
    return len(stranded)


async def empty_folder(folder: Path) -> None:
    """Have an empty folder there, for its owner alone. What cannot be removed stays and is logged."""
    await remove_left_over(folder, keep=())
    await asyncio.to_thread(folder.mkdir, PRIVATE, exist_ok=True)


async def remove_left_over(folder: Path, keep: Collection[str]) -> None:
    """Remove what an ended process left in the folder. That some of it cannot be removed is no reason not to start."""
    try:
        await asyncio.to_thread(remove_abandoned, folder, keep)
    except OSError as error:
        log.warning("left_over_stays", folder=str(folder), reason=str(error))
