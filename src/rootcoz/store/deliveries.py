"""Messages to the outside: written with what they tell of, sent later, and kept for a while to be looked at.

Whoever sends one claims it first: it is not due again before the claim has run out. A process that dies while it
sends leaves its claims to run out, and the message is tried again under the same id.
"""

import hashlib
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.notification import (
    AnnouncedGroup,
    Announcement,
    Delivery,
    DeliveryState,
    Event,
)
from rootcoz.store.schema import analyses, deliveries

ERROR_LIMIT = 500
"""Characters that are kept of why an attempt failed."""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to be sent."""

    channel: str
    announcement: Announcement
    once: tuple[object, ...]
    """What it tells of: the same to the same channel is told once."""
    analysis_id: int | None = None
    subscription_id: int | None = None
    comment_id: int | None = None
    due_at: str = ""
    """When it is first tried; empty: at once."""


async def add_delivery(connection: AsyncConnection, new: NewDelivery, now: str) -> str | None:
    """Keep it, to be sent once this transaction is committed; its id. None when it was told before."""
    delivery_id = uuid.uuid4().hex
    once = orjson.dumps([new.channel, new.announcement.event, *map(str, new.once)])
    try:
        async with connection.begin_nested():
            await connection.execute(
                insert(deliveries).values(
                    id=delivery_id,
                    channel=new.channel,
                    event=new.announcement.event,
                    once_key=hashlib.sha256(once).hexdigest(),
                    analysis_id=new.analysis_id,
                    subscription_id=new.subscription_id,
                    comment_id=new.comment_id,
                    body=orjson.dumps(asdict(new.announcement)),
                    state=DeliveryState.PENDING,
                    due_at=new.due_at or now,
                    created_at=now,
                )
            )
    except IntegrityError:
        return None
    return delivery_id


async def due_deliveries(
    connection: AsyncConnection, now: str, limit: int, *, but: Collection[str] = ()
) -> list[Delivery]:
    """Messages whose time has come, those that wait longest first; none of the channels of `but`."""
    query = (
        _query()
        .where(
            deliveries.c.state == DeliveryState.PENDING,
            deliveries.c.due_at <= now,
            deliveries.c.channel.not_in(but),
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
    )
    return [_delivery(row) for row in await connection.execute(query.limit(limit))]


async def claim(connection: AsyncConnection, delivery: Delivery, until: str) -> bool:
    """Become the one who sends it, and count the attempt; False when somebody else did, or it is gone."""
    done = await connection.execute(
        update(deliveries)
        .where(
            deliveries.c.id == delivery.id,
            deliveries.c.state == DeliveryState.PENDING,
            deliveries.c.attempts == delivery.attempts,
            deliveries.c.due_at == delivery.due_at,
        )
        .values(attempts=delivery.attempts + 1, due_at=until)
    )
    return done.rowcount > 0


async def finish(
    connection: AsyncConnection, delivery_id: str, state: DeliveryState, error: str, now: str
) -> None:
    """Note how it ended."""
    await _change(
        connection, delivery_id, {"state": state, "last_error": error[:ERROR_LIMIT], "finished_at": now}
    )


async def put_off(connection: AsyncConnection, delivery_id: str, error: str, due_at: str) -> None:
    """Note that an attempt failed and when the next one is made."""
    await _change(connection, delivery_id, {"last_error": error[:ERROR_LIMIT], "due_at": due_at})


async def _change(connection: AsyncConnection, delivery_id: str, values: Mapping[str, object]) -> None:
    pending = deliveries.c.state == DeliveryState.PENDING
    await connection.execute(
        update(deliveries).where(deliveries.c.id == delivery_id, pending).values(**values)
    )


async def find_delivery(connection: AsyncConnection, delivery_id: str) -> Delivery | None:
    """The message of that id."""
    row = (await connection.execute(_query().where(deliveries.c.id == delivery_id))).one_or_none()
    return None if row is None else _delivery(row)


async def list_deliveries(
    connection: AsyncConnection,
    limit: int,
    *,
    channel: str | None = None,
    state: DeliveryState | None = None,
    before: str | None = None,
) -> list[Delivery]:
    """The newest messages that fit; `before` is the id of one, and only older ones are wanted."""
    query = _query().order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc()).limit(limit)
    if channel is not None:
        query = query.where(deliveries.c.channel == channel)
    if state is not None:
        query = query.where(deliveries.c.state == state)
    if before is not None:
        mark = (
            await connection.execute(
                select(deliveries.c.created_at, deliveries.c.id).where(deliveries.c.id == before)
            )
        ).one_or_none()
        if mark is None:
            return []
        query = query.where(
            (deliveries.c.created_at < mark.created_at)
            | ((deliveries.c.created_at == mark.created_at) & (deliveries.c.id < mark.id))
        )
    return [_delivery(row) for row in await connection.execute(query)]


async def forget_finished(connection: AsyncConnection, before: str) -> int:
    """Remove messages that were finished before that moment; how many."""
    old = deliveries.c.state != DeliveryState.PENDING, deliveries.c.created_at < before
    return (
        await connection.execute(delete(deliveries).where(*old, deliveries.c.finished_at < before))
    ).rowcount


def _query() -> Any:  # noqa: ANN401 - a select of SQLAlchemy
    return select(deliveries, analyses.c.job_id).outerjoin(
        analyses, analyses.c.id == deliveries.c.analysis_id
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        channel=row.channel,
        event=Event(row.event),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        last_error=row.last_error,
        created_at=row.created_at,
        finished_at=row.finished_at,
        job_id=row.job_id or "",
        announcement=_announcement(row.body),
        subscription_id=row.subscription_id,
    )


def _announcement(body: bytes) -> Announcement:
    """The announcement as `add_delivery` wrote it."""
    fields: dict[str, Any] = orjson.loads(body)
    groups = tuple(AnnouncedGroup(**group) for group in fields.pop("groups"))
    return Announcement(**{**fields, "event": Event(fields["event"]), "groups": groups})
