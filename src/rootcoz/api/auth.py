"""Who asks, and what they may do. `api/gate.py` finds out who it is; these are what routes ask for.

In open mode reads and analyses need no proof. A plain `rootcoz_username` cookie names the author of what is written
and proves nothing: saved tokens, deletion and administration need a session, a key or a trusted proxy.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from rootcoz.domain.account import Actor, Proof, Role, name_key
from rootcoz.domain.errors import NotAllowed, NotSignedIn
from rootcoz.wiring import Services

SESSION_COOKIE = "rootcoz_session"
USERNAME_COOKIE = "rootcoz_username"
ADMIN_PATHS = "/api/admin/"
"""What lies below is for administrators, whether it exists or not."""
SIGN_IN_PATHS = frozenset({"/api/auth/login", "/api/auth/logout", "/api/auth/me"})
OPEN_PATHS = frozenset({"/health"}) | SIGN_IN_PATHS
"""What needs no key in any mode."""
REQUESTER = "rootcoz.requester"
"""Where the gate leaves in the scope who asks."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Requester:
    """The one who asks."""

    name: str = ""
    """Empty when nobody is named."""
    role: Role = Role.USER
    proof: Proof = Proof.NONE
    address: str = ""
    """Network address the request came from."""
    account_id: int | None = None
    session_id: str | None = None

    @property
    def is_admin(self) -> bool:
        """Whether they have proven to be an administrator."""
        return self.role is Role.ADMIN and self.proof is not Proof.NONE

    @property
    def actor(self) -> Actor:
        """Who does what they ask for, for rules and the audit log."""
        return Actor(self.name, self.address, self.account_id)


def services_of(request: Request) -> Services:
    """What the application works with."""
    services = request.app.state.services
    if not isinstance(services, Services):
        raise TypeError("the application has not been started")
    return services


def requester(request: Request) -> Requester:
    """Who asks."""
    who = request.scope[REQUESTER]
    if not isinstance(who, Requester):
        raise TypeError("the request did not come through the gate")
    return who


def anyone(request: Request) -> Requester:
    """Who asks, whoever it is: for what changes nothing but whether the requester is signed in."""
    return requester(request)


def writer(request: Request) -> Requester:
    """Who asks, if the allow list lets them change anything."""
    who = requester(request)
    allowed = services_of(request).settings.allowed_users
    if allowed and not who.is_admin and name_key(who.name) not in {name_key(name) for name in allowed}:
        raise NotAllowed("This server lets only listed users change anything (ALLOWED_USERS).")
    return who


def named(request: Request) -> Requester:
    """Who asks, if they say who they are and the allow list lets them change anything. A name may be without proof."""
    if not requester(request).name:
        raise NotSignedIn("Say who you are: sign in, or choose a name.")
    return writer(request)


def proven(request: Request) -> Requester:
    """Who asks, if they have proven it. Not held against the allow list: it is about their own things."""
    who = requester(request)
    if who.proof is Proof.NONE:
        raise NotSignedIn(
            "Sign in, or send a key as 'Authorization: Bearer <key>'; a name alone is no proof."
        )
    return who


def administrator(request: Request) -> Requester:
    """Who asks, if they are an administrator."""
    who = requester(request)
    if not who.is_admin:
        raise NotAllowed(administrators_only(services_of(request)))
    return who


def administrators_only(services: Services) -> str:
    """What somebody is told who is no administrator."""
    if services.settings.admin_key is None:
        return (
            "Only an administrator may do this. If this server has none yet, set ADMIN_KEY; else sign in or send "
            "the key as 'Authorization: Bearer <key>'."
        )
    return "Only an administrator may do this: sign in, or send the key as 'Authorization: Bearer <key>'."


GUARDS = (anyone, writer, named, proven, administrator)
"""One of them stands before every route that changes anything."""

ServicesOf = Annotated[Services, Depends(services_of)]
Anyone = Annotated[Requester, Depends(anyone)]
Writer = Annotated[Requester, Depends(writer)]
Named = Annotated[Requester, Depends(named)]
Proven = Annotated[Requester, Depends(proven)]
Administrator = Annotated[Requester, Depends(administrator)]
