"""The database: opened, tuned, migrated. The only module that knows the dialect."""

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiosqlite
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from rootcoz.domain.errors import RootcozError, StoreUnavailable
from rootcoz.store.schema import SCHEMA_HEAD, metadata

if TYPE_CHECKING:
    from rootcoz.store.postgresql import Engines

Connection = AsyncConnection
"""What queries work with, under a name for those who must not know the library."""
APP_FILE = "rootcoz.sqlite3"
"""The application's database file in the data directory; the durable engine has its own beside it."""
_BUSY_TIMEOUT_MS = 30_000
_READERS = 8
_ALEMBIC_TABLE = """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""
"""As Alembic makes it."""
_LOOK_S = 0.005
_WRONG_STATEMENT = re.compile(r"no such (table|column|function)|syntax error|has no column named")
"""SQLite reports statements that do not fit the tables as it reports a full disk."""
_JOIN_S = 5.0
"""Seconds that a query may still take when the database is closed."""
_MIGRATION_LOCK = 7_261_001
_MINDING_LOCK = 7_261_002
"""Names of locks in PostgreSQL, which knows them by number. Chosen at random; they only must not change."""


_NO_ADDRESS = "DATABASE_URL is no address of a PostgreSQL database; write it as postgresql://USER:PASSWORD@HOST/DATABASE."


class UnusableDatabase(RootcozError):
    """What lies in the database's place cannot be opened by this version; the message says what to do."""


class Database:
    """The open database: a file of one data directory, or one in PostgreSQL that many processes share.

    On SQLite one connection writes and several read: in WAL mode readers never wait for the writer, and a single
    writer that begins with BEGIN IMMEDIATE never meets another one half way. On PostgreSQL several write, here and
    in other processes.
    """

    def __init__(self, url: str, shared: "Engines | None" = None) -> None:
        """`url` as SQLAlchemy spells it, with an asynchronous driver; `shared`: the pools of PostgreSQL."""
        self.url = url
        self.is_shared = shared is not None
        """Whether other processes work with the database as well."""
        self._threads = _Threads(url)
        if shared is not None:
            self._reader, self._writer, self._apart = shared.reader, shared.writer, shared.apart
            return
        connect = self._threads.connect
        self._reader = create_async_engine(
            url, async_creator=connect, pool_size=_READERS, max_overflow=0, pool_timeout=60
        )
        self._writer = create_async_engine(
            url, async_creator=connect, pool_size=1, max_overflow=0, pool_timeout=120
        )
        self._apart = self._writer
        _tune(self._reader, begin="BEGIN")
        _tune(self._writer, begin="BEGIN IMMEDIATE")

    @classmethod
    async def open(cls, data_dir: Path, address: str = "") -> "Database":
        """Open, create or migrate the database: that of `address` in PostgreSQL, or the data directory's SQLite file.

        The data directory must exist. Raises UnusableDatabase for what is damaged, out of reach or of a newer version;
        it is left as it is.
        """
        if address:
            return await cls._open_shared(address)
        file = data_dir / APP_FILE
        database = cls(f"sqlite+aiosqlite:///{file}")
        try:
            await asyncio.to_thread(_look_into, file)
            await database.migrate()
        except (DatabaseError, sqlite3.DatabaseError) as error:
            await database.close()
            reason = getattr(error, "orig", None) or error
            raise UnusableDatabase(
                f"The database {file} cannot be used: {reason}. Restore it from a backup, or move it away "
                "to begin anew."
            ) from error
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    async def _open_shared(cls, address: str) -> "Database":
        from rootcoz.store import postgresql  # noqa: PLC0415 - its driver is loaded only where it is wanted

        try:
            url = postgresql.parse_address(address)
        except postgresql.NotPostgreSQL:
            raise UnusableDatabase(_NO_ADDRESS) from None
        database = cls(url.render_as_string(hide_password=False), postgresql.connect(url))
        try:
            await database._check_encoding()
            await database.migrate()
        except (DatabaseError, InterfaceError, OSError) as error:
            await database.close()
            reason = postgresql.reason(getattr(error, "orig", None) or error, url)
            raise UnusableDatabase(
                f"The PostgreSQL database {postgresql.described(url)} cannot be used: {reason.rstrip('.')}. Check "
                "DATABASE_URL: the database must exist, and its user must be allowed to create tables in it."
            ) from None  # the driver's own error may show the password
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    async def open_to_read(cls, data_dir: Path, address: str = "") -> "Database":
        """Open what is there without changing anything, also beside a server that works with it.

        Only `read` may be used. Raises UnusableDatabase also for one that is missing or of another version.
        """
        if not address and not (data_dir / APP_FILE).is_file():
            raise UnusableDatabase(f"There is no database in {data_dir}: nothing was analysed there yet.")
        if address:
            from rootcoz.store import postgresql  # noqa: PLC0415 - as in _open_shared

            try:
                url = postgresql.parse_address(address)
            except postgresql.NotPostgreSQL:
                raise UnusableDatabase(_NO_ADDRESS) from None
            database = cls(url.render_as_string(hide_password=False), postgresql.connect(url))
        else:
            database = cls(f"sqlite+aiosqlite:///{data_dir / APP_FILE}")
        try:
            if not address:
                await asyncio.to_thread(_look_into, data_dir / APP_FILE)
            revision = await database._current_revision()
        except (DatabaseError, InterfaceError, sqlite3.DatabaseError, OSError) as error:
            await database.close()
            raise UnusableDatabase(
                f"The database cannot be read: {type(getattr(error, 'orig', None) or error).__name__}. Check "
                "DATABASE_URL or --data-dir, and that it can be reached."
            ) from None  # the driver's own error may show the password
        if revision != SCHEMA_HEAD:
            await database.close()
            raise UnusableDatabase(
                f"The database is of another version of rootcoz (schema {revision}; this version has {SCHEMA_HEAD}). "
                "It is only read here: start the server of this version once, which brings it up to date."
            )
        return database

    async def _check_encoding(self) -> None:
        async with self._reader.connect() as connection:
            encoding = await connection.scalar(text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise UnusableDatabase(
                f"The PostgreSQL database of DATABASE_URL keeps text as {encoding}, which cannot hold every character; "
                "create it with ENCODING 'UTF8'."
            )

    async def migrate(self) -> None:
        """Bring the schema to SCHEMA_HEAD. Importing Alembic takes half a second: only when it is needed."""
        revision = await self._current_revision()
        if revision == SCHEMA_HEAD:
            return
        if revision is None and not self.is_shared and await self._made_whole():
            return
        from rootcoz.store.migrations import knows, upgrade  # noqa: PLC0415 - see above

        if revision is not None and not knows(revision):
            raise UnusableDatabase(
                f"The database was written by a newer version of rootcoz (schema {revision}; this version has "
                f"{SCHEMA_HEAD}). Install that version again, or choose another "
                f"{'database' if self.is_shared else 'data directory'}."
            )
        if self.is_shared:
            async with self._writer.begin() as connection:
                # Of several servers that start at once one migrates; the others wait and find nothing left to do.
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
                await connection.run_sync(upgrade)
            return

        # SQLite changes a table by making it anew and dropping the old one. With foreign keys on, that would delete
        # whatever refers to its rows; and they can be switched off only outside of a transaction.
        engine = create_async_engine(self.url)
        _tune(engine, begin="BEGIN IMMEDIATE", foreign_keys=False)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(upgrade)
                broken = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
                if broken:
                    raise RuntimeError(f"the migration left {len(broken)} rows that refer to nothing")
        finally:
            await engine.dispose()

    async def _made_whole(self) -> bool:
        """Make a new SQLite file as all migrations together would have; False when something is in it."""
        async with self._writer.begin() as connection:
            if await connection.scalar(text("SELECT count(*) FROM sqlite_master")):
                return False
            await connection.run_sync(metadata.create_all)
            await connection.execute(text(_ALEMBIC_TABLE))
            await connection.execute(
                text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": SCHEMA_HEAD}
            )
        return True

    async def _current_revision(self) -> str | None:
        no_such_table = ProgrammingError if self.is_shared else OperationalError
        async with self._reader.connect() as connection:
            try:
                revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            except no_such_table:
                return None
        return None if revision is None else str(revision)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view that changes nothing."""
        with _trouble_told():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: all or nothing, committed on leaving."""
        with _trouble_told():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write_apart(self) -> AsyncIterator[AsyncConnection]:
        """As `write`, for what must not wait until others of this process have written."""
        with _trouble_told():
            async with self._apart.begin() as connection:
                yield connection

    @staticmethod
    async def lock_minding(connection: AsyncConnection) -> bool:
        """Become the one process that looks after the others until the transaction ends; False when another is.

        A lock of the transaction and not of the session, which a frozen process would keep.
        """
        return bool(
            await connection.scalar(
                text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": _MINDING_LOCK}
            )
        )

    def is_outage(self, error: BaseException) -> bool:
        """Whether the error, or one of a group, says that the shared database went away or is too busy: it passes."""
        if isinstance(error, BaseExceptionGroup):
            return any(self.is_outage(one) for one in error.exceptions)
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return self.is_shared
        passes = OperationalError | InterfaceError | PoolTimeout | StoreUnavailable
        return self.is_shared and isinstance(error, passes)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._reader.dispose()
        await self._writer.dispose()
        await self._apart.dispose()
        await self._threads.join()


@contextmanager
def _trouble_told() -> Iterator[None]:
    """Raise StoreUnavailable for what may pass: a full disk, a lost connection. A wrong statement stays what it is."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        reason = str(error.orig or error).splitlines()[0]
        if _WRONG_STATEMENT.search(reason):
            raise
        raise StoreUnavailable(reason) from error
    except PoolTimeout as error:
        raise StoreUnavailable("it is too busy") from error


class _Threads:
    """The threads of the driver, one for each connection.

    A call that is cancelled leaves its thread at work, and the pool forgets the connection. The thread answers to
    the event loop when it is done, so the loop must not end before it.
    """

    def __init__(self, url: str) -> None:
        self._file = make_url(url).database or ":memory:"
        self._connections: list[aiosqlite.Connection] = []

    async def connect(self) -> aiosqlite.Connection:
        """A new connection."""
        self._connections = [one for one in self._connections if one._thread.is_alive()]  # noqa: SLF001 - see join
        connection = aiosqlite.connect(self._file)
        connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: it must not keep the program alive
        self._connections.append(connection)
        return await connection

    async def join(self) -> None:
        """Wait until the threads of all connections have ended. They have nothing more to do than what they are at."""
        threads = [connection._thread for connection in self._connections]  # noqa: SLF001 - there is no other way
        for connection, thread in zip(self._connections, threads, strict=True):
            if thread.is_alive():
                connection.stop()
        # Looked at from the loop: its thread pool may have been shut down by whoever closed before.
        deadline = time.monotonic() + _JOIN_S
        while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:  # noqa: ASYNC110 - no event
            await asyncio.sleep(_LOOK_S)


def _look_into(file: Path) -> None:
    """Raise sqlite3.DatabaseError for a file that is no database.

    The asynchronous driver would leave a thread behind that outlives the event loop and complains about it.
    """
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master")


def _tune(engine: AsyncEngine, *, begin: str, foreign_keys: bool = True) -> None:
    """Transactions as we say rather than as the driver guesses, and the settings that SQLite needs."""

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's synchronous connection
        connection.exec_driver_sql(begin)
