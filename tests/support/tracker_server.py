"""A local server that answers as it is told, well or badly, and remembers what it was asked."""

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply."""

    body: object = None
    """Sent as JSON, or as it is when it is bytes."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay_s: float = 0
    reset: bool = False
    """Break the connection instead of answering."""
    drip_s: float = 0
    """Pause between single bytes of the body."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent."""

    method: str
    target: str
    """Path and query."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - a test knows what it looks into
        return json.loads(self.body)


class TrackerServer:
    """Give it a `script`; the last answer is repeated. Look at its `requests` afterwards."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: speak it, with this certificate."""
        self.script: list[Answer] = [Answer({})]
        self.requests: list[Request] = []
        self.busiest = 0
        """Requests that were being answered at the same time, at most."""
        self._busy = 0
        self._lock = threading.Lock()
        self.closing = threading.Event()
        owner = self

        class Handler(_Handler):
            server_owner = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def say(self, *answers: Answer) -> None:
        with self._lock:
            self.script = list(answers)

    def take(self, request: Request) -> Answer:
        with self._lock:
            answer = self.script[min(len(self.requests), len(self.script) - 1)]
            self.requests.append(request)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            return answer

    def done(self) -> None:
        with self._lock:
            self._busy -= 1

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def tracker_server(server: TrackerServer | None = None) -> Iterator[TrackerServer]:
    """A tracker that listens; `server`: one with manners of its own."""
    server = server or TrackerServer()
    try:
        yield server
    finally:
        server.close()


class _Handler(BaseHTTPRequestHandler):
    server_owner: TrackerServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner = self.server_owner
        answer = owner.take(Request(self.command, self.path, headers, body))
        try:
            with suppress(OSError):
                self._send(answer)
        finally:
            owner.done()

    def _send(self, answer: Answer) -> None:
        self.server_owner.closing.wait(answer.delay_s)
        if answer.reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        self.send_header("content-length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if not answer.drip_s:
            self.wfile.write(body)
            return
        for byte in body:
            if self.server_owner.closing.is_set():
                return
            self.wfile.write(bytes([byte]))
            time.sleep(answer.drip_s)
