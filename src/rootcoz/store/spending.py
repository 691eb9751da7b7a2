"""What each UTC day cost. Unlike the calls themselves it stays when an analysis is deleted: the money is gone."""

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.budget import NOTHING_SPENT, Spending
from rootcoz.store.schema import daily_spending


async def add_spending(connection: AsyncConnection, day: str, spent: Spending) -> None:
    """Add to what the day cost. `day` as in `2026-03-01`."""
    if await _raise_day(connection, day, spent):
        return
    try:
        async with connection.begin_nested():
            await connection.execute(
                insert(daily_spending).values(day=day, cost_usd=spent.cost_usd, tokens=spent.tokens)
            )
    except IntegrityError:  # another writer began the day in this instant
        await _raise_day(connection, day, spent)


async def spent_on(connection: AsyncConnection, day: str) -> Spending:
    """What the day has cost so far."""
    row = (
        await connection.execute(
            select(daily_spending.c.cost_usd, daily_spending.c.tokens).where(daily_spending.c.day == day)
        )
    ).one_or_none()
    return NOTHING_SPENT if row is None else Spending(row.cost_usd, row.tokens)


async def _raise_day(connection: AsyncConnection, day: str, spent: Spending) -> bool:
    result = await connection.execute(
        update(daily_spending)
        .where(daily_spending.c.day == day)
        .values(
            cost_usd=daily_spending.c.cost_usd + spent.cost_usd,
            tokens=daily_spending.c.tokens + spent.tokens,
        )
    )
    return result.rowcount > 0
