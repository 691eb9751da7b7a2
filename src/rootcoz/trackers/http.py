"""Speaking to a tracker: the one place for time limits, retries, TLS, proxies, redirects and the size of replies.

What goes wrong leaves here as Unavailable (nobody answered, or asked to be left alone) or Refused (an answer that
says no), with a sentence that says who can put it right. Messages quote the tracker's own words, bounded and without
the credential; they never quote the HTTP library, which may show headers.

What changes nothing is asked again whenever that may help. What makes something is sent again only when it was
certainly not done; when that is not known, it ends in OutcomeUnknown and whoever asked has to look.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
import stamina
from pydantic import BaseModel, ValidationError

from rootcoz.domain.errors import (
    CredentialRefused,
    OutcomeUnknown,
    OutsideError,
    RateLimited,
    Refused,
    Unavailable,
)
from rootcoz.kit.http_bounds import ReplyTooLong, UnaskedCompression, bounded_client

USER_AGENT = "rootcoz"
MAX_REDIRECTS = 3
SAID_LIMIT = 300
"""Characters of a tracker's own words in a message."""

_KEEP_METHOD = frozenset({307, 308})
_REDIRECTS = frozenset({301, 302, 303}) | _KEEP_METHOD
_FORBIDDEN = 403
_OVERLOADED = 503
_BUSY = frozenset({429, _OVERLOADED})
_NOT_THERE = frozenset({404, 410})
_SERVER_ERROR = 500

Reply = TypeVar("Reply", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often is tried. All times in seconds."""

    attempt_s: float = 20.0
    """One request, from connecting to the last byte: a slow drip ends here as well."""
    total_s: float = 60.0
    """All tries of one request together, pauses included."""
    tries: int = 4
    first_pause_s: float = 0.5
    """Doubles with each try; up to as much again is added at random, so that many clients do not come back at once."""
    longest_pause_s: float = 10.0
    reply_bytes: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A tracker's server and how it is spoken to."""

    name: str
    """For people, at the beginning of a sentence."""
    source: str
    """`tracker jira`."""
    url: str
    """Without a trailing slash."""
    headers: Mapping[str, str] = field(repr=False)
    """Sent with each request, the credential among them."""
    secrets: tuple[str, ...] = field(repr=False)
    """Taken out of whatever is quoted."""
    address_setting: str = ""
    """What the user sets to name the server; stands in messages."""
    credential_setting: str = ""
    verify_tls: bool = True
    proxy: str = field(default="", repr=False)
    """Empty: none. Proxies of the environment are never used."""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Errand:
    """What a request is for, as messages name it."""

    noun: str
    """Stands in `refused the …`."""
    act: str
    """Stands in `does not let this credential …`."""
    answer: str
    """Stands in `answered with something that is no …`."""
    changes: bool = False
    """Whether it makes something."""


SEARCH = Errand("search", "search", "search result")


class RefusedFields(Refused):
    """The tracker does not take the values of some fields."""

    def __init__(self, message: str, *, source: str, fields: Mapping[str, str]) -> None:
        super().__init__(message, source=source)
        self.fields = fields
        """What it says of each, by the field's id."""


class TrackerHttp:
    """Sends requests to one endpoint and to nowhere else."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._at = endpoint
        self._origin = _origin(endpoint.url)

    async def get(
        self, kind: type[Reply], path: str, *, params: Mapping[str, str], errand: Errand = SEARCH
    ) -> Reply:
        """The answer to a GET, read as `kind`."""
        return await self._request(kind, "GET", path, errand, params=params)

    async def post(
        self, kind: type[Reply], path: str, *, body: Mapping[str, object], errand: Errand = SEARCH
    ) -> Reply:
        """The answer to a POST, read as `kind`."""
        return await self._request(kind, "POST", path, errand, body=body)

    async def put(
        self, kind: type[Reply], path: str, *, body: Mapping[str, object], errand: Errand = SEARCH
    ) -> Reply:
        """The answer to a PUT, read as `kind`."""
        return await self._request(kind, "PUT", path, errand, body=body)

    async def _request(
        self,
        kind: type[Reply],
        method: str,
        path: str,
        errand: Errand,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Reply:
        """Ask, again and again where that may help.

        Raises Unavailable (RateLimited and OutcomeUnknown among them) and Refused (CredentialRefused and RefusedFields
        among them).
        """
        limits = self._at.limits
        ends = time.monotonic() + limits.total_s

        def pause(error: Exception) -> bool | float:
            """Whether to try again, or the seconds that the tracker asked for."""
            if (
                not isinstance(error, OutsideError)
                or not error.retryable
                or isinstance(error, OutcomeUnknown)
            ):
                return False
            wait = error.retry_after_s if isinstance(error, RateLimited) else None
            if wait is None:
                return True
            return wait if wait <= limits.longest_pause_s and time.monotonic() + wait < ends else False

        async with bounded_client(
            timeout_s=limits.attempt_s,
            limit_bytes=limits.reply_bytes,
            verify=_trust(urlsplit(self._at.url).scheme, verify=self._at.verify_tls),
            environment=False,
            proxy=self._at.proxy or None,
        ) as client:
            request = client.build_request(
                method,
                self._at.url + path,
                params=params,
                json=body,
                headers={"accept": "application/json", "user-agent": USER_AGENT, **self._at.headers},
            )
            async for attempt in stamina.retry_context(
                on=pause,
                attempts=limits.tries,
                timeout=limits.total_s,
                wait_initial=limits.first_pause_s,
                wait_max=limits.longest_pause_s,
                wait_jitter=limits.first_pause_s,
            ):
                with attempt:
                    return self._read(kind, await self._send(client, request, errand), errand)
        raise AssertionError("retry_context ends with a value or an error")

    async def _send(
        self, client: httpx2.AsyncClient, request: httpx2.Request, errand: Errand
    ) -> httpx2.Response:
        """One try, with redirects that stay on the same server."""
        limits = self._at.limits
        try:
            async with asyncio.timeout(limits.attempt_s):
                for _ in range(MAX_REDIRECTS + 1):
                    reply = await client.send(request)
                    if reply.status_code not in _REDIRECTS:
                        return reply
                    request = self._redirected(client, request, reply)
        except (TimeoutError, httpx2.TimeoutException) as error:
            done = errand.changes and not isinstance(error, httpx2.ConnectTimeout)
            raise self._unanswered(
                f"{self._at.name} did not answer within {limits.attempt_s:g} seconds.",
                maybe_done=done,
                timed_out=True,
            ) from error
        except ReplyTooLong as error:
            raise self._unusable(
                f"{self._at.name} answered with more than {limits.reply_bytes:,} bytes, which is no answer to a "
                f"{errand.noun}.",
                errand,
            ) from error
        except UnaskedCompression as error:
            raise self._unusable(
                f"{self._at.name} answered compressed although it was asked not to; a proxy in between may do that.",
                errand,
            ) from error
        except httpx2.LocalProtocolError:
            # Without its cause: the library quotes the header that it could not send.
            raise self._refused(
                f"{self._at.name} could not be asked: its address or credential is malformed."
            ) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError) as error:
            raise self._unreachable(error, errand) from error
        raise self._refused(f"{self._at.name} redirects in a circle: check {self._at.address_setting}.")

    def _redirected(
        self, client: httpx2.AsyncClient, request: httpx2.Request, reply: httpx2.Response
    ) -> httpx2.Request:
        target = origin = ""
        try:
            target = urljoin(str(request.url), reply.headers.get("location", ""))
            origin = _origin(target)
        except ValueError:
            pass  # Refused below, as any other place that is not ours.
        if origin != self._origin or (request.method != "GET" and reply.status_code not in _KEEP_METHOD):
            where = f" to {_shown(origin)}" if origin and origin != self._origin else ""
            raise self._refused(
                f"{self._at.name} redirects{where}, where the credential is not sent: check that "
                f"{self._at.address_setting} is the final address and that no sign-in page stands before it."
            )
        return client.build_request(
            request.method, target, headers=request.headers, content=request.content or None
        )

    # --- reading ---------------------------------------------------------------------------------

    def _read(self, kind: type[Reply], reply: httpx2.Response, errand: Errand) -> Reply:
        if not reply.is_success:
            raise self._status_error(reply, errand)
        if _is_page(reply):
            raise self._unusable(
                f"{self._at.name} answered with a web page instead of data: check that {self._at.address_setting} "
                f"is the address of {self._at.name} itself and that no sign-in page stands before it.",
                errand,
            )
        try:
            return kind.model_validate_json(reply.content)
        except (ValidationError, RecursionError):
            # Without its cause, which quotes the reply at length.
            raise self._unusable(
                f"{self._at.name} answered with something that is no {errand.answer}: check "
                f"{self._at.address_setting}.",
                errand,
            ) from None

    def _status_error(self, reply: httpx2.Response, errand: Errand) -> OutsideError:
        status, name = reply.status_code, self._at.name
        said, fields = self._said(reply)
        tail = f" It said: {said}" if said else ""
        wait = _wait_s(reply)
        limited = wait is not None or _is_exhausted(reply) or "rate limit" in said.lower()
        busy = status in _BUSY or (status == _FORBIDDEN and limited)
        if errand.changes and status == _OVERLOADED and wait is None:
            busy = False  # Some gateway's word; the tracker behind it may have done its work.
        if busy:
            later = f"in {wait:.0f} seconds" if wait is not None else "later"
            return RateLimited(
                f"{name} turned us away for a rate limit or overload (HTTP {status}); ask again {later}.{tail}",
                source=self._at.source,
                retry_after_s=wait,
            )
        if status >= _SERVER_ERROR:
            return self._unanswered(
                f"{name} has trouble of its own (HTTP {status}).{tail}", maybe_done=errand.changes
            )
        message = f"{name} {self._reason(status, errand)}{tail}"
        if status in {401, _FORBIDDEN}:
            return CredentialRefused(message, source=self._at.source)
        if fields:
            return RefusedFields(message, source=self._at.source, fields=fields)
        return self._refused(message, not_found=status in _NOT_THERE)

    def _reason(self, status: int, errand: Errand) -> str:
        """What a status of the 400s means, and who can put it right."""
        match status:
            case 401:
                return f"did not accept the credential (HTTP 401): check {self._at.credential_setting}."
            case 403:
                return (
                    f"does not let this credential {errand.act} (HTTP 403): it lacks a permission, or it has expired; "
                    f"check {self._at.credential_setting}."
                )
            case 404 | 410:
                what = "has no search at this address"
                if errand is not SEARCH:
                    what = "has nothing at this address, or does not show it to this credential"
                return f"{what} (HTTP {status}): check {self._at.address_setting}."
            case 407:
                return "cannot be reached: the proxy wants a login (HTTP 407)."
            case _:
                return f"refused the {errand.noun} (HTTP {status})."

    def _said(self, reply: httpx2.Response) -> tuple[str, dict[str, str]]:
        """The tracker's own sentences in an error, as GitHub (`message`) and Jira (`errorMessages`) write them.

        And those that Jira has about single fields, by the field's id.
        """
        if _is_page(reply):
            return "", {}
        try:
            body: Any = json.loads(reply.content)
        except (ValueError, RecursionError):
            return "", {}
        if not isinstance(body, dict):
            return "", {}
        parts = [body.get("message")]
        fields: dict[str, str] = {}
        for listed in (body.get("errorMessages"), body.get("errors")):
            if isinstance(listed, dict):
                fields = {key: self._clean(text) for key, text in listed.items() if isinstance(text, str)}
                parts += listed.values()
            elif isinstance(listed, list):
                parts += [entry.get("message") if isinstance(entry, dict) else entry for entry in listed]
        said = " ".join(part for part in parts if isinstance(part, str) and part.strip())
        return self._clean(said), fields

    def _clean(self, said: str) -> str:
        """On one line, without the credential, and not too long."""
        said = " ".join(said.split())
        for secret in self._at.secrets:
            if secret:
                said = said.replace(secret, "***")
        said = "".join(char for char in said if char.isprintable())
        return said if len(said) <= SAID_LIMIT else said[: SAID_LIMIT - 1] + "…"

    # --- failing ---------------------------------------------------------------------------------

    def _unreachable(self, error: Exception, errand: Errand) -> OutsideError:
        if _is_certificate_trouble(error):
            return self._refused(
                f"{self._at.name}'s certificate is not trusted: have its authority trusted on this machine, or switch "
                "off the check of its certificate."
            )
        what = (
            "did not let us connect" if isinstance(error, httpx2.ConnectError) else "broke off the connection"
        )
        if isinstance(error, httpx2.ProxyError):
            what = "cannot be reached through the proxy"
        not_sent = isinstance(error, httpx2.ConnectError | httpx2.ProxyError | httpx2.InvalidURL)
        return self._unanswered(
            f"{self._at.name} at {_shown(self._origin)} {what}.", maybe_done=errand.changes and not not_sent
        )

    def _unanswered(self, message: str, *, maybe_done: bool, timed_out: bool = False) -> Unavailable:
        kind = OutcomeUnknown if maybe_done else Unavailable
        return kind(message, source=self._at.source, timed_out=timed_out)

    def _unusable(self, message: str, errand: Errand) -> OutsideError:
        """An answer that cannot be read: whether it said yes is not known."""
        if errand.changes:
            return OutcomeUnknown(message, source=self._at.source)
        return self._refused(message)

    def _refused(self, message: str, *, not_found: bool = False) -> Refused:
        return Refused(message, source=self._at.source, not_found=not_found)


@cache
def _trust(scheme: str, *, verify: bool) -> ssl.SSLContext:
    """Whom TLS trusts: the machine's authorities. Read once, which takes a while."""
    context = ssl.create_default_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _origin(url: str) -> str:
    """Scheme, host and port. Raises ValueError when it has none."""
    parts = urlsplit(url)
    port = (
        parts.port or {"http": 80, "https": 443}[parts.scheme] if parts.scheme in {"http", "https"} else None
    )
    if port is None or not parts.hostname:
        raise ValueError("no HTTP address")
    return f"{parts.scheme}://{parts.hostname.lower()}:{port}"


def _shown(origin: str) -> str:
    """The origin for people: without the port that goes without saying."""
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")


def _is_page(reply: httpx2.Response) -> bool:
    return "html" in reply.headers.get("content-type", "").lower() or reply.content[:64].lstrip().startswith(
        b"<"
    )


def _is_exhausted(reply: httpx2.Response) -> bool:
    """GitHub's sign that the quota is used up; its status may be 403."""
    return bool(reply.headers.get("x-ratelimit-remaining") == "0")


def _wait_s(reply: httpx2.Response) -> float | None:
    """Seconds after which the tracker wants to be asked again; None when it does not say.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api for the reset of GitHub's quota.
    """
    now = datetime.now(UTC)
    after = reply.headers.get("retry-after", "").strip()
    if after.isdecimal() and after.isascii():
        return float(after[:_LONGEST_NUMBER])
    if after:
        try:
            moment = parsedate_to_datetime(after)
        except (ValueError, OverflowError):
            return None
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    reset = reply.headers.get("x-ratelimit-reset", "").strip()
    if _is_exhausted(reply) and reset.isdecimal() and reset.isascii():
        return max(0.0, float(reset[:_LONGEST_NUMBER]) - now.timestamp())
    return None


_LONGEST_NUMBER = 12
"""Digits of a number of seconds that are read."""


def _is_certificate_trouble(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
