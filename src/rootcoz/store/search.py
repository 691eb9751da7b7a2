"""Search for a part of a text in the history of failures. The dialects differ here, and only here.

There is an index of three-letter pieces beside the table: on SQLite an FTS5 table (`trigram`, without positions), on
PostgreSQL a table with an index of pg_trgm. It is filled afterwards, in small batches: kept up with each insert it
would make a large result take many times as long to write. The index is asked for the rows that have all pieces of the
term; the term itself is then looked for in these rows. Rows that are not in the index yet are read one by one.

The index is made after the start and can be dropped at any time. Without one everything is found by reading.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import ColumnElement, Select, column, func, literal_column, or_, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.store.engine import Database
from rootcoz.store.schema import failure_history

PIECE = 3
"""Characters of the pieces in the indexes; shorter terms cannot be looked up."""
SHORT_TERM_ROWS = 20_000
"""Newest rows that are read for a term that is shorter than a piece."""
BATCH_ROWS = 250
"""Rows that go into SQLite's index at once: some 30 ms in which nobody else writes."""
PAUSE_S = 0.05
"""Between two batches, for the others."""
LOOK_S = 2.0
"""Between two looks for new rows."""
BUSY_S = 10.0
"""After the index could not be filled."""
RETRY_S = 600.0
"""After it could not be made."""
_PROBE_ROWS = 2_000
"""Newest rows that PostgreSQL reads before it asks its index: a frequent term fills its page from them."""
_MOST_PIECES = 32
"""Of a long term; the others are not asked for, only looked at in the rows."""
_ESCAPE = "\\"
_TEXTS = (failure_history.c.test_name, failure_history.c.error_message, failure_history.c.job_name)
_INDEX = table("history_text", column("rowid"), column("body"))
_MAKING_LOCK = 0x726F6F74_7478
"""Any number that no other lock of the database uses."""

log = structlog.get_logger()

Conditions = Sequence[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Range:
    """Row ids: above the first, up to the second."""

    above: int = 0
    up_to: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL."""
        rows = [failure_history.c.id > self.above] if self.above else []
        return rows if self.up_to is None else [*rows, failure_history.c.id <= self.up_to]


class TextIndex:
    """The text index of one open database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ready = False
        """Whether the index is there to be asked."""

    async def keep_up(self) -> None:
        """Make the index if it is missing, and sort new rows in for as long as this runs."""
        while True:
            try:
                if not self.ready:
                    await self.make()
                more = await self.fill()
                pause = PAUSE_S if more else LOOK_S
            except DBAPIError as error:
                # The database may lack the extension, or the room; or somebody was writing for long.
                log.warning("history_text_index_waits", made=self.ready, reason=str(error.orig).strip())
                pause = BUSY_S if self.ready else RETRY_S
            await asyncio.sleep(pause)

    async def make(self) -> None:
        """Have the index, without its rows on SQLite. Raises DBAPIError where the database cannot have one."""
        async with self._database.write() as connection:
            if _is_sqlite(connection):
                await _make_fts(connection)
            else:
                await _make_trigrams(connection)
        self.ready = True

    async def fill(self, rows: int = BATCH_ROWS) -> bool:
        """Sort the next rows in; whether there may be more."""
        async with self._database.read() as connection:
            if not await _unfilled(connection):
                return False
        async with self._database.write() as connection:
            last = await _next_last(connection, rows)
        if last is None:
            return False
        async with self._database.write() as connection:
            await _fill_up_to(connection, last)
        return True


async def find_page(
    connection: AsyncConnection, index: TextIndex, term: str, where: Conditions, *, limit: int, offset: int
) -> list[int]:
    """Ids of the rows with the term, the newest first."""
    if len(term) < PIECE:
        span = await _newest(connection, SHORT_TERM_ROWS)
        return await _read_page(connection, term, [*where, *span.conditions()], limit, offset)
    if not index.ready:
        return await _read_page(connection, term, where, limit, offset)
    if not _is_sqlite(connection):
        # A frequent term fills its page from the newest rows sooner than the index names all its rows.
        probe = await _newest(connection, _PROBE_ROWS)
        found = await _read_page(connection, term, [*where, *probe.conditions()], limit, offset)
        if len(found) == limit:
            return found
    return await _find_page(connection, term, where, limit, offset)


async def count_found(connection: AsyncConnection, index: TextIndex, term: str, where: Conditions) -> int:
    """How many rows have the term: of all, or for a term shorter than a piece of the newest SHORT_TERM_ROWS."""
    if len(term) < PIECE:
        span = await _newest(connection, SHORT_TERM_ROWS)
        return await _read_count(connection, term, [*where, *span.conditions()])
    if not index.ready:
        return await _read_count(connection, term, where)
    filled = await _filled_up_to(connection)
    new = await _read_count(connection, term, [*where, *Range(above=filled).conditions()])
    query = _candidates(connection, term, where, filled).with_only_columns(func.count())
    return new + int(await connection.scalar(query) or 0)


async def _find_page(
    connection: AsyncConnection, term: str, where: Conditions, limit: int, offset: int
) -> list[int]:
    filled = await _filled_up_to(connection)
    tail = [*where, *Range(above=filled).conditions()]
    new = await _read_page(connection, term, tail, limit, offset)
    if len(new) == limit:
        return new
    before = offset + len(new) if new or not offset else await _read_count(connection, term, tail)
    hits = _candidates(connection, term, where, filled)
    if _is_sqlite(connection):
        query = hits.order_by(_INDEX.c.rowid.desc())
    else:
        # Kept apart from the order, or the planner may walk all rows from the newest on, hoping to meet some soon.
        apart = hits.cte("hits").prefix_with("MATERIALIZED")
        query = select(apart.c.id).order_by(apart.c.id.desc())
    page = query.limit(limit - len(new)).offset(max(0, offset - before))
    return [*new, *await connection.scalars(page)]


def _candidates(connection: AsyncConnection, term: str, where: Conditions, filled: int) -> Select[tuple[int]]:
    """Ids of the rows that have the term, by way of the index."""
    return (
        select(failure_history.c.id)
        .select_from(_INDEX.join(failure_history, failure_history.c.id == _INDEX.c.rowid))
        .where(
            _in_index(connection, term),
            # An id in the index may be that of a row which is gone: such ids are never given again.
            failure_history.c.id <= filled,
            *where,
            _contains(connection, term),
        )
    )


def _in_index(connection: AsyncConnection, term: str) -> ColumnElement[bool]:
    if not _is_sqlite(connection):
        return _INDEX.c.body.ilike(_pattern(term), escape=_ESCAPE)
    pieces = list(dict.fromkeys(term[n : n + PIECE] for n in range(len(term) - PIECE + 1)))
    wanted = " AND ".join(f'"{piece.replace(chr(34), chr(34) * 2)}"' for piece in pieces[:_MOST_PIECES])
    return literal_column("history_text").op("MATCH")(wanted)


async def _read_page(
    connection: AsyncConnection, term: str, where: Conditions, limit: int, offset: int
) -> list[int]:
    query = (
        select(failure_history.c.id)
        .where(*where, _contains(connection, term))
        .order_by(failure_history.c.id.desc())
    )
    return list(await connection.scalars(query.limit(limit).offset(offset)))


async def _read_count(connection: AsyncConnection, term: str, where: Conditions) -> int:
    query = select(func.count()).select_from(failure_history).where(*where, _contains(connection, term))
    return int(await connection.scalar(query) or 0)


async def _newest(connection: AsyncConnection, rows: int) -> Range:
    newest = int(await connection.scalar(select(func.max(failure_history.c.id))) or 0)
    return Range(above=max(0, newest - rows))


def _contains(connection: AsyncConnection, term: str) -> ColumnElement[bool]:
    """`%` and `_` are characters like any other. SQLite's LIKE knows no upper and lower case in ASCII."""
    pattern = _pattern(term)
    if _is_sqlite(connection):
        return or_(*(one.like(pattern, escape=_ESCAPE) for one in _TEXTS))
    return or_(*(one.ilike(pattern, escape=_ESCAPE) for one in _TEXTS))


def _pattern(term: str) -> str:
    for special in (_ESCAPE, "%", "_"):
        term = term.replace(special, _ESCAPE + special)
    return f"%{term}%"


def _is_sqlite(connection: AsyncConnection) -> bool:
    return connection.dialect.name == "sqlite"


async def _make_fts(connection: AsyncConnection) -> None:
    await connection.execute(
        text(
            "CREATE VIRTUAL TABLE IF NOT EXISTS history_text USING fts5"
            "(body, content='', tokenize='trigram', detail=none, columnsize=0)"
        )
    )
    await _make_mark(connection)


async def _make_trigrams(connection: AsyncConnection) -> None:
    """One process at a time; the others find it made."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING_LOCK})
    if await connection.scalar(select(func.to_regclass("history_text_filled"))) is not None:
        return
    await connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    await connection.execute(
        text(
            "CREATE TABLE history_text (rowid BIGINT PRIMARY KEY "
            "REFERENCES failure_history (id) ON DELETE CASCADE, body TEXT NOT NULL)"
        )
    )
    await connection.execute(
        text("CREATE INDEX ix_history_text_body ON history_text USING gin (body gin_trgm_ops)")
    )
    await _make_mark(connection)


async def _make_mark(connection: AsyncConnection) -> None:
    """Up to which row the index is filled."""
    await connection.execute(text("CREATE TABLE IF NOT EXISTS history_text_filled (up_to BIGINT NOT NULL)"))
    await connection.execute(
        text("INSERT INTO history_text_filled SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM history_text_filled)")
    )


async def _filled_up_to(connection: AsyncConnection) -> int:
    return int(await connection.scalar(text("SELECT up_to FROM history_text_filled")) or 0)


async def _unfilled(connection: AsyncConnection) -> bool:
    newest = int(await connection.scalar(select(func.max(failure_history.c.id))) or 0)
    return newest > await _filled_up_to(connection)


async def _next_last(connection: AsyncConnection, rows: int) -> int | None:
    """Id of the last row of the next batch; None when there is none."""
    if not _is_sqlite(connection):
        # Ids are given before a transaction ends: a lower one may still be on its way in somebody's. Once nobody is
        # writing here, none can be. Those who come meanwhile wait for this moment.
        await connection.execute(text("SET LOCAL lock_timeout = '100ms'"))
        await connection.execute(text("LOCK TABLE failure_history IN SHARE MODE"))
    batch = (
        select(failure_history.c.id)
        .where(failure_history.c.id > await _filled_up_to(connection))
        .order_by(failure_history.c.id)
        .limit(rows)
    )
    last = await connection.scalar(select(func.max(batch.subquery().c.id)))
    return None if last is None else int(last)


async def _fill_up_to(connection: AsyncConnection, last: int) -> None:
    """Sort the rows in, unless another process has."""
    if not _is_sqlite(connection):
        await connection.execute(text("SELECT up_to FROM history_text_filled FOR UPDATE"))
    filled = await _filled_up_to(connection)
    span = {"filled": filled, "last": last}
    await connection.execute(
        text(
            "INSERT INTO history_text (rowid, body) "
            "SELECT id, test_name || :between || error_message || :between || job_name "
            "FROM failure_history WHERE id > :filled AND id <= :last ORDER BY id"
        ).bindparams(between="\n"),
        span,
    )
    await connection.execute(text("UPDATE history_text_filled SET up_to = :last WHERE up_to < :last"), span)
