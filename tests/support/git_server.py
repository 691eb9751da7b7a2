"""A real git server on loopback: git's own `http-backend` behind a small HTTP front that can also misbehave.

/o/r.git            the repository `root`/o/r.git, with Basic authentication if `token` is set
/login/o/r.git      200 and a web page, as a login in front of a server answers
/moved/o/r.git      301 to /o/r.git here
/elsewhere/o/r.git  301 to the address in `elsewhere`
/sign-in/o/r.git    302 to a login page here
/broken/o/r.git     503
/slow/o/r.git       no answer for a minute
"""

import base64
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}

_LOGIN_PAGE = b"<html><form action='/login'>Sign in</form></html>"


class GitServer(ThreadingHTTPServer):
    """Serves the bare repositories below `root`. `seen` holds (path, Authorization header) of each request."""

    daemon_threads = True

    def __init__(self, root: Path, *, token: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.token = token
        self.elsewhere = ""
        self.seen: list[tuple[str, str | None]] = []
        self.scheme = "http"
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GitServer

    def log_message(self, *_: object) -> None:  # the base class writes to standard error
        pass

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        server = self.server
        server.seen.append((self.path, self.headers.get("Authorization")))
        body = self.body()
        first, _, rest = self.path.removeprefix("/").partition("/")
        odd = {
            "login": (200, {"Content-Type": "text/html"}),
            "moved": (301, {"Location": f"/{rest}"}),
            "elsewhere": (301, {"Location": f"{server.elsewhere}/{rest}"}),
            "sign-in": (302, {"Location": f"/users/sign_in?from=/{rest.partition('?')[0]}"}),
            "broken": (503, {}),
            "slow": (503, {}),
        }
        if first in odd:
            server.stopping.wait(60 if first == "slow" else 0)
            self.answer(odd[first][0], _LOGIN_PAGE, odd[first][1])
        elif server.token is not None and not self.is_allowed():
            self.answer(401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        else:
            self.serve_repository(body)

    do_POST = do_GET  # noqa: N815 - the name that the base class calls

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = b""
        while size := int(self.rfile.readline(), 16):
            pieces += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return pieces

    def is_allowed(self) -> bool:
        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        if kind != "Basic":
            return False
        return base64.b64decode(value).decode().partition(":")[2] == self.server.token

    def serve_repository(self, body: bytes) -> None:
        url = urlsplit(self.path)
        environment = PLAIN | {
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        self.answer(status, content, headers)


@contextmanager
def git_server(
    root: Path, *, token: str | None = None, certificate: Path | None = None
) -> Iterator[GitServer]:
    """A running server; with `certificate` (a PEM file that holds the key too) it speaks TLS."""
    server = GitServer(root, token=token)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


class Repository:
    """A bare repository, made commit by commit. `folder` is its work tree."""

    def __init__(self, root: Path, name: str, folder: Path) -> None:
        self.bare = root / f"{name}.git"
        self.folder = folder
        self.bare.mkdir(parents=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", str(self.bare))

    def git(self, *arguments: str) -> str:
        """Run git in the work tree, as somebody who is nobody."""
        identity = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Nobody"), ("EMAIL", "nobody@example.org"))
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=PLAIN | identity | {"HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str | bytes], message: str = "change") -> str:
        """Commit the files on the current branch and push every branch and tag; the commit's hash."""
        for name, content in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        self.push()
        return self.git("rev-parse", "HEAD")

    def push(self) -> None:
        self.git("push", "--quiet", "origin", "--all")
        self.git("push", "--quiet", "origin", "--tags")


def self_signed_certificate(folder: Path) -> Path:
    """A PEM file with a key and a certificate for 127.0.0.1 that nobody trusts."""
    file = folder / "certificate.pem"
    key = folder / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(file)),
        ],
        check=True,
        capture_output=True,
    )
    file.write_bytes(file.read_bytes() + key.read_bytes())
    return file


def command_lines() -> Iterator[str]:
    """Arguments of every process of this machine that can be read now."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # ended since
            continue


class CommandLineWatch(threading.Thread):
    """Collects what any process shows of its arguments while it runs. Use it as a context."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.is_set():
            self.seen.update(command_lines())
            time.sleep(0.004)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()
