"""Proving who asks: keys, sessions, and the limits on trying.

A session's cookie holds a random token of which only the SHA-256 is stored. A session ends with the key it was begun
with, and what its user may do is looked up at each request, so nothing that is taken away lives on in it.
"""

import hashlib
import hmac
import ipaddress
import math
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from rootcoz.domain.account import ADMIN, Account, Actor, Proof, Role, is_reserved, name_key
from rootcoz.domain.audit import Action, AuditEntry, Outcome
from rootcoz.domain.errors import NotFound, NotSignedIn, TooManyAttempts
from rootcoz.kit.clock import utc_text
from rootcoz.kit.sealed import Seal
from rootcoz.store import accounts as accounts_store
from rootcoz.store import attempts as attempts_store
from rootcoz.store import audit as audit_store
from rootcoz.store import sessions as sessions_store
from rootcoz.store.engine import Database
from rootcoz.store.sessions import ListedSession

SESSION_HOURS = 8
"""How long a session lasts without being used; used in its second half, it begins anew."""
WINDOW_S = 300
"""Seconds within which attempts are counted together."""
LOCK_S = 300
"""Seconds for which nobody may try after too many attempts."""
SIGN_IN_LIMIT = 10
"""Attempts to sign in within a window, for one address and for one user name."""
BEARER_LIMIT = 50
"""Requests with a wrong key within a window, for one address. More than above: programs repeat themselves."""
ARRIVAL_LIMIT = 30
"""Failed returns from an identity provider within a window, for one address. There is nothing to be guessed in them."""
LONGEST_ARRIVAL_HOURS = 24
"""How long a session that an identity provider vouched for is prolonged: then the provider is asked again."""
_IPV6_NETWORK = 64
"""Bits of an address of version 6 that tell who somebody is; the others are theirs to choose."""
_USER_AGENT_LIMIT = 200
_SHOWN_NAME = 50

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who has proven who they are."""

    name: str
    role: Role
    proof: Proof
    account_id: int | None
    """None for the administrator of ADMIN_KEY, and for a proxy's user who is not stored yet."""
    session_id: str | None = None
    renewed_for_s: int = 0
    """Seconds for which the session has just been prolonged; 0: its cookie stays as it is."""
    key_id: str | None = None
    is_granted: bool = False
    """Whether a group at an identity provider makes them an administrator, for this session."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has just begun."""

    identity: Identity
    token: str
    """What the cookie holds."""
    lasts_s: int


@dataclass(frozen=True, slots=True)
class _Holder:
    """Whom a key opens the door to."""

    name: str
    role: Role
    account_id: int | None
    key_id: str | None
    expires_at: str | None
    guessable: bool
    identity_id: str | None = None
    is_granted: bool = False


class SignIn:
    """Signs people in and out, and tells who they are."""

    def __init__(self, database: Database, seal: Seal, admin_key: str | None, clock: Clock = _now) -> None:
        self._database = database
        self._seal = seal
        self._admin_digest = self._digest_of_admin_key(admin_key) if admin_key else ""
        self._clock = clock

    async def sign_in(self, username: str, key: str, *, address: str, user_agent: str = "") -> SignedIn:
        """Begin a session. Raises NotSignedIn and TooManyAttempts."""
        subjects = _sign_in_subjects(username, address)
        await self._count(subjects, username, address)
        now = self._clock()
        holder = await self._holder(key, utc_text(now))
        if holder is None or not _is_called(holder, username):
            async with self._database.write() as connection:
                await audit_store.record(
                    connection,
                    AuditEntry(Action.SIGN_IN, _shown(username), address, outcome=Outcome.FAILED),
                )
            raise NotSignedIn("The username or the key is wrong.")
        return await self._begin(holder, subjects, now, address, user_agent)

    async def count_arrival(self, address: str) -> None:
        """Count a return from an identity provider before it is looked at. Raises TooManyAttempts."""
        await self._count(_arrival_subjects(address), "", address, limit=ARRIVAL_LIMIT)

    async def begin_session(
        self, account: Account, identity_id: str, *, is_admin: bool, address: str, user_agent: str = ""
    ) -> SignedIn:
        """Begin a session for somebody whom an identity provider vouched for, and take the counted arrival back.

        `is_admin`: a group there makes them an administrator. Raises NotSignedIn.
        """
        now = self._clock()
        granted = is_admin and account.role is not Role.ADMIN
        holder = _Holder(
            account.username,
            Role.ADMIN if granted else account.role,
            account.id,
            None,
            utc_text(now + timedelta(hours=LONGEST_ARRIVAL_HOURS)),
            guessable=False,
            identity_id=identity_id,
            is_granted=granted,
        )
        return await self._begin(holder, _arrival_subjects(address), now, address, user_agent)

    async def sign_out(self, token: str, actor: Actor) -> None:
        """End the session of that token, if there is one."""
        async with self._database.write() as connection:
            if await sessions_store.delete_session(connection, _token_digest(token)):
                await audit_store.record(connection, AuditEntry(Action.SIGN_OUT, actor.name, actor.address))

    async def by_session(self, token: str) -> Identity | None:
        """Whose session it is, and prolong it when half of its time is over. None: it is not valid."""
        now = self._clock()
        async with self._database.read() as connection:
            found = await sessions_store.find_session(connection, _token_digest(token), utc_text(now))
        if found is None or found.admin_key_digest != (
            self._admin_digest if found.account_id is None else ""
        ):
            return None
        if found.account_id is None and not self._admin_digest:
            return None
        lasts_s = _lasts_s(now, found.latest_end)
        left_s = (datetime.fromisoformat(found.expires_at) - now).total_seconds()
        renewed_for_s = 0
        if left_s < SESSION_HOURS * 3600 / 2 < lasts_s:
            renewed_for_s = lasts_s
            async with self._database.write() as connection:
                ends = utc_text(now + timedelta(seconds=lasts_s))
                await sessions_store.renew_session(connection, found.id, utc_text(now), ends)
        return Identity(
            found.username or ADMIN,
            found.role or Role.ADMIN,
            Proof.SESSION,
            found.account_id,
            session_id=found.id,
            renewed_for_s=renewed_for_s,
            is_granted=found.is_granted,
        )

    async def by_key(self, key: str, *, address: str) -> Identity | None:
        """Whose key it is; None: nobody's.

        Raises TooManyAttempts when the address has sent too many wrong keys. A random key is looked at even then: it
        cannot be guessed, so a neighbour's mistakes need not stop whoever holds one.
        """
        subject = f"bearer {_neighbourhood(address)}"
        now = self._clock()
        holder = await self._holder(key, utc_text(now))
        if holder is None or holder.guessable:
            async with self._database.read() as connection:
                locked = await attempts_store.lock_of(connection, subject, utc_text(now))
            if locked:
                raise _too_many(now, locked)
        if holder is None:
            async with self._database.write() as connection:
                await _counted(now)(connection, subject, limit=BEARER_LIMIT)
            return None
        return Identity(holder.name, holder.role, Proof.KEY, holder.account_id, key_id=holder.key_id)

    async def by_proxy(self, name: str) -> Identity:
        """The user whom a trusted proxy names."""
        async with self._database.read() as connection:
            account = await accounts_store.find_account(connection, name)
        if account is None:
            return Identity(name, Role.USER, Proof.PROXY, None)
        return Identity(account.username, account.role, Proof.PROXY, account.id)

    async def sessions(self, username: str) -> list[ListedSession]:
        """The sessions of a user; `admin` means the administrator of ADMIN_KEY."""
        bootstrap = is_reserved(username)
        async with self._database.read() as connection:
            account = None if bootstrap else await accounts_store.find_account(connection, username)
            if account is None and not bootstrap:
                return []
            return await sessions_store.list_sessions(
                connection,
                account.id if account else None,
                utc_text(self._clock()),
                "" if account else self._admin_digest,
            )

    async def revoke_session(self, session_id: str, actor: Actor) -> None:
        """End one of one's own sessions. Raises NotFound."""
        bootstrap = is_reserved(actor.name)
        async with self._database.write() as connection:
            account = None if bootstrap else await accounts_store.find_account(connection, actor.name)
            ended = 0
            if bootstrap or account is not None:
                account_id = account.id if account else None
                ended = await sessions_store.delete_sessions_of(connection, account_id, session_id)
            if not ended:
                raise NotFound("There is no such session of yours.")
            await audit_store.record(
                connection, AuditEntry(Action.SESSION_REVOKED, actor.name, actor.address, target=actor.name)
            )

    async def revoke_sessions(self, username: str, actor: Actor) -> int:
        """End all sessions of a user; how many there were. Raises NotFound."""
        async with self._database.write() as connection:
            account = await accounts_store.find_account(connection, username)
            if account is None and not is_reserved(username):
                raise NotFound(f"There is no user {username}.")
            ended = await sessions_store.delete_sessions_of(connection, account.id if account else None)
            entry = AuditEntry(
                Action.SESSION_REVOKED,
                actor.name,
                actor.address,
                target=account.username if account else ADMIN,
                detail=f"{ended} sessions",
            )
            await audit_store.record(connection, entry)
        return ended

    async def _holder(self, key: str, now: str) -> _Holder | None:
        if self._admin_digest and hmac.compare_digest(self._digest_of_admin_key(key), self._admin_digest):
            return _Holder(ADMIN, Role.ADMIN, None, None, None, guessable=True)
        async with self._database.read() as connection:
            found = await accounts_store.find_holder(connection, key, self._seal, now)
        if found is None:
            return None
        return _Holder(
            found.account.username,
            found.account.role,
            found.account.id,
            found.key_id,
            found.expires_at,
            guessable=not found.generated,
        )

    async def _begin(
        self, holder: _Holder, subjects: tuple[str, ...], now: datetime, address: str, user_agent: str
    ) -> SignedIn:
        token = secrets.token_urlsafe(32)
        lasts_s = _lasts_s(now, holder.expires_at)
        session = sessions_store.NewSession(
            id=secrets.token_hex(16),
            token_digest=_token_digest(token),
            account_id=holder.account_id,
            key_id=holder.key_id,
            admin_key_digest=self._admin_digest if holder.account_id is None else "",
            identity_id=holder.identity_id,
            granted_role=Role.ADMIN if holder.is_granted else "",
            latest_end=holder.expires_at if holder.identity_id else None,
            address=address,
            user_agent="".join(filter(str.isprintable, user_agent))[:_USER_AGENT_LIMIT],
            created_at=utc_text(now),
            expires_at=utc_text(now + timedelta(seconds=lasts_s)),
        )
        async with self._database.write() as connection:
            try:
                await sessions_store.add_session(connection, session)
            except sessions_store.SessionRefused:
                raise NotSignedIn("The key has just been revoked.") from None
            # Of the address only this attempt is taken back. Otherwise whoever has an account could guess another's
            # key and sign in between as themselves.
            for subject in subjects:
                if subject.startswith("name "):
                    await attempts_store.forget_attempts(connection, subject)
                else:
                    await attempts_store.take_back_attempt(connection, subject)
            how = "by an identity provider" if holder.identity_id else ""
            if holder.is_granted:
                how += ", as an administrator by a group there"
            await audit_store.record(connection, AuditEntry(Action.SIGN_IN, holder.name, address, detail=how))
        await self._tidy(now)
        identity = Identity(holder.name, holder.role, Proof.SESSION, holder.account_id, session_id=session.id)
        return SignedIn(identity, token, lasts_s)

    async def _tidy(self, now: datetime) -> None:
        """Forget what is over. A transaction of its own: it takes many rows, in no order."""
        async with self._database.write() as connection:
            await sessions_store.delete_expired(connection, utc_text(now))
            await attempts_store.forget_old(
                connection, now=utc_text(now), window_began=utc_text(now - timedelta(seconds=WINDOW_S))
            )

    async def _count(
        self, subjects: tuple[str, ...], username: str, address: str, *, limit: int = SIGN_IN_LIMIT
    ) -> None:
        """Count an attempt to sign in before it is looked at. Raises TooManyAttempts."""
        now = self._clock()
        async with self._database.read() as connection:
            locks = [await attempts_store.lock_of(connection, one, utc_text(now)) for one in subjects]
        if any(locks):
            raise _too_many(now, max(locks))
        async with self._database.write() as connection:
            count = _counted(now)
            locks = [await count(connection, subject, limit=limit) for subject in subjects]
            if any(locks):
                await audit_store.record(
                    connection,
                    AuditEntry(Action.SIGN_IN, _shown(username), address, outcome=Outcome.REFUSED),
                )
        if any(locks):
            raise _too_many(now, max(locks))

    def _digest_of_admin_key(self, key: str) -> str:
        return self._seal.digest(f"admin_key {key}")


def _is_called(holder: _Holder, username: str) -> bool:
    """Whether the key belongs to that name. `admin` is written exactly so."""
    if holder.account_id is None:
        return username == ADMIN
    return name_key(holder.name) == name_key(username)


def _sign_in_subjects(username: str, address: str) -> tuple[str, ...]:
    """What an attempt counts for: the address and the name.

    Nobody's attempts from elsewhere may lock the administrator of ADMIN_KEY out, so for that name only the address
    counts; its key has at least 16 characters.
    """
    place = f"address {_neighbourhood(address)}"
    if is_reserved(username):
        return (place,)
    name = hashlib.sha256(name_key(username).encode("utf-8", "surrogatepass")).hexdigest()
    return (place, f"name {name}")


def _arrival_subjects(address: str) -> tuple[str, ...]:
    """What a return from an identity provider counts for: apart from keys, so that neither locks the other out."""
    return (f"arrival {_neighbourhood(address)}",)


def _counted(now: datetime) -> partial[Coroutine[Any, Any, str]]:
    """What counts an attempt that is made now."""
    return partial(
        attempts_store.count_attempt,
        now=utc_text(now),
        window_began=utc_text(now - timedelta(seconds=WINDOW_S)),
        lock_until=utc_text(now + timedelta(seconds=LOCK_S)),
    )


def _neighbourhood(address: str) -> str:
    """The address, or for version 6 the network that one customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))


def _shown(username: str) -> str:
    """A name that somebody typed, for the audit log. People type keys into the wrong field."""
    if username.strip().casefold().startswith("rootcoz_"):
        return "(a key)"
    return "".join(filter(str.isprintable, username))[:_SHOWN_NAME]


def _lasts_s(now: datetime, latest_end: str | None) -> int:
    """Seconds that a session begun now lasts: not longer than its key, or than its provider's word counts."""
    whole = SESSION_HOURS * 3600
    if latest_end is None:
        return whole
    return max(0, min(whole, int((datetime.fromisoformat(latest_end) - now).total_seconds())))


def _too_many(now: datetime, locked_until: str) -> TooManyAttempts:
    seconds = max(1, math.ceil((datetime.fromisoformat(locked_until) - now).total_seconds()))
    return TooManyAttempts(
        f"There were too many attempts with wrong keys; try again in {seconds} seconds.",
        retry_after_s=seconds,
    )


def _token_digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
