"""One POST to somebody's address, which is a credential itself: no error or log here ever shows it."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

import httpx2

from rootcoz.domain.errors import RateLimited, Refused, Unavailable
from rootcoz.evidence.secrets import redact
from rootcoz.kit.http_bounds import ReplyTooLong, UnaskedCompression, bounded_client
from rootcoz.notify.base import USER_AGENT

TIMEOUT_S = 20.0
REPLY_LIMIT = 100_000
SAID_LIMIT = 120
"""Characters of the other side's own words in an error."""
_BUSY = frozenset({408, 425, 429, 503})
_SERVER_ERROR = 500
_LONGEST_WAIT = 8
"""Digits of a Retry-After in seconds that are read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whom is spoken to."""

    name: str
    """For people, at the beginning of a sentence."""
    source: str
    url: str = field(repr=False)
    address: str = ""
    """Network address to connect to, whatever the name in the URL leads to meanwhile. Empty: as usual."""
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    said: str
    """Its beginning, on one line, without anything that looks like a secret."""
    retry_after_s: float | None


async def post(place: Place, content: bytes, headers: Mapping[str, str]) -> Reply:
    """The answer to one POST, whatever it says; redirects are not followed. Raises Unavailable and Refused."""
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            bounded_client(
                timeout_s=TIMEOUT_S,
                limit_bytes=REPLY_LIMIT,
                verify=await asyncio.to_thread(ssl.create_default_context)
                if place.url.startswith("https:")
                else True,
                environment=False,
                proxy=place.proxy or None,
            ) as client,
        ):
            url, named, extensions = _pinned(place)
            reply = await client.post(
                url,
                content=content,
                headers={"user-agent": USER_AGENT, **named, **headers},
                extensions=extensions,
            )
    except (TimeoutError, httpx2.TimeoutException):
        raise Unavailable(
            f"{place.name} did not answer within {TIMEOUT_S:g} seconds.", source=place.source, timed_out=True
        ) from None
    except (ReplyTooLong, UnaskedCompression):
        raise Refused(
            f"{place.name} answered with more than a notification is answered with; check its address.",
            source=place.source,
        ) from None
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError):
        # Here and below without the cause: the library may quote the address or a header.
        raise Refused(f"{place.name} has an address that cannot be used.", source=place.source) from None
    except (httpx2.HTTPError, ssl.SSLError, OSError) as error:
        raise Unavailable(f"{place.name} {_trouble(error)}.", source=place.source) from None
    return Reply(reply.status_code, _said(reply, place.url), _wait_s(reply))


def check(place: Place, reply: Reply) -> None:
    """Return if the answer accepts the message. Raises Unavailable, RateLimited and Refused."""
    if httpx2.codes.is_success(reply.status):
        return
    tail = f" It said: {reply.said}" if reply.said else ""
    if reply.status in _BUSY:
        raise RateLimited(
            f"{place.name} wants to be left alone for a while (HTTP {reply.status}).{tail}",
            source=place.source,
            retry_after_s=reply.retry_after_s,
        )
    if reply.status >= _SERVER_ERROR:
        raise Unavailable(
            f"{place.name} has trouble of its own (HTTP {reply.status}).{tail}", source=place.source
        )
    hint = " It redirects, which is not followed: configure the final address." if reply.status < 400 else ""  # noqa: PLR2004 - the HTTP status
    raise Refused(f"{place.name} refused the message (HTTP {reply.status}).{hint}{tail}", source=place.source)


def _pinned(place: Place) -> tuple[str, dict[str, str], dict[str, str]]:
    """The URL, headers and options with which the request goes to `place.address` and to nobody else.

    The certificate is still held against the name.
    """
    if not place.address:
        return place.url, {}, {}
    parts = urlsplit(place.url)
    host = f"[{place.address}]" if ":" in place.address else place.address
    at = f"{host}:{parts.port}" if parts.port else host
    name = parts.hostname or ""
    return (
        urlunsplit((parts.scheme, at, parts.path, parts.query, "")),
        {"host": parts.netloc.rpartition("@")[2]},
        {"sni_hostname": name},
    )


def _trouble(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"has a certificate that is not trusted ({cause.verify_message})"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.ProxyError):
        return "cannot be reached through the proxy"
    return "cannot be reached" if isinstance(error, httpx2.ConnectError) else "broke off the connection"


def _said(reply: httpx2.Response, url: str) -> str:
    text = reply.content[: 10 * SAID_LIMIT].decode("utf-8", "replace").replace(url, "[address]")
    for part in {urlsplit(url).path, urlsplit(url).query} - {"", "/"}:
        text = text.replace(part, "[address]")
    words = " ".join(redact(text).text.split())
    said = "".join(character for character in words if character.isprintable())
    return said if len(said) <= SAID_LIMIT else f"{said[: SAID_LIMIT - 1]}…"


def _wait_s(reply: httpx2.Response) -> float | None:
    """Seconds that Retry-After asks for (RFC 9110, section 10.2.3); None when it does not."""
    after = reply.headers.get("retry-after", "").strip()
    if after.isdecimal() and after.isascii():
        return float(after[:_LONGEST_WAIT])
    try:
        moment = parsedate_to_datetime(after)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
