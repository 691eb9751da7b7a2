"""Analyses as durable workflows, one each, named by their job id.

The workflow's body is idempotent by our own store (see `analysis/pipeline.py`); the engine adds that it is begun again
after a crash, that each finished step is skipped then, and that it can be cancelled. On SQLite its file lies beside
ours, and it works on what this process accepts. In PostgreSQL it has a schema of its own, and analyses stand in
queues from which every process takes; `cluster.py` sees to those of dead processes.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import sqlite3
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Self

import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, PortableWorkflowError, SetWorkflowID
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from rootcoz.analysis.parts import Parts, Step, Work, take_up
from rootcoz.domain.analysis import AnalysisStatus
from rootcoz.domain.errors import (
    AnalysisAborted,
    NotFound,
    RootcozError,
    ServerStopping,
    StoreUnavailable,
    TakenOver,
)
from rootcoz.store.analyses import analysis_status, standings
from rootcoz.store.engine import UnusableDatabase
from rootcoz.wiring import load_analysis

ENGINE_FILE = "engine.sqlite3"
WORKFLOW_VERSION = "1"
"""Pinned by hand: work that another version left pending would be stranded. Raise it only with a plan for that."""
EXECUTOR = "local"
"""The only process there is on SQLite."""
ENGINE_SCHEMA = "rootcoz_engine"
"""Where the engine's tables are in PostgreSQL."""
QUEUE = "analyses"
ANALYSES_AT_ONCE = 16
"""Analyses that one process takes from the queue; the others are left to other processes."""
WAITING_QUEUE = "waiting"
"""For analyses that wait for their builds, which costs nothing and may take days: no process ever has too many."""
_QUEUE_POLL_S = 0.5
_PAUSE_S = 1.0
"""Before it is looked whether a database that was away is back."""
_POOL = 6
_FROZEN_S = 10.0
"""Seconds that a process which was frozen in a transaction of the engine keeps its locks."""
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_UNFINISHED = ["PENDING", "ENQUEUED", "DELAYED"]
_POLL_S = 1.0
_POLL_SHORT_LIVED_S = 0.1
_STORE_LOOK_S = 2.0
"""How often a waiter looks at the store in case somebody else finished the analysis."""
POSTPONEMENTS = 200
"""How often in a row an analysis is put off because the database does not work: a bit more than three hours."""
_LONGEST_PAUSE_S = 60.0
_SHARED_LOOK_S = 0.5
"""The same where it is often finished by somebody else."""

log = structlog.get_logger()


class AnalysisEngine:
    """Starts, awaits and cancels analyses. One per process at a time: the engine below is global."""

    _current: "AnalysisEngine | None" = None

    def __init__(self, parts: Parts, data_dir: Path, *, short_lived: bool, address: str = "") -> None:
        """`short_lived`: for a single command, which would rather stop at once than spare the disk.

        `address` is that of the PostgreSQL database, if there is one.
        """
        self.parts = parts
        self._data_dir = data_dir
        self._address = address
        self._poll_s = _POLL_SHORT_LIVED_S if short_lived else _POLL_S
        self._look_s = _SHARED_LOOK_S if address else _STORE_LOOK_S
        self._ended: dict[str, asyncio.Event] = {}
        self._runs: dict[str, str] = {}
        """Job ids of the analyses that are worked on here, by the token of the work."""
        self._working: dict[str, asyncio.Future[None]] = {}
        self._stopping: dict[str, RootcozError] = {}
        """Why work is to end, by its token."""
        self._short_lived = short_lived
        self._sends_away = False
        self._postponed: defaultdict[str, int] = defaultdict(int)
        """How often in a row each analysis was put off."""
        self._beginning_again: set[asyncio.Task[None]] = set()
        self._given_up: dict[str, RootcozError] = {}
        """Why an analysis got no end that could be stored."""
        self._closing = False
        self.executor = _executor_name() if address else EXECUTOR
        """This process, as the engine calls it."""

    @classmethod
    def current(cls) -> Self:
        """The launched engine: workflows are found by name and have no other way to it."""
        if not isinstance(cls._current, cls):
            raise TypeError("the engine has not been launched")
        return cls._current

    async def launch(self) -> None:
        """Begin, in the running event loop; workflows that a stop interrupted go on by themselves.

        Raises UnusableDatabase.
        """
        file = self._data_dir / ENGINE_FILE
        if not self._address:
            _look_into(file)
        AnalysisEngine._current = self
        config: DBOSConfig = {
            "name": "rootcoz",
            "application_version": WORKFLOW_VERSION,
            "executor_id": self.executor,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",  # it logs each failed workflow with its trace; ours are logged once, with ids
            "notification_listener_polling_interval_sec": self._poll_s,
        }
        if self._address:
            config["system_database_url"] = self._address
            config["dbos_system_schema"] = ENGINE_SCHEMA
            config["sys_db_pool_size"] = _POOL
            config["sys_db_idle_transaction_timeout_sec"] = _FROZEN_S
        else:
            config["system_database_url"] = f"sqlite:///{file}"
            config["system_database_engine"] = _engine(file)
        DBOS(config=config)
        if self._address:
            await _launch_shared()
        else:
            DBOS.launch()

    async def start(self, job_id: str) -> None:
        """Begin the analysis in the background; harmless when it has begun already."""
        if not self._address:
            with SetWorkflowID(job_id):
                await DBOS.start_workflow_async(run_analysis, job_id)
            return
        async with self.parts.database.read() as connection:
            status = await analysis_status(connection, job_id)
        with SetWorkflowID(job_id):
            queue = WAITING_QUEUE if status is AnalysisStatus.WAITING else QUEUE
            await DBOS.enqueue_workflow_async(queue, run_analysis, job_id)

    async def wait(self, job_id: str) -> None:
        """Return when the analysis is final or deleted.

        Raises StoreUnavailable when its end cannot be stored and nobody tries again before the next start, and
        ServerStopping once `send_away` was called.
        """
        ended = self._ended.setdefault(job_id, asyncio.Event())
        try:
            while not await self._is_final(job_id):
                if why := self._given_up.pop(job_id, None):
                    raise why
                if self._sends_away:
                    raise ServerStopping(job_id)
                try:
                    await asyncio.wait_for(ended.wait(), self._look_s)
                except TimeoutError:
                    continue
        finally:
            self._ended.pop(job_id, None)

    def send_away(self) -> None:
        """Let nobody wait any longer: the server stops."""
        self._sends_away = True
        for ended in self._ended.values():
            ended.set()

    async def cancel(self, job_id: str) -> None:
        """Stop the analysis if it runs, its provider's process included. Its row is the caller's business."""
        await DBOS.cancel_workflow_async(job_id)

    def abort(self, job_id: str) -> None:
        """Stop the work on an analysis that the store says is aborted; what was answered becomes its result.

        Unlike `cancel`, its workflow goes on to its end, at once and not when somebody next looks. Where another
        process works on the analysis, that one stops when it next looks.
        """
        for run, worked_on in self._runs.items():
            if worked_on == job_id:
                self._stop(run, AnalysisAborted("It was aborted."))

    def postpone(self, job_id: str, why: RootcozError) -> bool:
        """Begin the analysis again later, when the database may work again; False when that makes no sense here."""
        self._postponed[job_id] += 1
        tries = self._postponed[job_id]
        if self._short_lived or tries > POSTPONEMENTS:
            self._given_up[job_id] = why
            return False
        task = asyncio.create_task(self._begin_again(job_id, min(2.0**tries, _LONGEST_PAUSE_S)))
        self._beginning_again.add(task)
        task.add_done_callback(self._beginning_again.discard)
        return True

    async def _begin_again(self, job_id: str, pause_s: float) -> None:
        while True:
            await asyncio.sleep(pause_s)
            try:
                # Its record may hold the trouble as the outcome of a step, which is not to be repeated.
                await DBOS.delete_workflows_async([job_id])
                await self.start(job_id)
            except (SQLAlchemyError, StoreUnavailable) as error:
                log.warning("analysis_still_postponed", job_id=job_id, reason=type(error).__name__)
            else:
                return

    def works_on(self, job_id: str) -> bool:
        """Whether this process works on the analysis."""
        return job_id in self._runs.values()

    async def heed_others(self) -> None:
        """Stop the work on what another process aborted, deleted or took over."""
        runs = dict(self._runs)
        if not runs:
            return
        async with self.parts.database.read() as connection:
            known = await standings(connection, set(runs.values()))
        for run, job_id in runs.items():
            standing = known.get(job_id)
            if standing is None:
                self._stop(run, NotFound("It was deleted."))
            elif standing.run != run:
                self._stop(run, TakenOver("Another process works on it now."))
            elif standing.aborted:
                self._stop(run, AnalysisAborted("It was aborted."))

    def _stop(self, run: str, why: RootcozError) -> None:
        if run not in self._runs or run in self._stopping:
            return
        self._stopping[run] = why
        if task := self._working.get(run):
            task.cancel()

    async def started(self) -> set[str]:
        """Job ids of analyses the engine will finish by itself."""
        unfinished = await DBOS.list_workflows_async(status=_UNFINISHED, load_input=False, load_output=False)
        return {workflow.workflow_id for workflow in unfinished}

    async def rescue(self, alive: Callable[[], Awaitable[Collection[str]]]) -> list[str]:
        """Give the work of processes that are not alive back to the queues; returns its job ids.

        Who is alive is asked after the work was listed: whoever has work has given a sign of life before.
        """
        pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
        living = await alive()
        orphans: defaultdict[str, list[str]] = defaultdict(list)
        for workflow in pending:
            if workflow.executor_id not in living:
                orphans[workflow.queue_name or QUEUE].append(workflow.workflow_id)
        for queue, job_ids in orphans.items():
            await DBOS.resume_workflows_async(job_ids, queue_name=queue)
        return [job_id for job_ids in orphans.values() for job_id in job_ids]

    async def forget_finished(self) -> None:
        """Remove the engine's records of workflows that are over: our store has their results."""
        while finished := await DBOS.list_workflows_async(status=_FINISHED, limit=500, load_input=False):
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in finished])

    async def run_interruptibly(self, run: str, work: Work) -> None:
        """Do the work of a step. When we close meanwhile, it is cancelled and this call never returns.

        Raises AnalysisAborted, TakenOver or NotFound when it was stopped for that.

        The engine below would take any end of the step, a cancellation too, for its outcome. An interrupted step
        has none: it is to be done again at the next launch.
        """
        if why := self._stopping.get(run):
            raise why
        task = asyncio.ensure_future(work())
        self._working[run] = task
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            if self._closing:
                await asyncio.Event().wait()
            if why := self._stopping.get(run):
                raise why from None
            raise
        except Exception as error:
            if self.parts.database.is_outage(error):
                await self.put_back(self._runs[run])
                raise TakenOver("The database was away; the analysis is begun again.") from error
            raise
        finally:
            self._working.pop(run, None)

    async def close(self) -> None:
        """Stop. What is still running goes on at the next launch."""
        self._closing = True
        for postponed in self._beginning_again:
            postponed.cancel()
        interrupted = list(self._working.values())
        for task in interrupted:
            task.cancel()
        if interrupted:
            await asyncio.wait(interrupted)
        await asyncio.to_thread(DBOS.destroy)
        AnalysisEngine._current = None

    async def put_back(self, job_id: str) -> None:
        """Have the analysis begun again as if this process had died, as soon as the database is there."""
        log.warning("database_away", job_id=job_id)
        while True:
            await asyncio.sleep(_PAUSE_S)
            try:
                await DBOS.resume_workflow_async(job_id, queue_name=QUEUE)
            except SQLAlchemyError:
                continue
            return

    @contextlib.contextmanager
    def working_on(self, job_id: str, run: str) -> Iterator[None]:
        """What is done meanwhile is the work `run` on the analysis."""
        self._runs[run] = job_id
        try:
            yield
        finally:
            del self._runs[run]
            self._stopping.pop(run, None)

    def has_worked(self, job_id: str) -> None:
        """The analysis came to an end that is stored."""
        self._postponed.pop(job_id, None)

    def announce_end(self, job_id: str) -> None:
        """Wake those who wait for the analysis."""
        self.parts.audience.forget(job_id)
        if ended := self._ended.get(job_id):
            ended.set()

    async def _is_final(self, job_id: str) -> bool:
        return await self.parts.is_final(job_id)


def _durable_steps(run: str) -> Step:
    engine = AnalysisEngine.current()

    async def step(name: str, work: Work) -> None:
        async def body() -> None:
            await engine.run_interruptibly(run, work)

        await DBOS.run_step_async({"name": name, "preemptible": True}, body)

    return step


@DBOS.workflow(name="analysis", max_recovery_attempts=None)
async def run_analysis(job_id: str) -> None:
    """Take one analysis to its end. Whatever goes wrong is recorded in its result."""
    engine = AnalysisEngine.current()
    has_ended = True
    try:
        run = await take_up(job_id, engine.parts)
        with engine.working_on(job_id, run):
            await _run(job_id, run)
        engine.has_worked(job_id)
    except NotFound:
        log.info("analysis_gone", job_id=job_id)
    except TakenOver:
        log.warning("analysis_taken_over", job_id=job_id)
        has_ended = False
    except Exception as error:
        trouble = _storage_trouble(error)
        if engine.parts.database.is_outage(error):
            has_ended = False
            await engine.put_back(job_id)
        elif trouble is None:
            raise
        else:
            has_ended = not engine.postpone(job_id, trouble)
            told = "analysis_not_stored" if has_ended else "analysis_postponed"
            log.warning(told, job_id=job_id, reason=str(trouble))
    finally:
        if has_ended:
            engine.announce_end(job_id)


async def _run(job_id: str, run: str) -> None:
    """The analysis, or what is left of it. Raises NotFound and TakenOver."""
    engine = AnalysisEngine.current()
    logger = log.bind(job_id=job_id)
    await asyncio.to_thread(load_analysis)
    from rootcoz.analysis.pipeline import analyse, give_up  # noqa: PLC0415 - loaded now, see `load_analysis`

    try:
        await analyse(job_id, engine.parts, _durable_steps(run), run)
    except (NotFound, TakenOver):
        raise
    except AnalysisAborted:
        logger.info("analysis_aborted")
        await give_up(job_id, engine.parts, "it was aborted.", run)
    except Exception as error:
        if engine.parts.database.is_outage(error):
            raise
        if isinstance(error, ExceptionGroup) and (lost := error.subgroup((NotFound, TakenOver))):
            raise _first(lost) from error
        if trouble := _storage_trouble(error):
            raise trouble from error
        reason = _reason(error)
        logger.warning("analysis_failed", reason=reason, exc_info=not isinstance(error, RootcozError))
        await give_up(job_id, engine.parts, reason, run)


def _storage_trouble(error: BaseException) -> StoreUnavailable | None:
    """What is behind the error, if it is a database that does not work: ours, or the engine's.

    An error that the engine remembers from before a restart is taken for that, too: what it was is not known any more,
    and if it comes again it is seen for what it is.
    """
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_storage_trouble, error.exceptions)), None)
    if isinstance(error, StoreUnavailable):
        return error
    if isinstance(error, OperationalError | InterfaceError | PortableWorkflowError):
        return StoreUnavailable(str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0])
    return None


def _first(error: BaseException) -> BaseException:
    """The error, or the first of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _reason(error: BaseException) -> str:
    """A sentence for the user. Errors of ours carry one; a bug's message might hold anything and stays in the log."""
    error = _first(error)
    if isinstance(error, RootcozError):
        return str(error)
    return f"internal error ({type(error).__name__}); the server's log has the details."


def _executor_name() -> str:
    return f"{socket.gethostname()[:60]}-{os.getpid()}-{secrets.token_hex(4)}"


async def _launch_shared() -> None:
    try:
        DBOS.launch()  # not in a thread: workflows run in the loop that launches
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
        raise UnusableDatabase(
            f"The schema {ENGINE_SCHEMA} of the PostgreSQL database cannot be used: {reason.rstrip('.')}. The user of "
            "DATABASE_URL must be allowed to create schemas and tables in it."
        ) from None
    for name, at_once in ((QUEUE, ANALYSES_AT_ONCE), (WAITING_QUEUE, None)):
        await DBOS.register_queue_async(
            name,
            worker_concurrency=at_once,
            polling_interval_sec=_QUEUE_POLL_S,
            on_conflict="always_update",
        )


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
