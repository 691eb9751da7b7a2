"""Server-sent events (the `text/event-stream` of the HTML standard, section 9.2)."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi.responses import StreamingResponse

from rootcoz.features.events import Event, Subscription

HEARTBEAT_S = 15.0
"""Seconds of silence after which a comment says that we are still there; proxies close what is silent for long."""
MEDIA_TYPE = "text/event-stream"
_RETRY_MS = 2_000


def event_stream(events: AsyncIterator[bytes]) -> StreamingResponse:
    """The reply that sends the encoded events as they come."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type=MEDIA_TYPE, headers=headers)


def event_stream_responses(schema: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entry of a stream whose events have this schema."""
    item = {"$ref": f"#/components/schemas/{schema}"}
    content = {MEDIA_TYPE: {"schema": {"type": "string"}, "itemSchema": item}}
    return {
        200: {
            "description": f"A stream of events, each with a {schema} as JSON in `data`.",
            "content": content,
        }
    }


async def encoded(subscription: Subscription) -> AsyncIterator[bytes]:
    """The events of the subscription on the wire, with a heartbeat when none come."""
    yield f"retry: {_RETRY_MS}\n\n".encode()  # at once: the watcher learns that it is connected
    async for event in subscription.paced(HEARTBEAT_S):
        yield b": still here\n\n" if event is None else encoded_event(event)


def encoded_event(event: Event) -> bytes:
    """One event. JSON has no line breaks, so one `data` line holds it."""
    return b"id: %d\ndata: %b\n\n" % (event.number, orjson.dumps(event.progress))
