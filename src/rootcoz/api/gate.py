"""The gate every request comes through: who asks, and is it let in at all."""

from urllib.parse import unquote

from fastapi import Request, Response
from starlette.datastructures import MutableHeaders

from rootcoz.api.auth import (
    ADMIN_PATHS,
    OPEN_PATHS,
    REQUESTER,
    SESSION_COOKIE,
    USERNAME_COOKIE,
    App,
    Message,
    Receive,
    Requester,
    Scope,
    Send,
    administrators_only,
    services_of,
)
from rootcoz.api.cookies import set_session
from rootcoz.api.cross_site import MESSAGE, is_cross_site
from rootcoz.api.errors import InvalidFields, error_reply
from rootcoz.domain.account import Proof, outside_name
from rootcoz.domain.errors import NotAllowed, NotSignedIn, RootcozError, TooManyAttempts
from rootcoz.features.sign_in import Identity
from rootcoz.kit.addresses import LOOPBACK, client_address, is_within, networks
from rootcoz.settings import AuthMode, Settings
from rootcoz.wiring import Services

HEALTH = "/health"
"""Asked so often, and by so simple programs, that nothing is found out about who asks."""


class Gate:
    """Finds out who asks, once a request, and turns away who must not come in."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._proxies = networks(settings.trusted_proxies) or LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, with who asks in its scope, or answer 401, 403 or 429."""
        if scope["type"] != "http" or scope["path"] == HEALTH:
            scope[REQUESTER] = Requester()
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        services = services_of(request)
        try:
            identity, who = await self._identified(request, services)
            self._let_in(request, services, who)
            _check_path(scope["path"])
        except RootcozError as error:
            await error_reply(error)(scope, receive, send)
            return
        scope[REQUESTER] = who
        if who.name and who.name != "admin":
            services.presence.seen(
                who.name,
                proven=who.proof is not Proof.NONE,
                stored=who.account_id is not None,
                key_id=identity.key_id if identity else None,
            )
        if identity is not None and identity.renewed_for_s:
            send = self._renewing(request, identity, send)
        await self._app(scope, receive, send)

    def _let_in(self, request: Request, services: Services, who: Requester) -> None:
        """Raise NotSignedIn or NotAllowed for who must not come in."""
        path = request.url.path
        if is_cross_site(request.method, request.headers, self._settings.public_base_url):
            raise NotAllowed(MESSAGE)
        if (
            self._settings.auth_mode is AuthMode.REQUIRED
            and who.proof is Proof.NONE
            and path not in OPEN_PATHS
        ):
            sent = "authorization" in request.headers or SESSION_COOKIE in request.cookies
            raise NotSignedIn(
                "The key or the session is not valid, or not any more: sign in again, or send another key."
                if sent
                else "This server needs a key: sign in, or send it as 'Authorization: Bearer <key>'."
            )
        if f"{path}/".startswith(ADMIN_PATHS) and not who.is_admin:
            raise NotAllowed(administrators_only(services))

    async def _identified(self, request: Request, services: Services) -> tuple[Identity | None, Requester]:
        address = self._address(request)
        try:
            identity = await self._identity(request, services, address)
        except TooManyAttempts:
            if request.url.path not in OPEN_PATHS:
                raise
            identity = None  # signing in has limits of its own
        if identity is None:
            return None, Requester(name=_cookie_name(request), address=address)
        who = Requester(
            identity.name,
            identity.role,
            identity.proof,
            address,
            identity.account_id,
            identity.session_id,
            identity.is_granted,
        )
        return identity, who

    async def _identity(self, request: Request, services: Services, address: str) -> Identity | None:
        """The proven identity: by session, else by key, else by a trusted proxy."""
        token = request.cookies.get(SESSION_COOKIE)
        if token and (found := await services.sign_in.by_session(token)):
            return found
        key = _bearer_key(request)
        if key and (found := await services.sign_in.by_key(key, address=address)):
            return found
        name = self._forwarded_user(request)
        return await services.sign_in.by_proxy(name) if name else None

    def _address(self, request: Request) -> str:
        peer = _peer(request)
        if not self._settings.trust_proxy_headers:
            return peer
        return client_address(peer, ",".join(request.headers.getlist("x-forwarded-for")), self._proxies)

    def _forwarded_user(self, request: Request) -> str:
        """Whom a trusted proxy names, once and clearly; never `admin`."""
        if not self._settings.trust_proxy_headers or not is_within(_peer(request), self._proxies):
            return ""
        names = request.headers.getlist("x-forwarded-user")
        if len(names) != 1:
            return ""
        return outside_name(names[0].encode("latin-1").decode("utf-8", "replace"))

    def _renewing(self, request: Request, identity: Identity, send: Send) -> Send:
        """Send the session's cookie again with the reply, so that the browser keeps it as long as we do."""
        renewal = Response()
        set_session(renewal, self._settings, request.cookies[SESSION_COOKIE], identity.renewed_for_s)
        cookie = renewal.headers["set-cookie"]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                already = headers.getlist("set-cookie")
                if not any(one.startswith(f"{SESSION_COOKIE}=") for one in already):
                    headers.append("set-cookie", cookie)
            await send(message)

        return sending


def _check_path(path: str) -> None:
    """Refuse, once for all routes, what no database can look for."""
    if "\x00" in path:
        raise InvalidFields(
            [{"type": "value_error", "loc": ["path"], "msg": "must not contain NUL characters"}]
        )


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _bearer_key(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "bearer":
        return ""
    # Headers are read as Latin-1; these are the bytes that were sent, whatever they mean.
    return key.strip().encode("latin-1").decode("utf-8", "surrogateescape")


def _cookie_name(request: Request) -> str:
    return outside_name(unquote(request.cookies.get(USERNAME_COOKIE, "")))
