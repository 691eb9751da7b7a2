from rootcoz.store.engine import Database
from rootcoz.store.workers import all_beats, beat, forget_worker


async def beats(database: Database) -> dict[str, int]:
    async with database.read() as connection:
        return await all_beats(connection)


async def test_each_sign_of_life_counts(database: Database) -> None:
    for worker in ("one", "two", "one", "one"):
        async with database.write_apart() as connection:
            await beat(connection, worker)

    assert await beats(database) == {"one": 3, "two": 1}


async def test_whoever_was_struck_off_and_lives_is_entered_again(database: Database) -> None:
    async with database.write() as connection:
        await beat(connection, "one")
        await forget_worker(connection, "one")
        gone = await all_beats(connection)
        await beat(connection, "one")

    assert gone == {}
    assert await beats(database) == {"one": 1}
