"""Who asks, and what they may do.

In open mode reads and analyses need no proof. A plain `rootcoz_username` cookie names the author of what is written
and proves nothing; deletion and administration need the administrator's key.
"""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Request
from fastapi.responses import JSONResponse

from rootcoz.domain.errors import NotAllowed
from rootcoz.settings import AuthMode, Settings
from rootcoz.wiring import Services

ADMIN = "admin"
USERNAME_COOKIE = "rootcoz_username"
OPEN_PATHS = frozenset({"/health"})
"""What needs no key in any mode."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Requester:
    """The one who asks."""

    name: str
    """Empty when nobody is named."""
    is_admin: bool


def services_of(request: Request) -> Services:
    """What the application works with."""
    services = request.app.state.services
    if not isinstance(services, Services):
        raise TypeError("the application has not been started")
    return services


def requester(request: Request) -> Requester:
    """Who asks, by key or else by cookie."""
    settings = services_of(request).settings
    if _has_admin_key(settings, request.headers.get("authorization", "")):
        return Requester(ADMIN, is_admin=True)
    name = unquote(request.cookies.get(USERNAME_COOKIE, "")).strip()
    return Requester("" if name.casefold() == ADMIN else name[:200], is_admin=False)


def writer(request: Request) -> Requester:
    """Who asks, if the allow list lets them change anything."""
    who = requester(request)
    allowed = services_of(request).settings.allowed_users
    if allowed and not who.is_admin and who.name.casefold() not in {name.casefold() for name in allowed}:
        raise NotAllowed("This server lets only listed users change anything (ALLOWED_USERS).")
    return who


def administrator(request: Request) -> Requester:
    """Who asks, if they are the administrator."""
    who = requester(request)
    if not who.is_admin:
        configured = services_of(request).settings.admin_key is not None
        raise NotAllowed(
            "Only an administrator may do this: send the key as 'Authorization: Bearer <key>'."
            if configured
            else "Only an administrator may do this, and this server has no administrator yet: set ADMIN_KEY."
        )
    return who


ServicesOf = Annotated[Services, Depends(services_of)]
Writer = Annotated[Requester, Depends(writer)]
Administrator = Annotated[Requester, Depends(administrator)]


class RequireSignIn:
    """With AUTH_MODE=required: nothing but /health without a key, whatever the route."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or answer 401."""
        if (
            scope["type"] == "http"
            and self._settings.auth_mode is AuthMode.REQUIRED
            and scope["path"] not in OPEN_PATHS
        ):
            headers = dict(scope["headers"])
            if not _has_admin_key(self._settings, headers.get(b"authorization", b"").decode("latin-1")):
                reply = JSONResponse(
                    {"detail": "This server needs a key: send it as 'Authorization: Bearer <key>'."},
                    401,
                    {"WWW-Authenticate": "Bearer"},
                )
                await reply(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _has_admin_key(settings: Settings, authorization: str) -> bool:
    scheme, _, key = authorization.partition(" ")
    if settings.admin_key is None or scheme.casefold() != "bearer":
        return False
    expected = settings.admin_key.get_secret_value()
    # Headers are read as Latin-1; these are the bytes that were sent.
    return hmac.compare_digest(key.strip().encode("latin-1"), expected.encode("utf-8", "replace"))
