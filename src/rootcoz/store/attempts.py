"""How often somebody tried to prove who they are. Kept in the database, so that it counts for all processes."""

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.store.schema import attempts


async def count_attempt(
    connection: AsyncConnection, subject: str, *, now: str, window_began: str, limit: int, lock_until: str
) -> str:
    """Count an attempt before it is looked at. The end of the subject's lock, or empty when it is free to try.

    Attempts older than `window_began` do not count. The one after `limit` locks the subject until `lock_until`;
    attempts while it is locked neither count nor prolong that. One statement counts and decides, so attempts at the
    same moment cannot slip past each other.
    """
    mine = attempts.c.subject == subject
    fresh = (attempts.c.window_started < window_began) | (
        (attempts.c.locked_until != "") & (attempts.c.locked_until <= now)
    )
    count = case((fresh, 1), else_=attempts.c.count + 1)
    step = (
        update(attempts)
        .where(mine, attempts.c.locked_until <= now)
        .values(
            count=count,
            window_started=case((fresh, now), else_=attempts.c.window_started),
            locked_until=case((count > limit, lock_until), else_=""),
        )
    )
    if not (await connection.execute(step)).rowcount:
        try:
            async with connection.begin_nested():
                await connection.execute(
                    insert(attempts).values(subject=subject, window_started=now, count=1, locked_until="")
                )
        except IntegrityError:  # it is locked, or another process has just inserted it
            await connection.execute(step)
    locked_until = await connection.scalar(select(attempts.c.locked_until).where(mine))
    return locked_until or ""


async def take_back_attempt(connection: AsyncConnection, subject: str) -> None:
    """Not count the last attempt: it was right."""
    await connection.execute(
        update(attempts)
        .where(attempts.c.subject == subject, attempts.c.count > 0)
        .values(count=attempts.c.count - 1)
    )


async def lock_of(connection: AsyncConnection, subject: str, now: str) -> str:
    """The end of the subject's lock, or empty when it is free to try at `now`."""
    return (
        await connection.scalar(
            select(attempts.c.locked_until).where(
                attempts.c.subject == subject, attempts.c.locked_until > now
            )
        )
        or ""
    )


async def forget_attempts(connection: AsyncConnection, subject: str) -> None:
    """Begin anew for the subject."""
    await connection.execute(delete(attempts).where(attempts.c.subject == subject))


async def forget_old(connection: AsyncConnection, *, now: str, window_began: str) -> None:
    """Drop what counts no longer."""
    await connection.execute(
        delete(attempts).where(attempts.c.window_started < window_began, attempts.c.locked_until <= now)
    )
