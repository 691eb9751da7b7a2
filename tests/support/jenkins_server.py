"""A Jenkins for tests: a real HTTP server on loopback that replays payloads and does what it is told.

Say what is there (`build`, `report`, `console`, `artifact`, or `answer` for anything), then look at `requests`. Paths
are given below the server's address, as a build's own are: `job/nightly/12/`.
"""

import json
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAYLOADS = Path(__file__).parents[1] / "payloads" / "jenkins"

LOGIN_PAGE = (
    "<html><head><meta http-equiv='refresh' content='1;url=/login?from=%2Fjob%2Fnightly%2F'/></head>"
    "<body>Authentication required <!-- You are authenticated as: anonymous --></body></html>"
)


@dataclass(frozen=True)
class Reply:
    """One answer. `body` may be made while it is sent; `pause_s` is waited before each of its pieces."""

    body: bytes | Callable[[], Iterable[bytes]] = b""
    status: int = 200
    content_type: str = "application/json;charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    hang_up: bool = False
    """Close the connection in the middle of the body."""


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    path: str
    query: Mapping[str, str]
    authorization: str | None


def as_json(value: object) -> Reply:
    return Reply(json.dumps(value).encode())


def page(text: str, status: int = 200, **headers: str) -> Reply:
    return Reply(text.encode(), status, "text/html;charset=utf-8", headers)


def redirect(location: str) -> Reply:
    return Reply(b"", 302, "text/html", {"Location": location})


def payload(name: str) -> Any:  # noqa: ANN401 - any JSON value
    """A payload file's JSON."""
    return json.loads((PAYLOADS / name).read_text(encoding="utf-8"))


class JenkinsServer:
    """What the server knows and what it saw."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.url = ""
        """Set when it listens."""
        self.credentials: str | None = None
        """The `Authorization` without which every path answers with a login page; None for an open server."""
        self.requests: list[Seen] = []
        self._answers: dict[str, list[Reply]] = {}
        self._consoles: dict[str, tuple[bytes, int | None]] = {}
        self._lock = threading.Lock()

    def answer(self, path: str, *replies: Reply) -> None:
        """Give these answers one after the other; the last one stays."""
        self._answers[path] = list(replies)

    def build(self, path: str, value: Mapping[str, Any]) -> None:
        self.answer(f"{path}api/json", as_json(value))

    def failed(self, path: str, **more: object) -> None:
        """A build that failed, without a report, with an empty console unless one is added."""
        number = int(path.rstrip("/").rpartition("/")[2])
        self.build(
            path, {"number": number, "result": "FAILURE", "building": False, "url": self.url + path, **more}
        )
        self.console(path, "Finished: FAILURE\n")

    def report(self, path: str, value: Mapping[str, Any]) -> None:
        self.answer(f"{path}testReport/api/json", as_json(value))

    def console(self, path: str, text: str, *, pieces_of: int | None = None) -> None:
        """The console, at most so many bytes a request."""
        self._consoles[f"{path}logText/progressiveText"] = (text.encode(), pieces_of)

    def artifact(self, path: str, name: str, content: bytes) -> None:
        self.answer(f"{path}artifact/{name}", Reply(content, content_type="application/octet-stream"))

    def asked(self, path: str) -> int:
        """How often the path was asked for."""
        return sum(seen.path == path for seen in self.requests)

    def reply_to(self, target: str, authorization: str | None) -> Reply:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if not parts.path.startswith(f"{self.prefix}/"):
            return page("<h1>This is not Jenkins</h1>", 404)
        path = parts.path[len(self.prefix) + 1 :]
        with self._lock:
            self.requests.append(Seen(path, query, authorization))
            if self.credentials is not None and authorization != self.credentials:
                return page(LOGIN_PAGE, 403)
            if path in self._consoles:
                return self._piece(*self._consoles[path], int(query.get("start", "0")))
            replies = self._answers.get(path)
            if not replies:
                return page("<h1>Not Found</h1>", 404)
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def _piece(self, text: bytes, size: int | None, start: int) -> Reply:
        end = len(text) if size is None else min(start + size, len(text))
        headers = {"X-Text-Size": str(end)} | ({"X-More-Data": "true"} if end < len(text) else {})
        return Reply(text[start:end], content_type="text/plain;charset=utf-8", headers=headers)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    jenkins: JenkinsServer

    def do_GET(self) -> None:
        reply = self.jenkins.reply_to(self.path, self.headers.get("Authorization"))
        body: Iterable[bytes] = [reply.body] if isinstance(reply.body, bytes) else reply.body()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes) and not reply.pause_s and not reply.hang_up:
            self.send_header("Content-Length", str(len(reply.body)))
        else:
            # Of unknown length: it ends with the connection, or with more promised than comes.
            self.send_header("Connection", "close")
            if reply.hang_up:
                self.send_header("Content-Length", "1000000000")
            elif reply.pause_s:
                body = (piece[at : at + 1] for piece in body for at in range(len(piece)))
            self.close_connection = True
        self.end_headers()
        try:
            for piece in body:
                time.sleep(reply.pause_s)
                self.wfile.write(piece)
        except OSError:
            self.close_connection = True  # The client went away, which some tests are about.

    def log_message(self, *_: object) -> None:
        """Be quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Slow answers whose client has gone need not be waited for.
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that hangs up, or trusts no certificate, is no error here."""


@contextmanager
def running_jenkins(prefix: str = "", certificate: Path | None = None) -> Iterator[JenkinsServer]:
    """A server that listens; with HTTPS if there is a `certificate` (a file with key and certificate)."""
    jenkins = JenkinsServer(prefix)
    handler = type("Handler", (_Handler,), {"jenkins": jenkins})
    with _Server(("127.0.0.1", 0), handler) as server:
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        jenkins.url = f"{scheme}://127.0.0.1:{server.server_address[1]}{prefix}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield jenkins
        finally:
            server.shutdown()
            thread.join()


def self_signed(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody has a reason to trust."""
    file, key = folder / "server.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(file)], check=True, capture_output=True)
    file.write_text(key.read_text() + file.read_text())
    return file
