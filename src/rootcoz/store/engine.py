"""The database: opened, tuned, migrated. The only module that knows the dialect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from rootcoz.store.schema import SCHEMA_HEAD

APP_FILE = "rootcoz.sqlite3"
"""The application's database file in the data directory; the durable engine has its own beside it."""
_BUSY_TIMEOUT_MS = 30_000
_READERS = 8


class Database:
    """The open database of one data directory.

    On SQLite one connection writes and several read: in WAL mode readers never wait for the writer, and a single
    writer that begins with BEGIN IMMEDIATE never meets another one half way.
    """

    def __init__(self, url: str) -> None:
        """`url` as SQLAlchemy spells it, with an asynchronous driver."""
        self.url = url
        self._reader = create_async_engine(url, pool_size=_READERS, max_overflow=0, pool_timeout=60)
        self._writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=120)
        _tune(self._reader, begin="BEGIN")
        _tune(self._writer, begin="BEGIN IMMEDIATE")

    @classmethod
    async def open(cls, data_dir: Path) -> "Database":
        """Open, create or migrate the SQLite database of a data directory (which must exist)."""
        database = cls(f"sqlite+aiosqlite:///{data_dir / APP_FILE}")
        await database.migrate()
        return database

    async def migrate(self) -> None:
        """Bring the schema to SCHEMA_HEAD. Importing Alembic takes half a second: only when it is needed."""
        if await self._current_revision() == SCHEMA_HEAD:
            return
        from rootcoz.store.migrations import upgrade  # noqa: PLC0415 - see above

        async with self._writer.connect() as connection:
            await connection.run_sync(upgrade)
            await connection.commit()

    async def _current_revision(self) -> str | None:
        async with self._reader.connect() as connection:
            try:
                revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            except OperationalError:
                return None
        return None if revision is None else str(revision)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view that changes nothing."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: all or nothing, committed on leaving."""
        async with self._writer.begin() as connection:
            yield connection

    async def close(self) -> None:
        """Let go of all connections."""
        await self._reader.dispose()
        await self._writer.dispose()


def _tune(engine: AsyncEngine, *, begin: str) -> None:
    """Transactions as we say rather than as the driver guesses, and the settings that SQLite needs."""

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's synchronous connection
        connection.exec_driver_sql(begin)
