"""Analyses as durable workflows, one each, named by their job id.

The workflow's body is idempotent by our own store (see `analysis/pipeline.py`); the engine adds that it is begun again
after a crash, that each finished step is skipped then, and that it can be cancelled. Its file lies beside ours.
"""

import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Any, Self

import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy import Engine, create_engine, event

from rootcoz.analysis.parts import Parts, Step, Work
from rootcoz.domain.errors import AnalysisAborted, NotFound, RootcozError
from rootcoz.store.engine import UnusableDatabase
from rootcoz.wiring import load_analysis

ENGINE_FILE = "engine.sqlite3"
WORKFLOW_VERSION = "1"
"""Pinned by hand: work that another version left pending would be stranded. Raise it only with a plan for that."""
EXECUTOR = "local"
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_POLL_S = 1.0
_POLL_SHORT_LIVED_S = 0.1
_STORE_LOOK_S = 2.0
"""How often a waiter looks at the store in case somebody else finished the analysis."""

log = structlog.get_logger()


class AnalysisEngine:
    """Starts, awaits and cancels analyses. One per process at a time: the engine below is global."""

    _current: "AnalysisEngine | None" = None

    def __init__(self, parts: Parts, data_dir: Path, *, short_lived: bool) -> None:
        """`short_lived`: for a single command, which would rather stop at once than spare the disk."""
        self.parts = parts
        self._data_dir = data_dir
        self._poll_s = _POLL_SHORT_LIVED_S if short_lived else _POLL_S
        self._ended: dict[str, asyncio.Event] = {}
        self._working: dict[str, asyncio.Future[None]] = {}
        self._aborting: set[str] = set()
        self._closing = False

    @classmethod
    def current(cls) -> Self:
        """The launched engine: workflows are found by name and have no other way to it."""
        if not isinstance(cls._current, cls):
            raise TypeError("the engine has not been launched")
        return cls._current

    def launch(self) -> None:
        """Begin, in the running event loop; workflows that a stop interrupted go on by themselves.

        Raises UnusableDatabase.
        """
        file = self._data_dir / ENGINE_FILE
        _look_into(file)
        AnalysisEngine._current = self
        config: DBOSConfig = {
            "name": "rootcoz",
            "system_database_url": f"sqlite:///{file}",
            "system_database_engine": _engine(file),
            "application_version": WORKFLOW_VERSION,
            "executor_id": EXECUTOR,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",  # it logs each failed workflow with its trace; ours are logged once, with ids
            "notification_listener_polling_interval_sec": self._poll_s,
        }
        DBOS(config=config)
        DBOS.launch()

    async def start(self, job_id: str) -> None:
        """Begin the analysis in the background; harmless when it has begun already."""
        with SetWorkflowID(job_id):
            await DBOS.start_workflow_async(run_analysis, job_id)

    async def wait(self, job_id: str) -> None:
        """Return when the analysis is final or deleted."""
        ended = self._ended.setdefault(job_id, asyncio.Event())
        try:
            while not await self._is_final(job_id):
                try:
                    await asyncio.wait_for(ended.wait(), _STORE_LOOK_S)
                except TimeoutError:
                    continue
        finally:
            self._ended.pop(job_id, None)

    async def cancel(self, job_id: str) -> None:
        """Stop the analysis if it runs, its provider's process included. Its row is the caller's business."""
        await DBOS.cancel_workflow_async(job_id)

    def abort(self, job_id: str) -> None:
        """Stop the work on an analysis that the store says is aborted; what was answered becomes its result.

        Unlike `cancel`, its workflow goes on to its end, at once and not when somebody next looks.
        """
        self._aborting.add(job_id)
        if task := self._working.get(job_id):
            task.cancel()

    async def started(self) -> set[str]:
        """Job ids of analyses the engine will finish by itself."""
        return {workflow.workflow_id for workflow in await DBOS.list_workflows_async(status="PENDING")}

    async def forget_finished(self) -> None:
        """Remove the engine's records of workflows that are over: our store has their results."""
        while finished := await DBOS.list_workflows_async(status=_FINISHED, limit=500, load_input=False):
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in finished])

    async def run_interruptibly(self, job_id: str, work: Work) -> None:
        """Do the work of a step. When we close meanwhile, it is cancelled and this call never returns.

        Raises AnalysisAborted when `abort` stopped it.

        The engine below would take any end of the step, a cancellation too, for its outcome. An interrupted step
        has none: it is to be done again at the next launch.
        """
        if job_id in self._aborting:
            raise AnalysisAborted("It was aborted.")
        task = asyncio.ensure_future(work())
        self._working[job_id] = task
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            if self._closing:
                await asyncio.Event().wait()
            if job_id in self._aborting:
                raise AnalysisAborted("It was aborted.") from None
            raise
        finally:
            self._working.pop(job_id, None)

    async def close(self) -> None:
        """Stop. What is still running goes on at the next launch."""
        self._closing = True
        interrupted = list(self._working.values())
        for task in interrupted:
            task.cancel()
        if interrupted:
            await asyncio.wait(interrupted)
        await asyncio.to_thread(DBOS.destroy)
        AnalysisEngine._current = None

    def announce_end(self, job_id: str) -> None:
        """Wake those who wait for the analysis."""
        self._aborting.discard(job_id)
        self.parts.audience.forget(job_id)
        if ended := self._ended.get(job_id):
            ended.set()

    async def _is_final(self, job_id: str) -> bool:
        return await self.parts.is_final(job_id)


def _durable_steps(job_id: str) -> Step:
    engine = AnalysisEngine.current()

    async def step(name: str, work: Work) -> None:
        async def body() -> None:
            await engine.run_interruptibly(job_id, work)

        await DBOS.run_step_async({"name": name, "preemptible": True}, body)

    return step


@DBOS.workflow(name="analysis", max_recovery_attempts=None)
async def run_analysis(job_id: str) -> None:
    """Take one analysis to its end. Whatever goes wrong is recorded in its result."""
    engine = AnalysisEngine.current()
    logger = log.bind(job_id=job_id)
    await asyncio.to_thread(load_analysis)
    from rootcoz.analysis.pipeline import analyse, give_up  # noqa: PLC0415 - loaded now, see `load_analysis`

    try:
        await analyse(job_id, engine.parts, _durable_steps(job_id))
    except NotFound:
        logger.info("analysis_gone")
    except AnalysisAborted:
        logger.info("analysis_aborted")
        with contextlib.suppress(NotFound):  # deleted meanwhile
            await give_up(job_id, engine.parts, "it was aborted.")
    except Exception as error:
        reason = _reason(error)
        logger.warning("analysis_failed", reason=reason, exc_info=not isinstance(error, RootcozError))
        with contextlib.suppress(NotFound):  # deleted while it ran
            await give_up(job_id, engine.parts, reason)
    finally:
        engine.announce_end(job_id)


def _reason(error: BaseException) -> str:
    """A sentence for the user. Errors of ours carry one; a bug's message might hold anything and stays in the log."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, RootcozError):
        return str(error)
    return f"internal error ({type(error).__name__}); the server's log has the details."


def _look_into(file: Path) -> None:
    """Raise UnusableDatabase for a file that is no database."""
    try:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.DatabaseError as error:
        raise UnusableDatabase(
            f"The task database {file} cannot be used: {error}. Move it away: it holds no results, and what was "
            "accepted goes on without it."
        ) from error


def _engine(file: Path) -> Engine:
    """The engine's database as SQLite should be run, which it does not see to itself."""
    engine = create_engine(f"sqlite:///{file}")

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        connection.isolation_level = "IMMEDIATE"
        if sqlite3.sqlite_version_info < (3, 42):
            # dbos asks for unixepoch('subsec') by the version of Python, not of SQLite.
            connection.create_function("unixepoch", -1, lambda *_: time.time())
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
