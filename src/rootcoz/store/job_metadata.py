"""Rows of jobs' metadata."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.job_metadata import JobMetadata
from rootcoz.kit.clock import utc_now
from rootcoz.kit.text_key import text_key
from rootcoz.store.schema import job_metadata

_KEYS_AT_ONCE = 500


async def list_metadata(connection: AsyncConnection, filters: Mapping[str, str]) -> list[JobMetadata]:
    """The jobs whose columns have exactly these values, by name."""
    query = select(job_metadata).order_by(job_metadata.c.job_name)
    for column, value in filters.items():
        query = query.where(job_metadata.c[column] == value)
    return [_metadata(row) for row in await connection.execute(query)]


async def find_metadata(connection: AsyncConnection, job_name: str) -> JobMetadata | None:
    """What is stored about the job."""
    query = select(job_metadata).where(_is(job_name))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _metadata(row)


async def change_metadata(
    connection: AsyncConnection, job_name: str, changes: Mapping[str, object]
) -> JobMetadata:
    """Set these columns, in one statement each so that two people who set different ones lose nothing.

    A job that is not known yet is added.
    """
    stamped = {**changes, "updated_at": utc_now()}
    change = update(job_metadata).where(_is(job_name)).values(stamped)
    if not (await connection.execute(change)).rowcount:
        row = {"labels": [], **stamped, "job_key": text_key(job_name), "job_name": job_name}
        if not await _inserted(connection, row):
            await connection.execute(change)
    found = await find_metadata(connection, job_name)
    if found is None:
        raise RuntimeError("a row that was just written is not there")
    return found


async def add_metadata(connection: AsyncConnection, new: JobMetadata) -> bool:
    """Store it unless there is something about the job already; returns whether it was stored."""
    return await find_metadata(connection, new.job_name) is None and await _inserted(connection, _row(new))


async def replace_metadata(connection: AsyncConnection, items: Sequence[JobMetadata]) -> None:
    """Make these what is known about their jobs; names must not repeat."""
    rows = [_row(item) for item in items]
    for first in range(0, len(rows), _KEYS_AT_ONCE):
        part = rows[first : first + _KEYS_AT_ONCE]
        keys = [row["job_key"] for row in part]
        await connection.execute(delete(job_metadata).where(job_metadata.c.job_key.in_(keys)))
        await connection.execute(insert(job_metadata), part)


async def delete_metadata(connection: AsyncConnection, job_name: str) -> bool:
    """Forget it; False when there is nothing."""
    result = await connection.execute(delete(job_metadata).where(_is(job_name)))
    return result.rowcount > 0


async def _inserted(connection: AsyncConnection, row: Mapping[str, object]) -> bool:
    """False when somebody else was quicker; what the transaction did before stays."""
    try:
        async with connection.begin_nested():
            await connection.execute(insert(job_metadata).values(dict(row)))
    except IntegrityError:
        return False
    return True


def _is(job_name: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own type for a condition is not exported
    return job_metadata.c.job_key == text_key(job_name)


def _row(item: JobMetadata) -> dict[str, object]:
    return {
        "job_key": text_key(item.job_name),
        "job_name": item.job_name,
        "team": item.team,
        "tier": item.tier,
        "version": item.version,
        "labels": list(item.labels),
        "updated_at": utc_now(),
    }


def _metadata(row: Row[Any]) -> JobMetadata:
    return JobMetadata(row.job_name, row.team, row.tier, row.version, tuple(row.labels))
