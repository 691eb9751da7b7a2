"""Signing in at an identity provider.

A user is found by issuer and subject, which the provider never gives to another. The name that the provider says is
looked at once, when somebody comes for the first time, and gives no access to a name that somebody else has proven to
be theirs. Who has such a name signs in as before and links the identity to it.
"""

import base64
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from rootcoz.domain.account import Account, Role, outside_name
from rootcoz.domain.audit import Action, AuditEntry, Outcome
from rootcoz.domain.errors import CallerError, Conflict, InvalidInput, NotSignedIn, OutsideError
from rootcoz.features.sign_in import SignedIn, SignIn
from rootcoz.identity.base import Challenge, IdentityProvider, Person
from rootcoz.kit.clock import utc_text
from rootcoz.kit.sealed import Seal, Unreadable
from rootcoz.store import accounts as accounts_store
from rootcoz.store import audit as audit_store
from rootcoz.store import identities as identities_store
from rootcoz.store import sealing
from rootcoz.store import sessions as sessions_store
from rootcoz.store.accounts import NameTaken
from rootcoz.store.engine import Connection, Database
from rootcoz.store.identities import IdentityTaken, KnownIdentity

JOURNEY_S = 600
"""Seconds that somebody may take at the provider."""
LONGEST_RETURN = 2000
"""Characters of the path that somebody is sent back to."""
_PLACE = "openid journey"
_TRIES = 3
_DETAIL = 300
"""Characters of a line in the audit log."""

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class OpenIdRules:
    """What the settings make of what the provider says."""

    username_claim: str
    groups_claim: str
    admin_groups: Sequence[str]
    may_adopt: bool
    """Whether a name that only plain cookies have said may become that of who comes with it first."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody is sent to the provider."""

    url: str
    ticket: str
    """Sealed; the browser keeps it until it comes back."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider sent the browser back with."""

    state: str
    code: str
    error: str
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody came back and is who they are."""

    signed_in: SignedIn
    return_to: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a browser is, and what it calls itself."""

    address: str
    user_agent: str = ""


class OpenIdSignIn:
    """Sends people to the provider and takes them in when they come back."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        sign_in: SignIn,
        provider: IdentityProvider,
        rules: OpenIdRules,
        clock: Clock = _now,
    ) -> None:
        self._database = database
        self._seal = seal
        self._sign_in = sign_in
        self._provider = provider
        self._rules = rules
        self._clock = clock

    async def depart(self, return_to: str, linking: str | None = None) -> Departure:
        """Where to send a browser that is to come back to the path `return_to` of this server.

        `linking`: the id of the session whose user the identity shall be linked to. Raises InvalidInput, OutsideError.
        """
        challenge = Challenge(*(secrets.token_urlsafe(32) for _ in range(3)))
        journey = {
            "state": challenge.state,
            "nonce": challenge.nonce,
            "verifier": challenge.verifier,
            "return_to": checked_return(return_to),
            "linking": linking,
            "until": self._clock().timestamp() + JOURNEY_S,
        }
        sealed = self._seal.close(orjson.dumps(journey), place=_PLACE)
        ticket = base64.urlsafe_b64encode(sealed).decode("ascii")
        return Departure(await self._provider.authorization_url(challenge), ticket)

    async def arrive(self, ticket: str, reply: Reply, visitor: Visitor) -> Arrival:
        """Take in whoever came back, and begin a session.

        Raises NotSignedIn, Conflict when the name is another's, TooManyAttempts, OutsideError.
        """
        await self._sign_in.count_arrival(visitor.address)
        try:
            journey = await self._journey(ticket, reply)
            challenge = Challenge(journey["state"], journey["nonce"], journey["verifier"])
            person = await self._provider.person(reply.code, challenge, said_issuer=reply.issuer)
            known = await self._known(person, journey["linking"], visitor.address)
        except (NotSignedIn, Conflict, OutsideError) as error:
            await self._note_failure(error, visitor.address)
            raise
        signed_in = await self._sign_in.begin_session(
            known.account,
            known.id,
            is_admin=self._is_admin(person),
            address=visitor.address,
            user_agent=visitor.user_agent,
        )
        return Arrival(signed_in, journey["return_to"])

    # --- the way there and back --------------------------------------------------------------------

    async def _journey(self, ticket: str, reply: Reply) -> dict[str, Any]:
        """What was noted at the departure, if this is the return from it. Raises NotSignedIn."""
        try:
            sealed = base64.b64decode(ticket.encode("ascii"), altchars=b"-_", validate=True)
            async with self._database.read() as connection:
                opened = await sealing.open_(connection, self._seal, sealed, place=_PLACE)
        except (Unreadable, ValueError):
            raise NotSignedIn(
                "This browser has begun no sign-in, or another one since, or it does not keep cookies. Begin again."
            ) from None
        journey: dict[str, Any] = orjson.loads(opened)
        if not hmac.compare_digest(journey["state"].encode(), reply.state.encode("utf-8", "surrogatepass")):
            raise NotSignedIn(
                "The reply belongs to another sign-in than the one that this browser began last."
            )
        if journey["until"] < self._clock().timestamp():
            raise NotSignedIn(f"The sign-in took longer than {JOURNEY_S // 60} minutes. Begin again.")
        if reply.error:
            raise NotSignedIn(_said(reply.error))
        if not reply.code:
            raise NotSignedIn("The identity provider sent nothing that would say who you are. Begin again.")
        return journey

    async def _note_failure(self, error: CallerError | OutsideError, address: str) -> None:
        async with self._database.write() as connection:
            await audit_store.record(
                connection,
                AuditEntry(
                    Action.SIGN_IN,
                    "",
                    address,
                    outcome=Outcome.FAILED,
                    detail=f"by an identity provider: {error}"[:_DETAIL],
                ),
            )

    # --- who it is ---------------------------------------------------------------------------------

    async def _known(self, person: Person, linking: str | None, address: str) -> KnownIdentity:
        """The user whom the person is, stored if they come for the first time. Raises NotSignedIn and Conflict."""
        for _ in range(_TRIES):
            try:
                async with self._database.write() as connection:
                    known = await identities_store.find_identity(connection, person.issuer, person.subject)
                    if linking is not None:
                        return await self._linked(connection, person, known, linking, address)
                    if known is not None:
                        await identities_store.mark_identity_used(connection, known.id, self._text())
                        return known
                    return await self._newcomer(connection, person, address)
            except (IdentityTaken, NameTaken):  # by another request of these milliseconds: look again
                continue
        raise Conflict("Too many people of that name come in at once; try again.")

    async def _linked(
        self,
        connection: Connection,
        person: Person,
        known: KnownIdentity | None,
        session_id: str,
        address: str,
    ) -> KnownIdentity:
        account = await sessions_store.account_of(connection, session_id, self._text())
        if account is None:
            raise NotSignedIn("The session that wanted to be linked has ended. Sign in again, then link.")
        if known is not None:
            if known.account.id != account.id:
                raise Conflict(
                    f"This identity signs in {known.account.username} already. An administrator can remove it there "
                    "(DELETE /api/admin/users/NAME/identities)."
                )
            return known
        return await self._bind(connection, person, account, address, linked=True)

    async def _newcomer(self, connection: Connection, person: Person, address: str) -> KnownIdentity:
        name = self._name(person)
        account = await accounts_store.find_account(connection, name, lock=True)
        if account is None:
            now = self._text()
            account_id = await accounts_store.add_account(connection, name, Role.USER, now)
            account = Account(account_id, name, Role.USER, now, None)
        elif not self._rules.may_adopt or not await identities_store.is_free(connection, account.id):
            raise Conflict(
                f"The name {name} belongs to a user of this server whom nobody has linked to you. If that is you, sign "
                "in with your key and link this identity (/api/auth/oidc/login?link=true); else have the identity "
                "provider give you another name."
            )
        return await self._bind(connection, person, account, address, linked=False)

    async def _bind(
        self, connection: Connection, person: Person, account: Account, address: str, *, linked: bool
    ) -> KnownIdentity:
        identity_id = await identities_store.add_identity(
            connection, account.id, person.issuer, person.subject, self._text(), linked=linked
        )
        await audit_store.record(
            connection,
            AuditEntry(
                Action.IDENTITY_LINKED,
                account.username,
                address,
                target=account.username,
                detail=f"{person.subject} of {person.issuer}"[:_DETAIL],
            ),
        )
        return KnownIdentity(identity_id, account)

    def _name(self, person: Person) -> str:
        """What the provider calls a newcomer. Raises NotSignedIn."""
        claim = self._rules.username_claim
        said = person.claims.get(claim)
        if not isinstance(said, str) or not said.strip():
            raise NotSignedIn(
                f"The identity provider does not say your user name (claim {claim}). The administrator of this server "
                "can ask for more (OIDC_SCOPES) or take another claim (OIDC_USERNAME_CLAIM)."
            )
        if claim == "email" and person.claims.get("email_verified") is not True:
            raise NotSignedIn("The identity provider does not say that your e-mail address is verified.")
        name = outside_name(said)
        if not name:
            raise NotSignedIn("The identity provider gives you a name that nobody can have on this server.")
        return name

    def _is_admin(self, person: Person) -> bool:
        groups = person.claims.get(self._rules.groups_claim)
        listed = groups if isinstance(groups, list) else [groups]
        return any(isinstance(one, str) and one in self._rules.admin_groups for one in listed)

    def _text(self) -> str:
        return utc_text(self._clock())


def checked_return(path: str) -> str:
    """The path, if it leads to nowhere but this server. Raises InvalidInput."""
    bad = InvalidInput("return_to must be a path of this server, such as /results/ID.")
    if len(path) > LONGEST_RETURN or not path.isascii() or not path.isprintable() or " " in path:
        raise bad
    # Browsers read a backslash as a slash, and what begins with two as another server.
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        raise bad
    try:
        parts = urlsplit(path)
    except ValueError:
        raise bad from None
    if parts.scheme or parts.netloc or ".." in unquote(parts.path).split("/"):
        raise bad
    return path


def _said(error: str) -> str:
    """What the provider's error means: https://openid.net/specs/openid-connect-core-1_0.html#AuthError."""
    if error == "access_denied":
        return "The sign-in was cancelled, or the identity provider does not let you in here."
    word = "".join(char for char in error if char.isascii() and (char.isalnum() or char == "_"))[:50]
    return f"The identity provider did not sign you in ({word})."
