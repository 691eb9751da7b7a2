"""Prism: a server made of an OpenAPI description alone, which refuses what the description does not allow."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.npm_packages import NODE_PATH, installed

START_LIMIT_S = 60.0


@contextmanager
def prism(description: Path, folder: Path) -> Iterator[str]:
    """The address of a server for the description; its home is below `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = folder / description.stem
    home.mkdir()
    program = installed("prism") / ".bin" / "prism"
    command = [str(program), "mock", "--errors", "--host", "127.0.0.1", "--port", str(port), str(description)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={"PATH": NODE_PATH, "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(process, port, home / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"Prism does not listen: {log.read_text()[-1000:]}")
