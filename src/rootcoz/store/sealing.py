"""Sealed values in the database, and the ring of keys that they are sealed with.

The row of `keyring` names the key for new values. Whoever seals shares a lock on it until the value is committed, and a
rotation changes it alone: once that is done, no value sealed with the former key can come any more, from any process.
A process that meets a key it does not know takes it from `encryption_keys`, or from where its own key came from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Table, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.errors import StoreUnavailable
from rootcoz.kit.sealed import NAME_SIZE, Seal, Unreadable, key_id_of, name_of
from rootcoz.store.schema import (
    api_keys,
    encryption_keys,
    keyring,
    request_secrets,
    shared_keys,
    user_tokens,
)

log = structlog.get_logger()

PLACES: Mapping[Table, str] = {
    request_secrets: "request_secrets {analysis_id}",
    user_tokens: "user_tokens {user_id} {name}",
    shared_keys: "shared_keys {name}",
}
"""Every table with a column `sealed`, and what its values are sealed for, from the row's key."""
_DIGEST_PLACE = "keyring digest_key"
_BATCH = 100


class KeyLost(Exception):
    """Values were sealed with a key that is not there."""

    def __init__(self, key_id: str, rotated_at: str | None = None) -> None:
        super().__init__(key_id)
        self.key_id = key_id
        self.rotated_at = rotated_at


@dataclass(frozen=True, slots=True)
class Ring:
    """The state of the ring."""

    key_id: str
    rotated_at: str | None


def place_of(table: Table, **key: object) -> str:
    """What the value of that row is sealed for."""
    return PLACES[table].format(**key)


async def close(connection: AsyncConnection, seal: Seal, value: bytes, *, place: str) -> bytes:
    """Seal with the key that counts when this transaction is committed. Raises StoreUnavailable."""
    current = await connection.scalar(
        select(keyring.c.key_id).where(keyring.c.id == 1).with_for_update(read=True)
    )
    if current is None:  # a ring that was never stored has one key
        return seal.close(value, place=place)
    if not seal.knows(current):
        await take_up(connection, seal)
    if not seal.knows(current):
        raise StoreUnavailable(
            f"credentials are sealed with a new key ({current}) that this process does not have; restart it with that "
            "key"
        )
    seal.key_id = current
    return seal.close(value, place=place, key_id=current)


async def open_(connection: AsyncConnection, seal: Seal, sealed: bytes, *, place: str) -> bytes:
    """The value again. Raises kit.sealed.Unreadable."""
    if not seal.knows(key_id_of(sealed)):
        await take_up(connection, seal)
    return seal.open(sealed, place=place)


async def take_up(connection: AsyncConnection, seal: Seal) -> None:
    """Learn the keys that there are by now."""
    # In this order: a rotation puts the new key where the old one was before it deletes these rows.
    rows = (await connection.execute(select(encryption_keys))).all()
    seal.look_again()
    missing = {row.key_id: row for row in rows if not seal.knows(row.key_id)}
    while openable := [row for row in missing.values() if seal.knows(row.opened_by)]:
        for row in openable:
            del missing[row.key_id]
            try:
                seal.add(seal.open(row.sealed, place=_key_place(row.key_id)).decode("utf-8"))
            except Unreadable as error:
                log.warning("encryption_key_unreadable", key=row.key_id, reason=str(error))


async def open_ring(connection: AsyncConnection, seal: Seal) -> Ring:
    """Make the seal the ring of this database, which is begun if there is none. Raises KeyLost."""
    row = (await connection.execute(select(keyring).where(keyring.c.id == 1))).one_or_none()
    if row is None:
        await _begin_ring(connection, seal)
        row = (await connection.execute(select(keyring).where(keyring.c.id == 1))).one()
    await take_up(connection, seal)
    if not seal.knows(row.key_id):
        raise KeyLost(row.key_id, row.rotated_at)
    try:
        seal.digest_with(seal.open(row.sealed_digest_key, place=_DIGEST_PLACE))
    except Unreadable:
        raise KeyLost(row.key_id, row.rotated_at) from None
    seal.key_id = row.key_id
    return Ring(row.key_id, row.rotated_at)


async def _begin_ring(connection: AsyncConnection, seal: Seal) -> None:
    """A database of an older version may hold values already: their key is the ring's."""
    seal.look_again()
    used = await keys_in_use(connection)
    for key_id in used:
        if not seal.knows(key_id):
            raise KeyLost(key_id)
    key_id = seal.first_id if seal.first_id in used or not used else min(used)
    try:
        async with connection.begin_nested():
            await connection.execute(
                insert(keyring).values(
                    id=1,
                    key_id=key_id,
                    sealed_digest_key=seal.close(
                        seal.digest_key_of(key_id), place=_DIGEST_PLACE, key_id=key_id
                    ),
                )
            )
    except IntegrityError:
        return  # another process has just begun it


async def keys_in_use(connection: AsyncConnection) -> dict[str, int]:
    """How many values are sealed with each key."""
    found: dict[str, int] = {}
    for table in PLACES:
        head = func.substr(table.c.sealed, 1, NAME_SIZE)
        for name, count in await connection.execute(select(head, func.count()).group_by(head)):
            key_id = key_id_of(bytes(name))
            found[key_id] = found.get(key_id, 0) + count
    return found


# --- rotation --------------------------------------------------------------------------------------


async def change_key(connection: AsyncConnection, seal: Seal, new_id: str, now: str) -> None:
    """Have everything sealed with the key `new_id` of the seal from the end of this transaction on.

    Waits for those who are sealing. The new key is kept, sealed with the former one, for processes that have only that.
    """
    row = (await connection.execute(select(keyring).where(keyring.c.id == 1).with_for_update())).one()
    if row.key_id == new_id:
        return
    digest_key = seal.open(row.sealed_digest_key, place=_DIGEST_PLACE)
    await connection.execute(delete(encryption_keys).where(encryption_keys.c.key_id == new_id))
    await connection.execute(
        insert(encryption_keys).values(
            key_id=new_id,
            opened_by=row.key_id,
            sealed=seal.close(
                seal.secret_of(new_id).encode("utf-8"), place=_key_place(new_id), key_id=row.key_id
            ),
            created_at=now,
        )
    )
    await connection.execute(
        update(keyring)
        .where(keyring.c.id == 1)
        .values(
            key_id=new_id,
            sealed_digest_key=seal.close(digest_key, place=_DIGEST_PLACE, key_id=new_id),
            rotated_at=now,
        )
    )
    seal.key_id = new_id


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of some values of a table."""

    last: tuple[Any, ...] | None
    """The key of the last row; None: there are no more."""
    sealed_anew: int
    unreadable: int


async def seal_anew(
    connection: AsyncConnection, seal: Seal, table: Table, key_id: str, after: tuple[Any, ...] | None
) -> Batch:
    """Seal the next rows of the table that have another key, those behind the row `after`, with `key_id`."""
    key = list(table.primary_key.columns)
    query = (
        select(*key, table.c.sealed)
        .where(func.substr(table.c.sealed, 1, NAME_SIZE) != name_of(key_id))
        .order_by(*key)
        .limit(_BATCH)
        .with_for_update()
    )
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))
    rows = (await connection.execute(query)).all()
    done = unreadable = 0
    for *values, sealed in rows:
        named = {column.name: value for column, value in zip(key, values, strict=True)}
        place = place_of(table, **named)
        try:
            opened = await open_(connection, seal, sealed, place=place)
        except Unreadable:
            unreadable += 1
            continue
        await connection.execute(
            update(table)
            .where(*(column == value for column, value in zip(key, values, strict=True)))
            .values(sealed=seal.close(opened, place=place, key_id=key_id))
        )
        done += 1
    return Batch(tuple(rows[-1][:-1]) if rows else None, done, unreadable)


async def kept_keys(connection: AsyncConnection) -> set[str]:
    """The keys of rotations that are not finished."""
    return set((await connection.execute(select(encryption_keys.c.key_id))).scalars())


async def forget_keys(connection: AsyncConnection) -> None:
    """End the rotation: what a former key opens is not kept any longer."""
    await connection.execute(delete(encryption_keys))


async def abandon(connection: AsyncConnection, seal: Seal) -> tuple[int, int]:
    """Delete what nobody can read any more, and all keys of users; how many values and keys. Begins a new ring."""
    await take_up(connection, seal)
    gone = 0
    for table in PLACES:
        head = func.substr(table.c.sealed, 1, NAME_SIZE)
        known = [name_of(one) for one in seal.key_ids()]
        gone += (await connection.execute(delete(table).where(head.not_in(known)))).rowcount
    keys = (await connection.execute(delete(api_keys))).rowcount
    await connection.execute(delete(encryption_keys))
    await connection.execute(delete(keyring))
    await _begin_ring(connection, seal)
    return gone, keys


def _key_place(key_id: str) -> str:
    return f"encryption_keys {key_id}"
