"""Speaks to one Jenkins server. Nothing but `domain.errors` leaves here; each message names server, thing and status.

Only the server's own origin is ever asked: a redirect to another one is refused, so that credentials stay home. A
login page is recognised as what it is, whatever status it comes with. What may pass by itself (no connection, a
time-out, 429, 5xx) is tried again a few times.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import httpx2
import stamina
from pydantic import ValidationError

from rootcoz.domain.errors import InvalidInput, Refused, TooLarge, Unavailable
from rootcoz.sources.jenkins.console import Console, ConsoleKeeper
from rootcoz.sources.jenkins.names import BuildName
from rootcoz.sources.jenkins.replies import BUILD_TREE, BuildReply
from rootcoz.sources.jenkins.test_report import REPORT_TREE, Report, ReportReader, UnreadableReport

BULK_FACTOR = 20
"""A console, a test report or an artifact may take so many times the time limit of a plain request."""
REPLY_BYTES = 32_000_000
"""Of a plain reply."""
_CHUNK = 256 * 1024
_PEEKED = 16_384
"""Bytes of a web page that are searched for signs of a login form."""
_REDIRECTS = 5
_CONSOLE_PIECES = 10_000
"""Requests for one console; one suffices for a build that has ended, unless a proxy cuts its answers short."""
_LONGEST_PAUSE_S = 20.0

_SLOW_ADVICE = "try again later, or raise jenkins_timeout."
_LOGIN_SIGNS = (
    b"/login?from=",
    b"j_spring_security_check",
    b"securityRealm/",
    b'type="password"',
    b"Authentication required",
)
_LOGIN_PATHS = ("/login", "/loginError", "/securityRealm/")

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class JenkinsAccess:
    """Where a server is and what it lets us in with."""

    url: str
    """Its address, with the path below which it serves if there is one."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    """An API token, or the password. Without it or without a user, requests are anonymous."""
    ssl_verify: bool = True
    timeout_s: float = 30.0
    """For a plain request in all, and for the longest silence of any other."""


class NotThere(Refused):
    """The server says it has no such thing; it may also hide it from this user."""


class Troubled(Unavailable):
    """The server answers, but cannot do its work now: 429 or 5xx."""

    def __init__(self, message: str, *, source: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, source=source)
        self.retry_after_s = retry_after_s
        """How long the server asks us to wait; None when it does not say."""


class TooSlow(Unavailable):
    """What was asked for did not arrive within its whole time. Asking again would only take that time again."""

    def __init__(self, message: str, *, source: str) -> None:
        super().__init__(message, source=source, timed_out=True)


class JenkinsClient:
    """Use it as an async context manager. Methods raise Unavailable, Refused, and what their docstrings name."""

    def __init__(self, access: JenkinsAccess, *, attempts: int = 3, first_pause_s: float = 0.5) -> None:
        parts = _address(access.url)
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        """The server's address, without a slash at its end."""
        self.source = f"Jenkins {parts.hostname}"
        self.prefix = f"{parts.path.rstrip('/')}/"
        """The path below which it serves, with slashes around it."""
        self._access = access
        self._attempts = attempts
        self._first_pause_s = first_pause_s
        self._has_credentials = bool(access.user and access.password)
        self._http = httpx2.AsyncClient(
            auth=httpx2.BasicAuth(access.user, access.password) if self._has_credentials else None,
            verify=access.ssl_verify,
            timeout=httpx2.Timeout(access.timeout_s, pool=None),
            follow_redirects=False,
            headers={"Accept": "application/json, text/plain, */*;q=0.5"},
            # A proxy of the environment cannot reach what only this machine can.
            trust_env=parts.hostname not in {"localhost", "127.0.0.1", "::1"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def url_of(self, build: BuildName) -> str:
        """Where people see the build."""
        return f"{self.url}/{build.path}"

    async def build(self, name: BuildName, *, attempts: int | None = None) -> BuildReply:
        """The build as it stands. Raises NotThere."""
        subject = f"build {name}"

        async def read() -> BuildReply:
            path, query = f"{name.path}api/json", {"tree": BUILD_TREE}
            async with self._open(path, subject, query, self._access.timeout_s) as response:
                content = await self._whole(response, subject)
            try:
                reply = BuildReply.model_validate_json(content)
            except ValidationError as error:
                raise self._unusable(subject, _first_problem(error)) from error
            if not reply.model_fields_set & {"number", "result", "building"}:
                raise self._unusable(subject, "it is no build")
            return reply

        return await self._tried(read, attempts)

    async def test_report(self, name: BuildName) -> Report | None:
        """The failing cases of its test report; None if the build has none."""
        subject = f"the test report of build {name}"

        async def read() -> Report | None:
            reader = ReportReader()
            path, query = f"{name.path}testReport/api/json", {"tree": REPORT_TREE}
            try:
                async with self._open(path, subject, query, self._bulk_s) as response:
                    self._refuse_web_page(response, subject)
                    async for chunk in response.aiter_bytes(_CHUNK):
                        await asyncio.to_thread(reader.feed, chunk)
                return await asyncio.to_thread(reader.close)
            except NotThere:
                return None
            except UnreadableReport as error:
                raise self._unusable(subject, str(error)) from error

        return await self._tried(read)

    async def console(self, name: BuildName, *, follow: bool = True) -> Console:
        """Its console, in bounded memory; empty with a note if there is none.

        `follow` asks on while the server has more, as it is right for a build that has ended. A console that breaks
        off for good is returned as far as it came, with a note.
        """
        subject = f"the console of build {name}"
        keeper = ConsoleKeeper()

        async def read() -> Console:
            nonlocal keeper
            keeper = ConsoleKeeper()
            try:
                await self._read_progressive(name, subject, keeper, follow=follow)
            except NotThere:
                # Some proxies let only the plain text through.
                await self._read_text(f"{name.path}consoleText", subject, keeper)
            return await asyncio.to_thread(keeper.close)

        try:
            return await self._tried(read)
        except NotThere as error:
            return Console(note=str(error))
        except Unavailable as error:
            console = await asyncio.to_thread(keeper.close, f"The console is not complete: {error}")
            if not console.total_bytes:
                raise
            return console

    async def download(self, name: BuildName, relative_path: str, target: Path, max_bytes: int) -> int:
        """Write an artifact to `target` and return its size. Raises TooLarge; a part of a file is never left."""
        parts = [part for part in relative_path.split("/") if part]
        subject = f"artifact {relative_path[:200]!r} of build {name}"
        if not parts or any(part in {".", ".."} for part in parts):
            raise self._unusable(subject, "its path leads out of the build")
        path = f"{name.path}artifact/{'/'.join(quote(part, safe='') for part in parts)}"

        async def read() -> int:
            size = 0
            async with self._open(path, subject, {}, self._bulk_s) as response:
                if not relative_path.lower().endswith((".html", ".htm", ".xhtml")):
                    await self._refuse_login_page(response, subject)
                with await asyncio.to_thread(target.open, "wb") as file:
                    async for chunk in response.aiter_bytes(_CHUNK):
                        size += len(chunk)
                        if size > max_bytes:
                            raise TooLarge(f"{subject} is larger than the {max_bytes:,} bytes it may have.")
                        await asyncio.to_thread(file.write, chunk)
            return size

        try:
            return await self._tried(read)
        except BaseException:
            await asyncio.to_thread(target.unlink, missing_ok=True)
            raise

    # --- reading -------------------------------------------------------------------------------

    @property
    def _bulk_s(self) -> float:
        return self._access.timeout_s * BULK_FACTOR

    async def _read_progressive(
        self, name: BuildName, subject: str, keeper: ConsoleKeeper, *, follow: bool
    ) -> None:
        """https://www.jenkins.io/doc/book/using/remote-access-api/: `start` and X-Text-Size count bytes of the log."""
        start = 0
        for _ in range(_CONSOLE_PIECES):
            path = f"{name.path}logText/progressiveText"
            headers = await self._read_text(path, subject, keeper, {"start": str(start)})
            size = headers.get("x-text-size", "")
            more = headers.get("x-more-data", "").lower() == "true"
            if not (follow and more and size.isdigit() and int(size) > start):
                return
            start = int(size)

    async def _read_text(
        self, path: str, subject: str, keeper: ConsoleKeeper, query: Mapping[str, str] | None = None
    ) -> httpx2.Headers:
        async with self._open(path, subject, query or {}, self._bulk_s) as response:
            self._refuse_web_page(response, subject)
            # As they come: what arrived before the connection broke is kept.
            async for chunk in response.aiter_bytes():
                await asyncio.to_thread(keeper.feed, chunk)
            return response.headers

    async def _whole(self, response: httpx2.Response, subject: str) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > REPLY_BYTES:
                raise self._unusable(subject, f"it is larger than {REPLY_BYTES:,} bytes")
        if _is_web_page(response):
            raise self._web_page(response, subject, bytes(content[:_PEEKED]))
        return bytes(content)

    async def _tried(self, read: Callable[[], Awaitable[Done]], attempts: int | None = None) -> Done:
        async for attempt in stamina.retry_context(
            on=_pause_after,
            attempts=attempts or self._attempts,
            timeout=None,
            wait_initial=self._first_pause_s,
            wait_max=10 * self._first_pause_s,
            wait_jitter=self._first_pause_s,
        ):
            with attempt:
                return await read()
        raise AssertionError("unreachable: the last attempt returns or raises")

    # --- one request ---------------------------------------------------------------------------

    @asynccontextmanager
    async def _open(
        self, path: str, subject: str, query: Mapping[str, str], limit_s: float
    ) -> AsyncIterator[httpx2.Response]:
        """The reply to a GET, with a status of 2xx and its content still to be read, within `limit_s` in all."""
        url = httpx2.URL(f"{self.url}/{path}", params=query) if query else httpx2.URL(f"{self.url}/{path}")
        try:
            async with asyncio.timeout(limit_s):
                for _ in range(_REDIRECTS + 1):
                    async with self._http.stream("GET", url) as response:
                        if response.has_redirect_location:
                            url = self._redirected(response, subject)
                            continue
                        await self._check_status(response, subject)
                        yield response
                        return
                raise self._refused(
                    f"redirects in a circle when asked for {subject}; check the server's address"
                )
        except TimeoutError as error:
            message = f"{self.url} did not send {subject} within {limit_s:g} s; {_SLOW_ADVICE}"
            raise TooSlow(message, source=self.source) from error
        except httpx2.TimeoutException as error:
            raise Unavailable(
                f"{self.url} was silent for {self._access.timeout_s:g} s when asked for {subject}; {_SLOW_ADVICE}",
                source=self.source,
                timed_out=True,
            ) from error
        except httpx2.RequestError as error:
            raise self._broken(error, subject) from error

    def _redirected(self, response: httpx2.Response, subject: str) -> httpx2.URL:
        """Where to ask next: at the same origin, and not for a login."""
        target = urljoin(str(response.url), response.headers["location"])
        here, there = urlsplit(self.url), urlsplit(target)
        status = response.status_code
        below = f"/{there.path.removeprefix(self.prefix).lstrip('/')}"
        if below.startswith(_LOGIN_PATHS):
            raise self._wants_login(subject, f"a redirect to its login page (status {status})")
        if _origin(there) != _origin(here):
            raise self._refused(
                f"redirects to {there.scheme}://{there.netloc.rpartition('@')[2]} when asked for {subject} "
                f"(status {status}). Credentials are not sent to another address: set jenkins_url to the one "
                "the server really has, and use an API token if that is a sign-on page"
            )
        return httpx2.URL(target)

    async def _check_status(self, response: httpx2.Response, subject: str) -> None:
        status = response.status_code
        if response.is_success:
            return
        said = f"(status {status})"
        if status == 404:  # noqa: PLR2004 - RFC 9110
            raise NotThere(
                f"{self.url} has no {subject.removeprefix('the ')} {said}, or hides it from this user; check job_name, "
                "build_number and the rights of jenkins_user.",
                source=self.source,
            )
        if status == 429 or status >= 500:  # noqa: PLR2004 - RFC 6585 and RFC 9110
            raise Troubled(
                f"{self.url} could not answer when asked for {subject} {said}; try again later.",
                source=self.source,
                retry_after_s=_retry_after(response),
            )
        if status == 401:  # noqa: PLR2004 - RFC 9110
            if not self._has_credentials:
                raise self._wants_login(subject, f"status {status}")
            raise self._refused(
                f"did not accept the user and password when asked for {subject} {said}; check jenkins_user and "
                "jenkins_password (an API token of that user)"
            )
        if status in {403, 407}:
            await self._refuse_login_page(response, subject)
            who = "this user" if self._has_credentials else "anonymous users"
            raise self._refused(
                f"does not let {who} read {subject} {said}; check jenkins_user and its rights"
            )
        raise self._refused(f"refused to answer when asked for {subject} {said}")

    # --- web pages where data was expected -------------------------------------------------------

    async def _refuse_login_page(self, response: httpx2.Response, subject: str) -> None:
        """Raise Refused if it is one. A page is looked at whole, but only so far as fits."""
        if not _is_web_page(response):
            return
        page = b""
        if not response.is_success:
            async for chunk in response.aiter_bytes():
                page += chunk
                if len(page) >= _PEEKED:
                    break
        if not page or any(sign in page for sign in _LOGIN_SIGNS):
            raise self._wants_login(subject, f"a web page (status {response.status_code})")

    def _refuse_web_page(self, response: httpx2.Response, subject: str) -> None:
        if _is_web_page(response):
            raise self._web_page(response, subject, b"")

    def _web_page(self, response: httpx2.Response, subject: str, page: bytes) -> Refused:
        said = f"(status {response.status_code})"
        if any(sign in page for sign in _LOGIN_SIGNS):
            return self._wants_login(subject, f"its login page {said}")
        return self._refused(
            f"answered with a web page instead of {subject} {said}; check that jenkins_url is the address of a Jenkins "
            "server and that no sign-on page stands in front of it"
        )

    # --- errors ----------------------------------------------------------------------------------

    def _refused(self, what: str) -> Refused:
        return Refused(f"{self.url} {what}.", source=self.source)

    def _unusable(self, subject: str, problem: str) -> Refused:
        return Refused(f"{subject.capitalize()} on {self.url} cannot be read: {problem}.", source=self.source)

    def _wants_login(self, subject: str, how: str) -> Refused:
        advice = (
            "it did not accept the credentials; check jenkins_user and jenkins_password (an API token of that user)"
            if self._has_credentials
            else "it wants to know who asks; set jenkins_user and jenkins_password (an API token)"
        )
        return self._refused(f"answered with {how} when asked for {subject}: {advice}")

    def _broken(self, error: httpx2.RequestError, subject: str) -> Unavailable | Refused:
        problem = _tls_problem(error)
        if problem is not None:
            return self._refused(
                f"cannot be asked for {subject} securely: {problem}. Point SSL_CERT_FILE at the file of your "
                "certificate authority, or set jenkins_ssl_verify to false"
            )
        if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
            return Unavailable(
                f"{self.url} cannot be reached ({_cause(error)}) to ask for {subject}; check jenkins_url and that the "
                "server runs.",
                source=self.source,
            )
        return Unavailable(
            f"The connection to {self.url} broke off when it was asked for {subject}; try again later.",
            source=self.source,
        )


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable or parts.username or parts.password:
        raise InvalidInput(
            "The address of the Jenkins server (jenkins_url) must look like https://jenkins.example.com/path, without "
            "user and password in it."
        )
    return parts


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """What must be equal for two addresses to be of one server (RFC 6454)."""
    try:
        port = parts.port
    except ValueError:
        return parts.scheme, None, None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme)


def _pause_after(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds."""
    if isinstance(error, Troubled) and error.retry_after_s is not None:
        return min(error.retry_after_s, _LONGEST_PAUSE_S)
    return isinstance(error, Unavailable) and not isinstance(error, TooSlow)


def _retry_after(response: httpx2.Response) -> float | None:
    """RFC 9110, 10.2.3. Servers that send a date are asked again at our own pace."""
    value = response.headers.get("retry-after", "").strip()
    return float(value) if value.isdigit() else None


def _is_web_page(response: httpx2.Response) -> bool:
    return "html" in response.headers.get("content-type", "").partition(";")[0].lower()


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]


def _tls_problem(error: BaseException) -> str | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return f"the TLS handshake failed ({cause.reason or 'no reason given'})"
        cause = cause.__cause__ or cause.__context__
    return None


def _cause(error: BaseException) -> str:
    """What the operating system says, without addresses."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return (cause.strerror or os.strerror(cause.errno)).lower()
        cause = cause.__cause__ or cause.__context__
    return "no connection"
