"""Signing in at an identity provider: the way there and back."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from rootcoz.api.auth import OPENID_LOGIN, Anyone, ServicesOf
from rootcoz.api.cookies import OPENID_COOKIE, clear_openid, set_openid, set_session, set_username
from rootcoz.api.errors import error_reply
from rootcoz.api.routes.auth import NO_STORE
from rootcoz.api.schemas.accounts import SignInMethods
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.requests import Text
from rootcoz.api.sign_in_page import leading_on, refusal
from rootcoz.domain.errors import NotConfigured, NotSignedIn, RootcozError
from rootcoz.features.openid import OpenIdSignIn, Reply, Visitor
from rootcoz.wiring import OPENID_CALLBACK, Services

router = APIRouter(tags=["Auth"])

_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page that leads the browser on.", "content": {"text/html": {}}}
}


@router.get("/api/auth/methods")
async def methods(response: Response, services: ServicesOf) -> SignInMethods:
    """Say how people sign in here. Needs no key in any mode."""
    response.headers.update(NO_STORE)
    is_offered = services.openid is not None
    return SignInMethods(key=True, oidc=is_offered, oidc_login_url=OPENID_LOGIN if is_offered else "")


@router.get(
    OPENID_LOGIN,
    status_code=303,
    response_class=RedirectResponse,
    responses=error_responses(400, 401, 422, 502),
)
async def begin(
    request: Request,
    services: ServicesOf,
    who: Anyone,
    return_to: Annotated[Text, Query(description="Path of this server to go on to.")] = "/",
    *,
    link: Annotated[bool, Query(description="Link the identity to the user of this session.")] = False,
) -> Response:
    """Send a browser to the identity provider of the settings (OIDC_ISSUER), to sign in there.

    It comes back with a session like any other. With `link` the identity is linked to the user who is signed in.
    """
    try:
        openid = _openid(services)
        if link and (who.session_id is None or who.account_id is None):
            raise NotSignedIn(
                "Sign in with your key first, in this browser; then an identity can be linked to you."
            )
        departure = await openid.depart(return_to, who.session_id if link else None)
    except RootcozError as failure:
        return _refused(request, services, failure)
    reply = RedirectResponse(departure.url, 303, NO_STORE)
    set_openid(reply, services.settings, departure.ticket)
    return reply


@router.get(
    OPENID_CALLBACK,
    response_class=Response,
    responses={**error_responses(400, 401, 409, 422, 429, 502), **_PAGE},
)
async def come_back(
    request: Request,
    services: ServicesOf,
    who: Anyone,
    state: Annotated[Text, Query(description="As it was sent.")] = "",
    code: Annotated[Text, Query(description="What the provider vouches with.")] = "",
    error: Annotated[Text, Query(description="Why it does not.")] = "",
    iss: Annotated[Text | None, Query(description="Who it is.")] = None,
) -> Response:
    """Take in a browser that comes back from the identity provider.

    Ends with a page that leads on to `return_to`, and sets the session's cookie. Who has no name here yet gets the one
    that the provider says (OIDC_USERNAME_CLAIM), unless somebody else has proven that it is theirs: 409.
    """
    openid, settings = _openid(services), services.settings
    visitor = Visitor(who.address, request.headers.get("user-agent", ""))
    try:
        arrival = await openid.arrive(
            request.cookies.get(OPENID_COOKIE, ""), Reply(state, code, error, iss), visitor
        )
    except RootcozError as failure:
        reply = _refused(request, services, failure)
        clear_openid(reply, settings)
        return reply
    page = leading_on(f"{settings.public_base_url}{arrival.return_to}")
    clear_openid(page, settings)
    set_session(page, settings, arrival.signed_in.token, arrival.signed_in.lasts_s)
    set_username(page, settings, arrival.signed_in.identity.name)
    return page


def _refused(request: Request, services: Services, error: RootcozError) -> Response:
    """The error as a page for browsers, and as JSON for everybody else."""
    reply = error_reply(error)
    if "text/html" not in request.headers.get("accept", ""):
        return reply
    kept = {
        name: reply.headers[name] for name in ("www-authenticate", "retry-after") if name in reply.headers
    }
    return refusal(str(error), f"{services.settings.public_base_url}{OPENID_LOGIN}", reply.status_code, kept)


def _openid(services: Services) -> OpenIdSignIn:
    if services.openid is None:
        raise NotConfigured("This server has no identity provider to sign in at: OIDC_ISSUER is not set.")
    return services.openid
