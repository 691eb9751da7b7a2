from typing import Any

import pytest
from sqlalchemy import delete, text
from tests.support.history import add_run, row

from rootcoz.store import search
from rootcoz.store.engine import Database
from rootcoz.store.schema import analyses
from rootcoz.store.search import TextIndex, count_found, find_page

MESSAGES = [
    "100% of disk used",
    "100 of disk used",
    "user_name is unknown",
    "username is unknown",
    'said "hello" and \\ left',
    "Grüße aus der STRASSE",
    "ends with xy",
]


async def fill_all(index: TextIndex, rows: int = 250) -> None:
    await index.make()
    while await index.fill(rows):
        pass


async def found(database: Database, index: TextIndex, term: str, **page: int) -> list[str]:
    """The messages of the rows that are found, checked against the count."""
    async with database.read() as connection:
        ids = await find_page(connection, index, term, [], **{"limit": 50, "offset": 0, **page})
        total = await count_found(connection, index, term, [])
        if not page:
            assert total == len(ids)
        messages: dict[int, str] = dict(
            (await connection.execute(text("SELECT id, error_message FROM failure_history"))).all()
        )
    return [messages[number] for number in ids]


@pytest.fixture(params=["no index", "an empty index", "half an index", "a full index"])
async def searched(database: Database, request: pytest.FixtureRequest) -> TextIndex:
    """The messages, in each state that the index can be in; what is found must be the same in all."""
    index = TextIndex(database)
    half = len(MESSAGES) // 2
    if request.param in {"an empty index", "half an index"}:
        await index.make()
    await add_run(database, "old", [row("t", error_message=message) for message in MESSAGES[:half]])
    if request.param == "half an index":
        await fill_all(index)
    await add_run(database, "new", [row("t", error_message=message) for message in MESSAGES[half:]], build=2)
    if request.param == "a full index":
        await fill_all(index, rows=2)
    return index


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("100%", ["100% of disk used"]),
        ("0% of", ["100% of disk used"]),
        ("user_name", ["user_name is unknown"]),
        ("r_n", ["user_name is unknown"]),
        ("UNKNOWN", ["username is unknown", "user_name is unknown"]),
        ('"hello"', ['said "hello" and \\ left']),
        ("\\ left", ['said "hello" and \\ left']),
        ("Grüße", ["Grüße aus der STRASSE"]),
        ("strasse", ["Grüße aus der STRASSE"]),
        ("disk", ["100 of disk used", "100% of disk used"]),
        ("absent", []),
        ("used\nt", []),
        ("%", ["100% of disk used"]),
        ("_", ["user_name is unknown"]),
        ("XY", ["ends with xy"]),
        ("disk used " * 100, []),
    ],
)
async def test_a_term_is_found_as_it_stands_wherever_the_index_is(
    database: Database, searched: TextIndex, term: str, expected: list[str]
) -> None:
    assert await found(database, searched, term) == expected


async def test_pages_fit_together_across_the_end_of_the_index(database: Database) -> None:
    index = TextIndex(database)
    await add_run(database, "old", [row("t", error_message=f"needle {n}") for n in range(5)])
    await fill_all(index)
    await add_run(database, "new", [row("t", error_message=f"needle {n}") for n in range(5, 8)], build=2)
    pages = [await found(database, index, "needle", limit=2, offset=offset) for offset in range(0, 10, 2)]

    assert [message for page in pages for message in page] == [f"needle {n}" for n in range(7, -1, -1)]


async def test_a_deleted_failure_is_not_found_and_its_place_is_never_taken(database: Database) -> None:
    index = TextIndex(database)
    await add_run(database, "gone", [row("t", error_message="needle in the old hay")])
    await fill_all(index)
    async with database.write() as connection:
        await connection.execute(delete(analyses))
    await add_run(
        database, "other", [row("t", error_message="straw"), row("t", error_message="needle again")]
    )
    before = await found(database, index, "needle")
    await fill_all(index)

    assert before == await found(database, index, "needle") == ["needle again"]


async def test_a_short_term_is_looked_for_among_the_newest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = TextIndex(database)
    await add_run(database, "a", [row("t", error_message=f"xy {n}") for n in range(5)])
    monkeypatch.setattr(search, "SHORT_TERM_ROWS", 2)

    assert await found(database, index, "xy") == ["xy 4", "xy 3"]
    assert len(await found(database, index, "xy ")) == 5


async def test_an_index_that_was_filled_before_a_restart_is_used_again(database: Database) -> None:
    await add_run(database, "a", [row("t", error_message="needle")])
    await fill_all(TextIndex(database))
    restarted = TextIndex(database)
    await restarted.make()

    assert await restarted.fill() is False
    assert await found(database, restarted, "needle") == ["needle"]


async def test_the_index_is_asked_first_also_with_other_filters(database: Database) -> None:
    index = TextIndex(database)
    await add_run(database, "a", [row("t", error_message="needle")])
    await fill_all(index)
    async with database.read() as connection:
        if connection.dialect.name != "sqlite":
            pytest.skip("PostgreSQL decides by what it knows of the rows")
        for where in ([], search.Range(above=0, up_to=9).conditions()):
            query = search._candidates(connection, "needle", where, 9)
            compiled = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
            plan: list[Any] = list(await connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}")))

            assert "VIRTUAL TABLE" in plan[0].detail
