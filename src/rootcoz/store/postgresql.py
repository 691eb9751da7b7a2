"""PostgreSQL's side of `engine.py`, which alone imports it, and only when a server is named.

Readers see one state for as long as they look, as on SQLite. Writers are many there, in many processes: a query that
writes back what it read locks the row first, or is one statement.
"""

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection as DriverConnection
from psycopg.abc import Buffer
from psycopg.types.string import StrDumper, StrDumperUnknown
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_READERS = 6
_WRITERS = 4
_CONNECT_TIMEOUT_S = 10
_FROZEN_S = 10
"""Seconds that a transaction which writes may be idle. A process that was frozen in one holds its locks so long."""
_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


class NotPostgreSQL(ValueError):
    """The address is none of a PostgreSQL database."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The pools of one process."""

    reader: AsyncEngine
    writer: AsyncEngine
    apart: AsyncEngine
    """Two connections that never wait for the others: for signs of life, and for looking after other processes."""


def parse_address(address: str) -> URL:
    """The address for SQLAlchemy. Raises NotPostgreSQL, without the address: it may hold a password."""
    try:
        url = make_url(address.strip())
    except (ArgumentError, ValueError):
        raise NotPostgreSQL from None
    if url.drivername not in _SCHEMES or not url.database:
        raise NotPostgreSQL
    return url.set(drivername="postgresql+psycopg")


def described(url: URL) -> str:
    """The database for people, without its user and password."""
    host = url.host or url.query.get("host") or "this machine"
    port = f":{url.port}" if url.port else ""
    return f"{url.database!r} at {host}{port}"


def reason(error: BaseException, url: URL) -> str:
    """What the driver says, in one line and without the password, should it ever be in there."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    password = str(url.password or "")
    return line.replace(password, "***") if password else line


def connect(url: URL) -> Engines:
    """Engines for the database; nothing is connected yet."""
    reader = _engine(url, _READERS, isolation_level="REPEATABLE READ")
    return Engines(
        reader=reader.execution_options(postgresql_readonly=True),
        writer=_engine(url, _WRITERS, frozen_s=_FROZEN_S),
        apart=_engine(url, 2, frozen_s=_FROZEN_S),
    )


def _engine(url: URL, size: int, *, frozen_s: int | None = None, **options: Any) -> AsyncEngine:  # noqa: ANN401 - SQLAlchemy's own
    arguments: dict[str, object] = {"application_name": "rootcoz", "connect_timeout": _CONNECT_TIMEOUT_S}
    if frozen_s is not None:
        given = url.query.get("options", "")
        arguments["options"] = f"{given} -c idle_in_transaction_session_timeout={frozen_s}s".strip()
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=60,
        pool_pre_ping=True,  # a database that was started again is no reason to fail
        connect_args=arguments,
        **options,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's wrapper of the driver's
        driver: DriverConnection = connection.driver_connection
        driver.adapters.register_dumper(str, _TextWithoutNul)
        driver.adapters.register_dumper(str, _UntypedWithoutNul)

    return engine


class _TextWithoutNul(StrDumper):
    """Text as PostgreSQL can keep it. NUL is the one character it cannot; logs of programs have it now and then."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


class _UntypedWithoutNul(StrDumperUnknown):
    """The same where the server is to find out the type."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))
