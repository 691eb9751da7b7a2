"""Issues that are filed from a result: a row each, written before the tracker is asked, so that none is filed twice."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.issue import FiledIssue
from rootcoz.store.review import FoundFailure
from rootcoz.store.schema import tracker_items


class ItemState(StrEnum):
    """How far an issue is."""

    FILING = "filing"
    """Somebody is at it, or was when they died."""
    UNCLEAR = "unclear"
    """The tracker gave no usable answer; it may be filed."""
    FILED = "filed"


@dataclass(frozen=True, slots=True)
class ItemClaim:
    """What is to be filed, and who is at it."""

    item_key: str
    """What makes two requests the same one."""
    tracker: str
    """`github` or `jira`."""
    place: str
    """The repository or project, with its server."""
    title: str
    username: str
    run: str


@dataclass(frozen=True, slots=True)
class TrackerItem:
    """A row."""

    id: int
    state: ItemState
    run: str
    beats: int
    claimed_at: str
    touched_at: str
    """When somebody last began or ended to be at it."""
    issue: FiledIssue
    """Only its title has a meaning before it is filed."""
    comment_id: int
    """0 for none."""


async def find_item(connection: AsyncConnection, analysis_id: int, item_key: str) -> TrackerItem | None:
    """The row, if there is one."""
    items = tracker_items.c
    query = select(tracker_items).where(items.analysis_id == analysis_id, items.item_key == item_key)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _item(row)


async def add_item(
    connection: AsyncConnection, analysis_id: int, failure: FoundFailure, claim: ItemClaim, *, at: str
) -> TrackerItem:
    """The new row. The analysis must be locked: nobody else may insert the same one in between."""
    await connection.execute(
        insert(tracker_items).values(
            analysis_id=analysis_id,
            item_key=claim.item_key,
            tracker=claim.tracker,
            place=claim.place,
            state=ItemState.FILING.value,
            run=claim.run,
            test_name=failure.test_name,
            child_job_name=failure.child_job_name,
            child_build_number=failure.child_build_number,
            error_signature=failure.error_signature,
            signature_version=failure.signature_version,
            username=claim.username,
            title=claim.title,
            claimed_at=at,
            touched_at=at,
        )
    )
    item = await find_item(connection, analysis_id, claim.item_key)
    if item is None:
        raise RuntimeError("the database does not have the row that was put into it")
    return item


async def load_item(connection: AsyncConnection, item_id: int) -> TrackerItem | None:
    """The row, if it is still there."""
    row = (await connection.execute(select(tracker_items).where(tracker_items.c.id == item_id))).one_or_none()
    return None if row is None else _item(row)


async def take_item(connection: AsyncConnection, item: TrackerItem, run: str, *, at: str) -> None:
    """Be at it from now on. The analysis must be locked."""
    await connection.execute(
        update(tracker_items)
        .where(tracker_items.c.id == item.id)
        .values(run=run, state=ItemState.FILING.value, beats=item.beats + 1, touched_at=at)
    )


async def beat_item(connection: AsyncConnection, item_id: int, run: str) -> None:
    """Show that somebody is still at it."""
    items = tracker_items.c
    await connection.execute(
        update(tracker_items).where(items.id == item_id, items.run == run).values(beats=items.beats + 1)
    )


async def drop_item(connection: AsyncConnection, item_id: int, run: str) -> None:
    """Forget it: it was certainly not filed."""
    items = tracker_items.c
    await connection.execute(
        delete(tracker_items).where(items.id == item_id, items.run == run, items.filed_at.is_(None))
    )


async def leave_item(connection: AsyncConnection, item_id: int, run: str, *, at: str) -> None:
    """Note that nobody is at it any more and that it is not known what came of it."""
    items = tracker_items.c
    await connection.execute(
        update(tracker_items)
        .where(items.id == item_id, items.run == run, items.filed_at.is_(None))
        .values(state=ItemState.UNCLEAR.value, touched_at=at)
    )


async def complete_item(connection: AsyncConnection, item_id: int, issue: FiledIssue, *, at: str) -> bool:
    """Note that it is filed; False when that is known already, or the row is gone."""
    items = tracker_items.c
    result = await connection.execute(
        update(tracker_items)
        .where(items.id == item_id, items.filed_at.is_(None))
        .values(
            state=ItemState.FILED.value,
            key=issue.key,
            number=issue.number,
            url=issue.url,
            title=issue.title,
            filed_at=at,
        )
    )
    return result.rowcount > 0


async def name_comment(connection: AsyncConnection, item_id: int, comment_id: int) -> None:
    """Note which comment tells of it."""
    await connection.execute(
        update(tracker_items).where(tracker_items.c.id == item_id).values(comment_id=comment_id)
    )


def _item(row: Row[Any]) -> TrackerItem:
    return TrackerItem(
        id=row.id,
        state=ItemState(row.state),
        run=row.run,
        beats=row.beats,
        claimed_at=row.claimed_at,
        touched_at=row.touched_at,
        issue=FiledIssue(key=row.key, url=row.url, title=row.title, number=row.number),
        comment_id=row.comment_id,
    )
