"""A real server in a process of its own, for tests that kill, restart and watch it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 60.0


def scrubbed(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment that holds nothing of the one the tests run in but where programs are."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONWARNINGS": "error",
        **(extra or {}),
    }


class Server:
    """A started server. `url` is where it listens."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.client = httpx2.Client(base_url=url, timeout=60, trust_env=False)

    def kill(self) -> None:
        """End it as the kernel would: at once, without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def submit(self, body: Mapping[str, Any]) -> str:
        """Start an analysis and return its job id at once."""
        reply = self.client.post("/analyze-failures", json=body, headers={"Prefer": "respond-async"})
        assert reply.status_code == 202, reply.text
        return str(reply.json()["job_id"])

    def finished(self, job_id: str, limit_s: float = 60) -> dict[str, Any]:
        """The result, once the analysis is final."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            reply = self.client.get(f"/results/{job_id}")
            if reply.status_code == 200:
                body: dict[str, Any] = reply.json()
                return body
            assert reply.status_code == 202, reply.text
            time.sleep(0.1)
        raise AssertionError(f"{job_id} was not finished after {limit_s} s")


def start_command(home: Path, settings: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """The process of a server whose data lies in `home`/data; it writes to `home`/server.log."""
    command = [
        sys.executable,
        "-m",
        "rootcoz.cli.main",
        "serve",
        "--port",
        "0",
        "--data-dir",
        str(home / "data"),
    ]
    with (home / "server.log").open("a") as log:
        return subprocess.Popen(
            command, cwd=home, env=scrubbed(home, settings), stderr=log, stdout=log, text=True
        )


@contextmanager
def running_server(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server whose data lies in `home`/data. It is killed at the end unless the test ended it."""
    log = home / "server.log"
    log.touch()
    before = len(_greetings(log))
    process = start_command(home, settings)
    try:
        server = Server(process, _address(process, log, before))
        with server.client:
            yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


def _greetings(log: Path) -> list[str]:
    return re.findall(r"Serving (http://\S+)", log.read_text())


def _address(process: subprocess.Popen[str], log: Path, before: int) -> str:
    """The address from the greeting that comes after so many others in the log."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        greetings = _greetings(log)
        if len(greetings) > before:
            return greetings[-1]
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError(f"the server did not start: {log.read_text()}")
