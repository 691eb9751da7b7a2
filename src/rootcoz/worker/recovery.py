"""At start: whatever was accepted and is not finished goes on."""

import shutil

from rootcoz.analysis.parts import Parts
from rootcoz.store.analyses import unfinished_analyses
from rootcoz.worker.engine import AnalysisEngine


async def resume_everything(engine: AnalysisEngine, parts: Parts) -> int:
    """Start each unfinished analysis that the engine does not know, and remove left-over workspaces.

    The engine begins again by itself what it had begun; this is for what was accepted in the instant before a crash,
    or whose end the engine recorded and our store did not. Returns how many were started.
    """
    await engine.forget_finished()
    known = await engine.started()
    async with parts.database.read() as connection:
        unfinished = await unfinished_analyses(connection)
    for folder in parts.workspaces.iterdir() if parts.workspaces.is_dir() else ():
        if folder.name not in unfinished:
            shutil.rmtree(folder, ignore_errors=True)
    stranded = [job_id for job_id in unfinished if job_id not in known]
    for job_id in stranded:
        await engine.start(job_id)
    return len(stranded)
