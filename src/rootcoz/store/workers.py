"""The processes that share one database, each with the count of its signs of life."""

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.store.schema import workers


async def beat(connection: AsyncConnection, worker_id: str) -> None:
    """Give a sign of life; the first one, or the first after somebody took us for dead, enters us."""
    counted = await connection.execute(
        update(workers).where(workers.c.id == worker_id).values(beats=workers.c.beats + 1)
    )
    if counted.rowcount == 0:
        await connection.execute(insert(workers).values(id=worker_id, beats=1))


async def all_beats(connection: AsyncConnection) -> dict[str, int]:
    """The counts of all processes, by id. One whose count does not rise any more is dead or frozen."""
    return {row.id: row.beats for row in await connection.execute(select(workers.c.id, workers.c.beats))}


async def forget_worker(connection: AsyncConnection, worker_id: str) -> None:
    """Strike the process off: it has ended, or its work has been given to others."""
    await connection.execute(delete(workers).where(workers.c.id == worker_id))
