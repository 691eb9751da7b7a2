"""Users and their API keys.

Whoever changes who is an administrator locks the administrators' rows first (`lock_admins`), so that two such changes
never look at the same moment. SQLite has a single writer and needs no locks of rows; PostgreSQL takes them.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.account import Account, Role, name_key
from rootcoz.kit.sealed import Seal
from rootcoz.store.schema import api_keys, users

_ACCOUNT = (users.c.id, users.c.username, users.c.role, users.c.created_at, users.c.last_seen)

_SHOWN = 14
"""First characters of a random key by which its owner recognises it: `rootcoz_` and six of 43."""


class NameTaken(Exception):
    """There is a user of that name already."""


class KeyTaken(Exception):
    """The key belongs to somebody already."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be stored. Its secret is known to its owner alone: a digest and the first characters are kept."""

    id: str
    name: str
    secret: str
    generated: bool
    """Whether it is random; one that a person chose could be guessed."""
    expires_at: str | None = None

    @property
    def prefix(self) -> str:
        """Its first characters, by which its owner recognises it; none of one that a person chose."""
        return self.secret[:_SHOWN] if self.generated else ""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as its owner sees it again."""

    id: str
    name: str
    prefix: str
    """Its first characters; empty for one that a person chose."""
    created_at: str
    last_used: str | None
    expires_at: str | None


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Whom a key belongs to."""

    account: Account
    key_id: str
    generated: bool
    expires_at: str | None
    last_used: str | None


async def list_accounts(connection: AsyncConnection) -> list[Account]:
    """All users, by name."""
    rows = await connection.execute(select(*_ACCOUNT).order_by(users.c.name_key))
    return [_account(row) for row in rows]


async def find_account(connection: AsyncConnection, username: str, *, lock: bool = False) -> Account | None:
    """The user of that name. `lock`: nobody else changes the row before this transaction ends."""
    query = select(*_ACCOUNT).where(users.c.name_key == name_key(username))
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _account(row)


async def lock_admins(connection: AsyncConnection) -> list[Account]:
    """The stored administrators, whose number nobody else lowers before this transaction ends."""
    rows = await connection.execute(
        select(*_ACCOUNT).where(users.c.role == Role.ADMIN).order_by(users.c.id).with_for_update()
    )
    return [_account(row) for row in rows]


async def has_admin_with_key(connection: AsyncConnection, now: str) -> bool:
    """Whether a stored administrator holds a key that is valid at `now`."""
    found = await connection.scalar(
        select(api_keys.c.id)
        .join(users, users.c.id == api_keys.c.user_id)
        .where(users.c.role == Role.ADMIN, _valid(now))
        .limit(1)
    )
    return found is not None


async def holds_key(connection: AsyncConnection, username: str) -> bool:
    """Whether the user of that name has a key, valid or not."""
    query = select(api_keys.c.id).join(users, users.c.id == api_keys.c.user_id)
    return await connection.scalar(query.where(users.c.name_key == name_key(username)).limit(1)) is not None


async def add_account(connection: AsyncConnection, username: str, role: Role, now: str) -> int:
    """Add a user; the new row's id. Raises NameTaken, and the transaction can go on."""
    try:
        async with connection.begin_nested():
            done = await connection.execute(
                insert(users).values(
                    username=username, name_key=name_key(username), role=role, created_at=now, last_seen=None
                )
            )
    except IntegrityError:
        raise NameTaken(username) from None
    if done.inserted_primary_key is None:
        raise TypeError("the database gave the new row no number")
    return int(done.inserted_primary_key[0])


async def add_seen(connection: AsyncConnection, username: str, now: str, *, limit: int | None) -> None:
    """Add a user who was here, unless there is one of that name or there are `limit` users already."""
    if limit is not None and (await connection.scalar(select(func.count()).select_from(users)) or 0) >= limit:
        return
    with suppress(NameTaken):
        account_id = await add_account(connection, username, Role.USER, now)
        await connection.execute(update(users).where(users.c.id == account_id).values(last_seen=now))


async def set_role(connection: AsyncConnection, account_id: int, role: Role) -> None:
    """Change what a user may do."""
    await connection.execute(update(users).where(users.c.id == account_id).values(role=role))


async def delete_account(connection: AsyncConnection, account_id: int) -> None:
    """Delete a user with keys, sessions and saved tokens."""
    await connection.execute(delete(users).where(users.c.id == account_id))


async def mark_seen(connection: AsyncConnection, username: str, now: str, unless_since: str) -> bool:
    """Note that the user was here, unless that was noted after `unless_since`. False: there is no such user."""
    mine = users.c.name_key == name_key(username)
    stale = or_(users.c.last_seen.is_(None), users.c.last_seen < unless_since)
    done = await connection.execute(update(users).where(mine, stale).values(last_seen=now))
    return bool(done.rowcount) or await connection.scalar(select(users.c.id).where(mine)) is not None


async def add_key(connection: AsyncConnection, account_id: int, key: NewKey, seal: Seal, now: str) -> None:
    """Give the user a key. Raises KeyTaken."""
    try:
        async with connection.begin_nested():
            await connection.execute(
                insert(api_keys).values(
                    id=key.id,
                    user_id=account_id,
                    name=key.name,
                    prefix=key.prefix,
                    digest=_digest(key.secret, seal),
                    generated=int(key.generated),
                    created_at=now,
                    expires_at=key.expires_at,
                )
            )
    except IntegrityError:
        raise KeyTaken from None


async def list_keys(connection: AsyncConnection, account_id: int) -> list[StoredKey]:
    """The user's keys, the newest first."""
    rows = await connection.execute(
        select(
            api_keys.c.id,
            api_keys.c.name,
            api_keys.c.prefix,
            api_keys.c.created_at,
            api_keys.c.last_used,
            api_keys.c.expires_at,
        )
        .where(api_keys.c.user_id == account_id)
        .order_by(api_keys.c.created_at.desc(), api_keys.c.id)
    )
    return [StoredKey(*row) for row in rows]


async def delete_keys(connection: AsyncConnection, account_id: int, key_ids: Sequence[str] = ()) -> int:
    """Delete these keys of the user, or all, with the sessions begun with them; how many there were."""
    query = delete(api_keys).where(api_keys.c.user_id == account_id)
    done = await connection.execute(query.where(api_keys.c.id.in_(key_ids)) if key_ids else query)
    return done.rowcount


async def find_holder(connection: AsyncConnection, secret: str, seal: Seal, now: str) -> KeyHolder | None:
    """Whom the key belongs to, if it is valid at `now`."""
    row = (
        await connection.execute(
            select(
                *_ACCOUNT,
                api_keys.c.id.label("key_id"),
                api_keys.c.generated,
                api_keys.c.expires_at,
                api_keys.c.last_used,
            )
            .join(users, users.c.id == api_keys.c.user_id)
            .where(api_keys.c.digest == _digest(secret, seal), _valid(now))
        )
    ).one_or_none()
    if row is None:
        return None
    return KeyHolder(_account(row), row.key_id, bool(row.generated), row.expires_at, row.last_used)


async def mark_key_used(connection: AsyncConnection, key_id: str, now: str, unless_since: str) -> None:
    """Note that the key was used, unless that was noted after `unless_since`."""
    stale = or_(api_keys.c.last_used.is_(None), api_keys.c.last_used < unless_since)
    await connection.execute(update(api_keys).where(api_keys.c.id == key_id, stale).values(last_used=now))


def _digest(secret: str, seal: Seal) -> str:
    return seal.digest(f"api_key {secret}")


def _valid(now: str) -> Any:  # noqa: ANN401 - a clause of SQLAlchemy
    return or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)


def _account(row: Any) -> Account:  # noqa: ANN401 - a row of users
    return Account(row.id, row.username, Role(row.role), row.created_at, row.last_seen)
