"""An HTTP transport whose replies cannot fill the memory: what is too long ends in an error while it is read."""

from collections.abc import AsyncIterator

import httpx2

REPLY_LIMIT = 10_000_000
"""Bytes of one reply, unpacked or not."""


class ReplyTooLong(httpx2.TransportError):
    """The reply was longer than allowed."""


class BoundedTransport(httpx2.AsyncBaseTransport):
    """The ordinary transport with a limit on each reply's body.

    Compression is not asked for, since a small body may unpack into a large one.
    """

    def __init__(
        self, limit_bytes: int = REPLY_LIMIT, inner: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._inner = inner or httpx2.AsyncHTTPTransport()
        self._limit = limit_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; the returned body raises ReplyTooLong when it is read beyond the limit."""
        request.headers["accept-encoding"] = "identity"
        reply = await self._inner.handle_async_request(request)
        if not isinstance(reply.stream, httpx2.AsyncByteStream):
            raise TypeError("an asynchronous transport answered with a synchronous body")
        if reply.headers.get("content-encoding", "identity") != "identity":
            await reply.aclose()
            raise httpx2.RemoteProtocolError("The reply is compressed although that was not asked for.")
        return httpx2.Response(
            reply.status_code,
            headers=reply.headers,
            stream=_Bounded(reply.stream, self._limit),
            extensions=reply.extensions,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


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
