from collections.abc import Iterator

import pytest
from tests.support.model_server import Answer, ModelServer, model_server

from rootcoz.kit.http_bounds import ReplyTooLong, UnaskedCompression, bounded_client


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


async def body(server: ModelServer, raw: bytes, headers: dict[str, str] | None = None) -> bytes:
    server.models_reply = Answer(raw=raw, headers=headers or {})
    async with bounded_client(timeout_s=5, limit_bytes=1000) as client:
        return (await client.get(f"{server.url}/models")).content


async def test_a_reply_within_the_limit_is_read(server: ModelServer) -> None:
    assert await body(server, b"x" * 1000) == b"x" * 1000


async def test_a_longer_reply_is_an_error(server: ModelServer) -> None:
    with pytest.raises(ReplyTooLong, match="longer than 1,000 bytes"):
        await body(server, b"x" * 1001)


async def test_compression_is_not_asked_for_and_not_accepted(server: ModelServer) -> None:
    with pytest.raises(UnaskedCompression, match="compressed"):
        await body(server, b"\x1f\x8b", {"content-encoding": "gzip"})

    assert server.requests[0].headers["accept-encoding"] == "identity"
