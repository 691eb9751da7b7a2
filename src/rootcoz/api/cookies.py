"""The cookies: the session's, which proves; the name's, which does not; that of a journey to the identity provider."""

from urllib.parse import quote

from fastapi import Response

from rootcoz.api.auth import SESSION_COOKIE, USERNAME_COOKIE
from rootcoz.domain.account import is_reserved
from rootcoz.settings import Settings

USERNAME_LASTS_S = 365 * 24 * 3600
OPENID_COOKIE = "rootcoz_oidc"
OPENID_LASTS_S = 600


def set_session(response: Response, settings: Settings, token: str, lasts_s: int) -> None:
    """Have the browser keep the session; scripts of the page do not see it, other sites do not send it."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=lasts_s,
        httponly=True,
        secure=settings.secure_cookies,
        samesite="strict",
    )


def set_username(response: Response, settings: Settings, username: str) -> None:
    """Have the browser keep the name; `admin` is never named so."""
    if not is_reserved(username):
        response.set_cookie(
            USERNAME_COOKIE,
            quote(username, safe=""),
            max_age=USERNAME_LASTS_S,
            secure=settings.secure_cookies,
            samesite="lax",
        )


def set_openid(response: Response, settings: Settings, ticket: str) -> None:
    """Have the browser keep what it needs when it comes back from the identity provider: that is another site."""
    response.set_cookie(
        OPENID_COOKIE,
        ticket,
        max_age=OPENID_LASTS_S,
        httponly=True,
        secure=settings.secure_cookies,
        samesite="lax",
    )


def clear_openid(response: Response, settings: Settings) -> None:
    """Have the browser forget it: it works once."""
    response.delete_cookie(OPENID_COOKIE, httponly=True, secure=settings.secure_cookies, samesite="lax")


def clear_both(response: Response, settings: Settings) -> None:
    """Have the browser forget who it was."""
    response.delete_cookie(SESSION_COOKIE, httponly=True, secure=settings.secure_cookies, samesite="strict")
    response.delete_cookie(USERNAME_COOKIE, secure=settings.secure_cookies, samesite="lax")
