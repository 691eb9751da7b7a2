from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select, update
from tests.support.analyses import added

from rootcoz.domain.failure import ErrorSignature, Failure
from rootcoz.grouping.memory import CANDIDATES, FOUND_BY_KEY, RULES, memory_keys, remember
from rootcoz.store import memory
from rootcoz.store.engine import Database
from rootcoz.store.memory import ToRemember
from rootcoz.store.schema import analyses, failure_history, overrides
from rootcoz.store.schema import memory_keys as key_rows

FAILURE = Failure("cart.test_total", "KeyError: 'invoice'", "KeyError: 'invoice'\n  at total (cart.py:3)")
OLD, NOW = ErrorSignature("a" * 64, 1), ErrorSignature("b" * 64, 2)


async def judged(
    database: Database, analysis_id: int, signature: ErrorSignature = OLD, group: int = 1
) -> None:
    """An override, and the row of history that says where its failure stands."""
    build = {"analysis_id": analysis_id, "group_number": group, "child_job_name": "", "child_build_number": 0}
    kept = {"error_signature": signature.value, "signature_version": signature.version}
    when = "2026-03-01T00:00:00.000Z"
    async with database.write() as connection:
        await connection.execute(
            insert(overrides).values(
                **build, **kept, classification="CODE ISSUE", replaced="", username="", created_at=when
            )
        )
        await connection.execute(
            insert(failure_history).values(
                **build,
                **kept,
                number=group + 6,
                job_key=1,
                job_name="nightly",
                build_number=1,
                test_key=2,
                test_name=FAILURE.test_name,
                error_message="",
                classification="",
                analyzed_at=when,
            )
        )


def to_remember(keys: Sequence[str] = ()) -> ToRemember:
    return ToRemember(NOW, FAILURE.test_name, remember(FAILURE).profile, tuple(keys) or memory_keys(FAILURE))


async def keep_all(database: Database, *kept: ToRemember | None, rules: str = RULES) -> list[int]:
    """Remember what is missing, the newest first; the ids."""
    async with database.write() as connection:
        missing = await memory.find_unremembered(connection, rules, 1_000)
        for one, failure in zip(missing, kept, strict=True):
            await memory.remember(connection, one, failure, rules)
    return [one.override_id for one in missing]


async def candidates(database: Database, *keys: str) -> list[int]:
    async with database.read() as connection:
        return await memory.find_candidates(connection, keys)


async def test_a_judged_failure_is_remembered_once_and_found_by_each_of_its_keys(database: Database) -> None:
    for name in ("job-1", "job-2"):
        await judged(database, await added(database, name))
    async with database.read() as connection:
        (missing,) = await memory.find_unremembered(connection, RULES, 10)
    ids = await keep_all(database, to_remember())
    found = {key: await candidates(database, key) for key in memory_keys(FAILURE)}
    async with database.read() as connection:
        loaded = await memory.load_remembered(connection, ids, RULES)

    assert (missing.signature, missing.number) == (OLD, 7)
    assert set(map(tuple, found.values())) == {tuple(ids)}
    assert await keep_all(database) == []
    (read,) = loaded.values()
    assert (read.signature, read.test_name) == (OLD, FAILURE.test_name)
    assert read.remembered.profile == remember(FAILURE).profile


async def test_what_older_rules_made_is_made_anew_and_names_the_signature_of_today(
    database: Database,
) -> None:
    await judged(database, await added(database, "job-1"))
    await keep_all(database, to_remember(["old key"]), rules="0.0")
    before = await candidates(database, "old key")
    async with database.read() as connection:
        unknown = await memory.older_names(connection, [NOW], RULES)
        unread = await memory.load_remembered(connection, before, RULES)
    ids = await keep_all(database, to_remember(["new key"]))
    async with database.read() as connection:
        known = await memory.older_names(connection, [NOW], RULES)

    assert (unknown, unread) == ({}, {})
    assert known == {OLD: NOW}
    assert await candidates(database, "old key") == []
    assert await candidates(database, "new key") == ids


async def test_a_text_that_cannot_be_read_is_not_tried_again(database: Database) -> None:
    await judged(database, await added(database, "job-1"))
    ids = await keep_all(database, None)
    async with database.read() as connection:
        loaded = await memory.load_remembered(connection, ids, RULES)
        anything = await memory.remembers_anything(connection)

    assert len(ids) == 1
    assert await keep_all(database) == []
    assert (loaded, anything) == ({}, False)


async def test_what_was_taken_back_needs_no_memory_and_a_deleted_analysis_leaves_none(
    database: Database,
) -> None:
    first, second = await added(database, "job-1"), await added(database, "job-2")
    await judged(database, first)
    await judged(database, second)
    await keep_all(database, to_remember())
    async with database.write() as connection:
        await connection.execute(delete(analyses).where(analyses.c.id == second))
        keys = await connection.scalar(select(func.count()).select_from(key_rows))
        again = await memory.find_unremembered(connection, RULES, 10)
        await connection.execute(update(overrides).values(undone_at="2026-03-02T00:00:00.000Z"))
        undone = await memory.find_unremembered(connection, RULES, 10)

    assert keys == 0
    assert [one.analysis_id for one in again] == [first]
    assert undone == []


async def test_rare_keys_count_for_more_and_the_effort_is_bounded(database: Database) -> None:
    analysis_id = await added(database, "job-1")
    many = CANDIDATES + 50
    for number in range(many):
        await judged(database, analysis_id, ErrorSignature(f"{number:064x}", 1), number)
    ids = await keep_all(
        database,
        *(
            to_remember(["suite", f"place {place % 3}", *(["rare"] if place == many - 1 else [])])
            for place in range(many)
        ),
    )

    assert await candidates(database, "suite") == ids[:FOUND_BY_KEY]
    assert (await candidates(database, "suite", "rare"))[0] == ids[-1]
    assert len(await candidates(database, "suite", "place 0", "place 1", "place 2", "rare")) == CANDIDATES
    assert await candidates(database) == []
