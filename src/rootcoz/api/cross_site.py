"""Requests that a page of another site made a browser send.

A browser adds its user's cookies, the proxy's sign-in and access to this machine to whatever page asks for a request.
It says where the request comes from: Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/) or at least Origin.
Programs send neither. A key in the header Authorization is added by no browser by itself.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""They change nothing (RFC 9110, section 9.2.1)."""
_OWN = frozenset({"same-origin", "none"})
MESSAGE = (
    "This request was made by a page of another site, so it was not carried out. If it was this server's own page, set "
    "PUBLIC_BASE_URL to the address in the browser."
)


def is_cross_site(method: str, headers: Headers, public_base_url: str) -> bool:
    """Whether the request changes something and comes from a page that is not ours."""
    if method in SAFE_METHODS or _has_bearer(headers):
        return False
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site in _OWN:
        return False
    if origin is not None and public_base_url and origin == _origin(public_base_url):
        return False
    if site is not None:
        return True
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _has_bearer(headers: Headers) -> bool:
    """Not any Authorization: browsers add user and password of `Basic` by themselves."""
    return headers.get("authorization", "").lower().startswith("bearer ")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
