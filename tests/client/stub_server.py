"""A real HTTP server that plays ours: it counts what comes in and answers what a test tells it to."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
JOB_ID = "6f1c7a52-0000-4000-8000-000000000001"


@dataclass
class Answer:
    """What one request gets."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


def json_answer(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


@dataclass
class Seen:
    """What a request was."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    body_bytes: int


@dataclass
class StubServer:
    """The application and what it saw. Answers are taken from the front; the last one stays."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    keep_bodies: bool = True
    refuse_at_bytes: int | None = None
    """After so many bytes of a body, answer 413 without reading the rest."""

    def forget(self) -> None:
        """As new, for the next test."""
        self.answers.clear()
        self.seen.clear()
        self.keep_bodies = True
        self.refuse_at_bytes = None

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[f"{method} {path}"] = list(answers)

    def accepts(self, result: object, *, polls: list[object] | None = None) -> None:
        """Queue what comes in, answer the polls with 202 in turn, then with the result."""
        queued = {"status": "queued", "job_id": JOB_ID, "message": "", "base_url": "", "result_url": ""}
        self.on("POST", "/analyze-failures", json_answer(queued, 202))
        running = [json_answer(poll, 202) for poll in polls or []]
        self.on("GET", f"/results/{JOB_ID}", *running, json_answer(result))

    @property
    def submitted(self) -> dict[str, Any]:
        """The newest request for an analysis."""
        posts = [request for request in self.seen if request.method == "POST"]
        value: dict[str, Any] = json.loads(posts[-1].body)
        return value

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        kept = bytearray()
        size = 0
        answer = None
        while True:
            message = await receive()
            chunk = message.get("body", b"")
            size += len(chunk)
            if self.keep_bodies:
                kept += chunk
            if self.refuse_at_bytes is not None and size > self.refuse_at_bytes:
                answer = json_answer({"detail": "A document may have at most 50 MB."}, 413)
                break
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        self.seen.append(Seen(scope["method"], scope["path"], query, headers, bytes(kept), size))
        if answer is None:
            answer = self._next(f"{scope['method']} {scope['path']}")
        await asyncio.sleep(answer.delay_s)
        named = {"content-type": answer.content_type, **answer.headers}
        raw = [(name.encode(), value.encode()) for name, value in named.items() if value]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})

    def _next(self, request: str) -> Answer:
        waiting = self.answers.get(request)
        if not waiting:
            return json_answer({"detail": "Not found"}, 404)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def running_stub() -> Iterator[StubServer]:
    """The stub behind a free port of this machine, in a thread of its own."""
    stub = StubServer()
    listener = socket.create_server(("127.0.0.1", 0))
    stub.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(stub, lifespan="off", log_config=None, ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield stub
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
