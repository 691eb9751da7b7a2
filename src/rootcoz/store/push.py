"""Browsers that want to be told, and the keys of this server that they know."""

import hashlib
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.account import name_key
from rootcoz.domain.notification import PushSubscription
from rootcoz.kit.sealed import Seal
from rootcoz.store import sealing
from rootcoz.store.schema import push_subscriptions, shared_keys

SUBSCRIPTIONS_KEPT = 10
"""Of one person, the newest: a browser subscribes anew now and then and never says that it is gone."""


async def add_subscription(
    connection: AsyncConnection, username: str, *, endpoint: str, p256dh_key: str, auth_key: str, now: str
) -> None:
    """Keep it. An endpoint that somebody else had is this person's from now on; the oldest beyond ten go."""
    values = {
        "name_key": name_key(username),
        "endpoint": endpoint,
        "p256dh_key": p256dh_key,
        "auth_key": auth_key,
        "subscribed_at": now,
    }
    change = update(push_subscriptions).where(_is(endpoint)).values(values)
    if not (await connection.execute(change)).rowcount:
        try:
            async with connection.begin_nested():
                await connection.execute(
                    insert(push_subscriptions).values(**values, endpoint_digest=_digest(endpoint))
                )
        except IntegrityError:  # somebody else was quicker
            await connection.execute(change)
    subscribed = push_subscriptions.c
    surplus = (
        select(subscribed.id)
        .where(subscribed.name_key == name_key(username))
        .order_by(subscribed.subscribed_at.desc(), subscribed.id.desc())
        .offset(SUBSCRIPTIONS_KEPT)
    )
    if gone := list(await connection.scalars(surplus)):
        await connection.execute(delete(push_subscriptions).where(subscribed.id.in_(gone)))


async def remove_subscription(connection: AsyncConnection, username: str, endpoint: str) -> bool:
    """Forget it with what was to be sent there; False when this person has no such one."""
    mine = push_subscriptions.c.name_key == name_key(username)
    return (await connection.execute(delete(push_subscriptions).where(_is(endpoint), mine))).rowcount > 0


async def drop_subscription(connection: AsyncConnection, subscription_id: int) -> None:
    """Forget one that its push service does not know any more."""
    await connection.execute(delete(push_subscriptions).where(push_subscriptions.c.id == subscription_id))


async def find_subscription(connection: AsyncConnection, subscription_id: int) -> PushSubscription | None:
    """The one of that number."""
    query = select(push_subscriptions).where(push_subscriptions.c.id == subscription_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _subscription(row)


async def subscriptions_of(connection: AsyncConnection, name_keys: Collection[str]) -> list[PushSubscription]:
    """Those of these people, the newest ten of each."""
    rows = await connection.execute(
        select(push_subscriptions)
        .where(push_subscriptions.c.name_key.in_(name_keys))
        .order_by(push_subscriptions.c.subscribed_at.desc(), push_subscriptions.c.id.desc())
    )
    found: dict[str, list[PushSubscription]] = {}
    for row in rows:
        own = found.setdefault(row.name_key, [])
        if len(own) < SUBSCRIPTIONS_KEPT:
            own.append(_subscription(row))
    return [one for own in found.values() for one in own]


async def shared_key(connection: AsyncConnection, name: str, seal: Seal, proposal: bytes) -> bytes:
    """The key of that name for all processes on this database: the one that is there, else `proposal`.

    Raises kit.sealed.Unreadable for one that was sealed with another key.
    """
    place = sealing.place_of(shared_keys, name=name)
    try:
        async with connection.begin_nested():
            sealed = await sealing.close(connection, seal, proposal, place=place)
            await connection.execute(insert(shared_keys).values(name=name, sealed=sealed))
    except IntegrityError:
        pass  # it is there
    kept = await connection.scalar(select(shared_keys.c.sealed).where(shared_keys.c.name == name))
    if kept is None:
        raise RuntimeError("a key that was just written is not there")
    return await sealing.open_(connection, seal, kept, place=place)


def _digest(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode("utf-8")).hexdigest()


def _is(endpoint: str) -> Any:  # noqa: ANN401 - a clause of SQLAlchemy
    return push_subscriptions.c.endpoint_digest == _digest(endpoint)


def _subscription(row: Row[Any]) -> PushSubscription:
    return PushSubscription(row.id, row.endpoint, row.p256dh_key, row.auth_key)
