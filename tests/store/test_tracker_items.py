from dataclasses import replace

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from tests.support.analyses import added

from rootcoz.domain.issue import FiledIssue
from rootcoz.store.engine import Database
from rootcoz.store.review import FoundFailure
from rootcoz.store.schema import analyses
from rootcoz.store.tracker_items import (
    ItemClaim,
    ItemState,
    TrackerItem,
    add_item,
    beat_item,
    complete_item,
    drop_item,
    find_item,
    leave_item,
    load_item,
    name_comment,
    take_item,
)

FAILURE = FoundFailure("t", "", 0, 0, "0" * 64, 1, 1)
CLAIM = ItemClaim("k" * 64, "jira", "https://jira.test SHOP", "It fails", "alice", "run-1")
NOON = "2026-03-01T12:00:00.000Z"
LATER = "2026-03-01T12:01:00.000Z"
ISSUE = FiledIssue("SHOP-7", "https://jira.test/browse/SHOP-7", "It fails")


async def claimed(database: Database) -> TrackerItem:
    analysis_id = await added(database)
    async with database.write() as connection:
        return await add_item(connection, analysis_id, FAILURE, CLAIM, at=NOON)


async def now(database: Database, item: TrackerItem) -> TrackerItem | None:
    async with database.read() as connection:
        return await load_item(connection, item.id)


async def test_a_claim_is_found_by_what_it_is_for(database: Database) -> None:
    item = await claimed(database)
    async with database.read() as connection:
        found = await find_item(connection, 1, CLAIM.item_key)
        other = await find_item(connection, 1, "o" * 64)

    assert found == item
    assert other is None
    assert (item.state, item.run, item.claimed_at, item.comment_id) == (ItemState.FILING, "run-1", NOON, 0)


async def test_nothing_is_claimed_twice(database: Database) -> None:
    await claimed(database)
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await add_item(connection, 1, FAILURE, replace(CLAIM, run="run-2"), at=NOON)


async def test_it_is_completed_once(database: Database) -> None:
    item = await claimed(database)
    async with database.write() as connection:
        first = await complete_item(connection, item.id, ISSUE, at=LATER)
        second = await complete_item(connection, item.id, replace(ISSUE, key="SHOP-8"), at=LATER)
        await name_comment(connection, item.id, 5)
    filed = await now(database, item)

    assert (first, second) == (True, False)
    assert filed is not None
    assert (filed.state, filed.issue, filed.comment_id) == (ItemState.FILED, ISSUE, 5)


async def test_who_lost_it_neither_drops_nor_leaves_nor_beats_it(database: Database) -> None:
    item = await claimed(database)
    async with database.write() as connection:
        await take_item(connection, item, "run-2", at=LATER)
        await drop_item(connection, item.id, "run-1")
        await leave_item(connection, item.id, "run-1", at=NOON)
        await beat_item(connection, item.id, "run-1")
    taken = await now(database, item)

    assert taken == replace(item, run="run-2", beats=1, touched_at=LATER)


async def test_who_has_it_beats_leaves_and_drops_it(database: Database) -> None:
    item = await claimed(database)
    async with database.write() as connection:
        await beat_item(connection, item.id, "run-1")
        await leave_item(connection, item.id, "run-1", at=LATER)
    left = await now(database, item)
    async with database.write() as connection:
        await drop_item(connection, item.id, "run-1")

    assert left == replace(item, beats=1, state=ItemState.UNCLEAR, touched_at=LATER)
    assert await now(database, item) is None


async def test_what_is_filed_is_neither_left_nor_dropped(database: Database) -> None:
    item = await claimed(database)
    async with database.write() as connection:
        await complete_item(connection, item.id, ISSUE, at=LATER)
        await leave_item(connection, item.id, "run-1", at=LATER)
        await drop_item(connection, item.id, "run-1")
    filed = await now(database, item)

    assert filed is not None
    assert filed.state is ItemState.FILED


async def test_it_goes_with_its_analysis(database: Database) -> None:
    item = await claimed(database)
    async with database.write() as connection:
        await connection.execute(delete(analyses))

    assert await now(database, item) is None
