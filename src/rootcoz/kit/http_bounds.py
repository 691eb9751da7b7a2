"""An HTTP client whose replies cannot fill the memory: what is too long ends in an error while it is read."""

import ssl
from collections.abc import AsyncIterator

import httpx2

REPLY_LIMIT = 10_000_000
"""Bytes of one reply."""


class ReplyTooLong(httpx2.TransportError):
    """The reply was longer than allowed."""


class UnaskedCompression(httpx2.TransportError):
    """The reply was compressed although that was not asked for."""


def bounded_client(
    *,
    timeout_s: float,
    limit_bytes: int = REPLY_LIMIT,
    verify: ssl.SSLContext | bool = True,
    environment: bool = True,
    proxy: str | None = None,
) -> httpx2.AsyncClient:
    """A client as usual that follows no redirects.

    Reading a reply of more than `limit_bytes` raises ReplyTooLong. Compression is not asked for and not accepted,
    since a small body may unpack into a large one. Without `environment`, proxies and logins (`.netrc`) of the
    environment are left alone and only `proxy` counts.
    """

    async def bound(reply: httpx2.Response) -> None:
        if reply.headers.get("content-encoding", "identity") != "identity":
            raise UnaskedCompression("The reply is compressed although that was not asked for.")
        if isinstance(reply.stream, httpx2.AsyncByteStream):
            reply.stream = _Bounded(reply.stream, limit_bytes)

    return httpx2.AsyncClient(
        timeout=timeout_s,
        headers={"accept-encoding": "identity"},
        event_hooks={"response": [bound]},
        verify=verify,
        trust_env=environment,
        proxy=proxy,
    )


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, limit: int) -> None:
        self._stream = stream
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > self._limit:
                raise ReplyTooLong(f"The reply is longer than {self._limit:,} bytes.")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
