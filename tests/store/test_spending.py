from rootcoz.domain.budget import NOTHING_SPENT, Spending
from rootcoz.store.engine import Database
from rootcoz.store.spending import add_spending, spent_on


async def test_each_day_is_added_up_by_itself(database: Database) -> None:
    async with database.write() as connection:
        await add_spending(connection, "2026-03-01", Spending(0.25, 100))
        await add_spending(connection, "2026-03-02", Spending(9.0, 9))
    async with database.write() as connection:
        await add_spending(connection, "2026-03-01", Spending(0.5, 20))
    async with database.read() as connection:
        days = [await spent_on(connection, f"2026-03-0{day}") for day in (1, 2, 3)]

    assert days == [Spending(0.75, 120), Spending(9.0, 9), NOTHING_SPENT]
