"""No route reads a body of unbounded size."""

from fastapi.responses import JSONResponse

from rootcoz.api.auth import App, Message, Receive, Scope, Send

SMALL_BODY_LIMIT = 2_000_000
"""Bytes of a body that a route reads as a whole. Routes that stream bring their own limit."""


class LimitBodies:
    """Answers 413 once a body grows over SMALL_BODY_LIMIT, except on the paths that stream."""

    def __init__(self, app: App, streaming_paths: frozenset[str]) -> None:
        self._app = app
        self._streaming_paths = streaming_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, counting, or answer 413."""
        if scope["type"] != "http" or scope["path"] in self._streaming_paths:
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > SMALL_BODY_LIMIT:
            await _refuse(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > SMALL_BODY_LIMIT:
                raise _BodyTooLarge
            return message

        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, watched)
        except _BodyTooLarge:
            if not started:
                await _refuse(scope, receive, send)


class _BodyTooLarge(BaseException):
    """Passes through the framework's own handlers, which would make a 400 or 500 of it."""


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    reply = JSONResponse({"detail": f"The body is larger than {SMALL_BODY_LIMIT:,} bytes."}, 413)
    await reply(scope, receive, send)
