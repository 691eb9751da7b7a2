"""Sessions of people who signed in. What their cookie holds is not stored, only its SHA-256."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.account import Account, Role
from rootcoz.store.schema import api_keys, sessions, users


class SessionRefused(Exception):
    """The user or the key of the new session has just been deleted."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be stored."""

    id: str
    token_digest: str
    account_id: int | None
    """None: the administrator of ADMIN_KEY."""
    key_id: str | None
    """The stored key it was begun with; it ends with that key."""
    admin_key_digest: str
    """Of the ADMIN_KEY it was begun with; empty for others."""
    identity_id: str | None
    """The identity at a provider it was begun with; it ends when that is forgotten."""
    granted_role: str
    """What a group at the provider makes of the user, for this session; empty: nothing."""
    latest_end: str | None
    """It is not prolonged beyond."""
    address: str
    user_agent: str
    created_at: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session that has not expired, and whose it is."""

    id: str
    account_id: int | None
    username: str | None
    role: Role | None
    admin_key_digest: str
    expires_at: str
    latest_end: str | None
    """It is not prolonged beyond: its key ends then, or the provider is to be asked again."""
    is_granted: bool
    """Whether `role` is more than the store says, by a group at the provider."""


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as its owner sees it."""

    id: str
    address: str
    user_agent: str
    created_at: str
    renewed_at: str
    expires_at: str


async def add_session(connection: AsyncConnection, session: NewSession) -> None:
    """Store a session. Raises SessionRefused."""
    try:
        async with connection.begin_nested():
            await connection.execute(
                insert(sessions).values(
                    id=session.id,
                    token_digest=session.token_digest,
                    user_id=session.account_id,
                    key_id=session.key_id,
                    admin_key_digest=session.admin_key_digest,
                    identity_id=session.identity_id,
                    granted_role=session.granted_role,
                    latest_end=session.latest_end,
                    address=session.address,
                    user_agent=session.user_agent,
                    created_at=session.created_at,
                    renewed_at=session.created_at,
                    expires_at=session.expires_at,
                )
            )
    except IntegrityError:
        raise SessionRefused from None


async def find_session(connection: AsyncConnection, token_digest: str, now: str) -> FoundSession | None:
    """The session, unless it has expired by `now`."""
    row = (
        await connection.execute(
            select(
                sessions.c.id,
                sessions.c.user_id,
                users.c.username,
                users.c.role,
                sessions.c.admin_key_digest,
                sessions.c.expires_at,
                sessions.c.granted_role,
                sessions.c.latest_end,
                api_keys.c.expires_at.label("key_expires_at"),
            )
            .outerjoin(users, users.c.id == sessions.c.user_id)
            .outerjoin(api_keys, api_keys.c.id == sessions.c.key_id)
            .where(sessions.c.token_digest == token_digest, sessions.c.expires_at > now)
        )
    ).one_or_none()
    if row is None:
        return None
    stored = None if row.role is None else Role(row.role)
    role = Role.ADMIN if row.granted_role == Role.ADMIN else stored
    ends = [end for end in (row.key_expires_at, row.latest_end) if end is not None]
    return FoundSession(
        row.id,
        row.user_id,
        row.username,
        role,
        row.admin_key_digest,
        row.expires_at,
        min(ends, default=None),
        is_granted=role is not stored,
    )


async def account_of(connection: AsyncConnection, session_id: str, now: str) -> Account | None:
    """Whose session it is, unless it has expired by `now` or is that of the administrator of ADMIN_KEY."""
    row = (
        await connection.execute(
            select(users.c.id, users.c.username, users.c.role, users.c.created_at, users.c.last_seen)
            .join(sessions, sessions.c.user_id == users.c.id)
            .where(sessions.c.id == session_id, sessions.c.expires_at > now)
        )
    ).one_or_none()
    return (
        None if row is None else Account(row.id, row.username, Role(row.role), row.created_at, row.last_seen)
    )


async def renew_session(connection: AsyncConnection, session_id: str, now: str, expires_at: str) -> None:
    """Let the session go on until `expires_at`."""
    await connection.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.expires_at > now)
        .values(renewed_at=now, expires_at=expires_at)
    )


async def list_sessions(
    connection: AsyncConnection, account_id: int | None, now: str, admin_key_digest: str = ""
) -> list[ListedSession]:
    """The sessions of a user, or with None those of the administrator of that ADMIN_KEY; the newest first."""
    rows = await connection.execute(
        select(
            sessions.c.id,
            sessions.c.address,
            sessions.c.user_agent,
            sessions.c.created_at,
            sessions.c.renewed_at,
            sessions.c.expires_at,
        )
        .where(
            sessions.c.user_id.is_not_distinct_from(account_id),
            sessions.c.admin_key_digest == admin_key_digest,
            sessions.c.expires_at > now,
        )
        .order_by(sessions.c.created_at.desc(), sessions.c.id)
    )
    return [ListedSession(*row) for row in rows]


async def delete_session(connection: AsyncConnection, token_digest: str) -> bool:
    """End a session; whether there was one."""
    done = await connection.execute(delete(sessions).where(sessions.c.token_digest == token_digest))
    return bool(done.rowcount)


async def delete_sessions_of(
    connection: AsyncConnection, account_id: int | None, session_id: str | None = None
) -> int:
    """End one session of a user, or all; None means the administrator of ADMIN_KEY. How many there were."""
    query = delete(sessions).where(sessions.c.user_id.is_not_distinct_from(account_id))
    done = await connection.execute(query if session_id is None else query.where(sessions.c.id == session_id))
    return done.rowcount


async def delete_expired(connection: AsyncConnection, now: str) -> None:
    """Forget sessions that are over."""
    await connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
