"""Whom comments speak to, and what of it was read. Rows go with their comment."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.account import name_key
from rootcoz.domain.mention import Mention, spoken_to
from rootcoz.store.schema import analyses, comments, mentions, users

_IDS_AT_ONCE = 500


async def add_mentions(connection: AsyncConnection, comment_id: int, text: str) -> list[str]:
    """Keep whom the comment speaks to, in the transaction of the comment; their name keys."""
    spoken = spoken_to(text)
    if not spoken:
        return []
    wanted = {name for choices in spoken for name in choices}
    known = set(await connection.scalars(select(users.c.name_key).where(users.c.name_key.in_(wanted))))
    names = list(
        dict.fromkeys(next((name for name in choices if name in known), choices[-1]) for choices in spoken)
    )
    rows = [{"comment_id": comment_id, "name_key": name} for name in names]
    await connection.execute(insert(mentions), rows)
    return names


async def list_mentions(
    connection: AsyncConnection, username: str, *, offset: int, limit: int, unread_only: bool
) -> list[Mention]:
    """What speaks to the user, the newest first."""
    query = (
        select(comments, analyses.c.job_id, mentions.c.read_at)
        .select_from(mentions)
        .join(comments, comments.c.id == mentions.c.comment_id)
        .join(analyses, analyses.c.id == comments.c.analysis_id)
        .where(*_of(username, unread_only=unread_only))
        .order_by(mentions.c.comment_id.desc())
    )
    return [
        Mention(
            id=row.id,
            job_id=row.job_id,
            test_name=row.test_name,
            child_job_name=row.child_job_name,
            child_build_number=row.child_build_number,
            comment=row.comment,
            username=row.username,
            created_at=row.created_at,
            is_read=row.read_at is not None,
        )
        for row in await connection.execute(query.offset(offset).limit(limit))
    ]


async def count_mentions(connection: AsyncConnection, username: str, *, unread_only: bool) -> int:
    """How many comments speak to the user."""
    query = select(func.count()).select_from(mentions).where(*_of(username, unread_only=unread_only))
    return int(await connection.scalar(query) or 0)


async def mark_read(
    connection: AsyncConnection, username: str, at: str, comment_ids: Collection[int] | None = None
) -> int:
    """Mark these, or all, as read; how many were not. Ids that speak to somebody else, or are none, do no harm."""
    change = update(mentions).where(*_of(username, unread_only=True)).values(read_at=at)
    if comment_ids is None:
        return (await connection.execute(change)).rowcount
    marked, ids = 0, sorted(set(comment_ids))
    for first in range(0, len(ids), _IDS_AT_ONCE):
        part = mentions.c.comment_id.in_(ids[first : first + _IDS_AT_ONCE])
        marked += (await connection.execute(change.where(part))).rowcount
    return marked


def _of(username: str, *, unread_only: bool) -> tuple[Any, ...]:
    mine = mentions.c.name_key == name_key(username)
    return (mine, mentions.c.read_at.is_(None)) if unread_only else (mine,)
