"""The client: one method for each endpoint that the command line needs, and `wait`."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

import httpx2
from pydantic import TypeAdapter, ValidationError

from rootcoz.client.models import Accepted, Health, JsonObject, ResultListItem, ResultResponse
from rootcoz.client.replies import IN_PROCESS, SOURCE, parsed, refusal, transport_error, unreadable
from rootcoz.client.submission import Decode, ReportFile, SubmitOptions, failures_body, reports_body
from rootcoz.domain.errors import InvalidInput, OutsideError, RootcozError, Unavailable
from rootcoz.kit.loopback import is_loopback
from rootcoz.kit.xml_encoding import decode_xml

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
_PAUSE_GROWTH = 1.5
CONNECT_TIMEOUT_S = 10.0
ANALYSIS_TIMEOUT_S = 3600.0
"""Seconds that the reply to a new analysis may take: a server that does not queue works before it answers."""

_RESULT_LIST = TypeAdapter(list[ResultListItem])


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running analysis is."""

    status: str
    phase: str = ""
    groups_answered: int | None = None
    groups_total: int | None = None
    trouble: str = ""
    """Why the newest state is not known, while it is being tried again."""


class _Body:
    """Pieces of a request body, made in a thread; remembers the error that stopped them.

    The exchange may end with another error than the one that cut the body short (in process, the server
    answers for itself), so the cause is kept for the caller.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.error: RootcozError | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                piece = await asyncio.to_thread(next, self._pieces, None)
            except RootcozError as error:
                self.error = error
                raise
            if piece is None:
                return
            if piece:
                yield piece


class Client:
    """Speaks to one server. Use it as an async context manager, or call `close`.

    `token` is an API key. `username` names the author in open mode and proves nothing. `transport` replaces
    the network: `httpx2.ASGITransport(app)` speaks to an application in this process. `timeout_s` is the
    longest silence of the server, in seconds. `name` is what messages call the server; empty: it is
    this process, which they leave out. Every method raises
    errors of `domain.errors` and no others.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str | None = None,
        token: str | None = None,
        username: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self.base_url = _checked(base_url)
        self.name = _without_credentials(self.base_url) if name is None else name
        self._timeout_s = timeout_s
        self._http = httpx2.AsyncClient(
            base_url=self.base_url,
            headers=_headers(token, username),
            transport=transport,
            # A proxy of the environment cannot reach this machine's own servers.
            trust_env=not is_loopback(urlsplit(self.base_url).hostname or ""),
        )

    @property
    def _who(self) -> str:
        return self.name or IN_PROCESS

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def health(self) -> Health:
        """Whether the server answers, and its version."""
        return parsed(Health, await self._exchange("GET", "/health"), self._who)

    async def submit_reports(
        self,
        reports: Sequence[ReportFile],
        options: SubmitOptions | None = None,
        *,
        decode: Decode = decode_xml,
    ) -> str:
        """Start one analysis of report documents; its id. The documents are streamed, a chunk at a time."""
        return await self._submit(reports_body(reports, options or SubmitOptions(), decode))

    async def submit_failures(
        self, failures: Sequence[JsonObject], options: SubmitOptions | None = None
    ) -> str:
        """Start an analysis of raw failures; its id. The server checks the failures' fields."""
        return await self._submit(failures_body(failures, options or SubmitOptions()))

    async def _submit(self, pieces: Iterator[bytes]) -> str:
        body = _Body(pieces)
        try:
            response = await self._exchange(
                "POST",
                "/analyze-failures",
                content=body,
                # The server answers at once with 202; one that ignores the wish answers 200 when it is done.
                headers={"Content-Type": "application/json", "Prefer": "respond-async"},
                timeout_s=ANALYSIS_TIMEOUT_S,
            )
        finally:
            if body.error is not None:  # however the exchange ended, this is why
                raise body.error from None
        return parsed(Accepted, response, self._who).job_id

    async def result(self, job_id: str) -> ResultResponse:
        """The analysis as it stands: partial while it runs. Raises NotFound."""
        response = await self._exchange("GET", f"/results/{quote(job_id, safe='')}")
        try:
            return ResultResponse.from_document(response.content)
        except ValidationError as error:
            raise unreadable(response, self._who) from error

    async def list_results(self, limit: int = 50) -> list[ResultListItem]:
        """The newest analyses, newest first."""
        response = await self._exchange("GET", "/results", params={"limit": str(limit)})
        try:
            return _RESULT_LIST.validate_json(response.content)
        except ValidationError as error:
            raise unreadable(response, self._who) from error

    async def abort(self, job_id: str) -> None:
        """Stop an analysis; its answers so far are its result. Raises NotFound, Conflict, NotAllowed."""
        await self._exchange("POST", f"/results/{quote(job_id, safe='')}/abort")

    async def reanalyze(self, job_id: str, options: SubmitOptions | None = None) -> str:
        """Start a new analysis of what a stored one was about; its id. Raises NotFound, NotAllowed, InvalidInput."""
        response = await self._exchange(
            "POST",
            f"/re-analyze/{quote(job_id, safe='')}",
            content=json.dumps((options or SubmitOptions()).fields()).encode(),
            headers={"Content-Type": "application/json"},
        )
        return parsed(Accepted, response, self.name).job_id

    async def delete(self, job_id: str) -> None:
        """Delete an analysis and all that hangs on it. Raises NotFound, NotAllowed."""
        await self._exchange("DELETE", f"/results/{quote(job_id, safe='')}")

    async def wait(
        self,
        job_id: str,
        on_progress: Callable[[Progress], None] = lambda _: None,
        *,
        patience_s: float = 30.0,
    ) -> ResultResponse:
        """Ask for the analysis until it is completed or failed; the last answer.

        A server that does not answer is asked again for `patience_s` seconds (it may be restarting); then its
        error is raised. Other errors are raised at once.
        """
        pause = FIRST_PAUSE_S
        silent_since: float | None = None
        while True:
            try:
                response = await self.result(job_id)
            except OutsideError as error:
                now = time.monotonic()
                silent_since = now if silent_since is None else silent_since
                if not error.retryable or now - silent_since >= patience_s:
                    raise
                on_progress(Progress(status="unknown", trouble=str(error)))
            else:
                silent_since = None
                if response.is_final:
                    return response
                on_progress(_progress(response))
            await asyncio.sleep(pause)
            pause = min(pause * _PAUSE_GROWTH, LONGEST_PAUSE_S)

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        content: _Body | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> httpx2.Response:
        """The server's reply of 2xx. Raises the error that any other outcome stands for."""
        timeout = httpx2.Timeout(
            self._timeout_s,
            connect=min(self._timeout_s, CONNECT_TIMEOUT_S),
            read=timeout_s or self._timeout_s,
        )
        try:
            response = await self._http.request(
                method, path, content=content, headers=headers, params=params, timeout=timeout
            )
        except httpx2.DecodingError as error:
            raise Unavailable(f"The reply of {self._who} was damaged on the way.", source=SOURCE) from error
        except httpx2.RequestError as error:
            raise transport_error(error, self._who) from error
        if not response.is_success:
            raise refusal(response, self.name)
        return response


def _headers(token: str | None, username: str | None) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if token:
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise InvalidInput(
                "The API key holds characters that no key has; set ROOTCOZ_API_KEY to a key as it was made."
            )
        headers["Authorization"] = f"Bearer {token}"
    if username:
        headers["Cookie"] = f"rootcoz_username={quote(username, safe='')}"
    return headers


def _checked(base_url: str) -> str:
    """The server's address without a slash at its end. Raises InvalidInput."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        httpx2.URL(base_url)
    except (ValueError, httpx2.InvalidURL):
        usable = False
    if not usable:
        raise InvalidInput(
            f"{base_url!r} is no address of a server; expected one like https://rootcoz.example.com."
        )
    return base_url.rstrip("/")


def _without_credentials(base_url: str) -> str:
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _progress(response: ResultResponse) -> Progress:
    result = response.result
    if result is None:
        return Progress(status=response.status)
    return Progress(
        status=response.status,
        phase=result.progress_phase or "",
        groups_answered=result.groups_answered,
        groups_total=result.groups_total,
    )
