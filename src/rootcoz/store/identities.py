"""Whom identity providers know, and which users those are."""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.account import Account, Role
from rootcoz.store.schema import api_keys, identities, sessions, user_tokens, users


class IdentityTaken(Exception):
    """Somebody has just stored the same identity."""


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """An identity that is some user's."""

    id: str
    account: Account


async def find_identity(connection: AsyncConnection, issuer: str, subject: str) -> KnownIdentity | None:
    """The identity of that subject at that issuer."""
    row = (
        await connection.execute(
            select(
                identities.c.id.label("identity_id"),
                users.c.id,
                users.c.username,
                users.c.role,
                users.c.created_at,
                users.c.last_seen,
            )
            .join(users, users.c.id == identities.c.user_id)
            .where(identities.c.digest == _digest(issuer, subject))
        )
    ).one_or_none()
    if row is None:
        return None
    account = Account(row.id, row.username, Role(row.role), row.created_at, row.last_seen)
    return KnownIdentity(row.identity_id, account)


async def add_identity(
    connection: AsyncConnection, account_id: int, issuer: str, subject: str, now: str, *, linked: bool
) -> str:
    """Make the identity that user's; its id. The name counts as proven from now on. Raises IdentityTaken.

    `linked`: the user was there before, and somebody signed in as them wanted it.
    """
    identity_id = secrets.token_hex(16)
    try:
        async with connection.begin_nested():
            await connection.execute(
                insert(identities).values(
                    id=identity_id,
                    user_id=account_id,
                    digest=_digest(issuer, subject),
                    issuer=issuer,
                    subject=subject,
                    linked=int(linked),
                    created_at=now,
                    last_used=now,
                )
            )
    except IntegrityError:
        raise IdentityTaken from None
    await connection.execute(update(users).where(users.c.id == account_id).values(proven=1))
    return identity_id


async def mark_identity_used(connection: AsyncConnection, identity_id: str, now: str) -> None:
    """Note that somebody signed in with it."""
    await connection.execute(update(identities).where(identities.c.id == identity_id).values(last_used=now))


async def delete_identities(connection: AsyncConnection, account_id: int) -> int:
    """Forget the user's identities and the sessions begun with them; how many there were.

    A name that nothing else proves is then free for the next who comes with it.
    """
    count = await _delete(connection, identities.c.user_id == account_id)
    has_key = exists().where(api_keys.c.user_id == users.c.id)
    has_token = exists().where(user_tokens.c.user_id == users.c.id)
    await connection.execute(
        update(users)
        .where(users.c.id == account_id, users.c.role == Role.USER, ~has_key, ~has_token)
        .values(proven=0)
    )
    return count


async def delete_linked(connection: AsyncConnection, account_id: int) -> None:
    """Forget the identities that somebody with a key of the user has linked: who had the key may have meant theirs."""
    await _delete(connection, and_(identities.c.user_id == account_id, identities.c.linked == 1))


async def _delete(connection: AsyncConnection, which: ColumnElement[bool]) -> int:
    await connection.execute(
        delete(sessions).where(sessions.c.identity_id.in_(select(identities.c.id).where(which)))
    )
    return (await connection.execute(delete(identities).where(which))).rowcount


async def is_free(connection: AsyncConnection, account_id: int) -> bool:
    """Whether nobody has ever proven to be that user: the name was only ever said by plain cookies."""
    bound = (api_keys, user_tokens, identities)
    row = await connection.scalar(
        select(users.c.id).where(
            users.c.id == account_id,
            users.c.role == Role.USER,
            users.c.proven == 0,
            *(~exists().where(table.c.user_id == users.c.id) for table in bound),
        )
    )
    return row is not None


def _digest(issuer: str, subject: str) -> str:
    return hashlib.sha256(f"{issuer}\0{subject}".encode("utf-8", "surrogatepass")).hexdigest()
