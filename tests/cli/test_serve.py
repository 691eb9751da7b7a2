"""`serve` as a process."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

SOURCE = Path(__file__).parents[2] / "src"
PASSING = '<testsuite name="s"><testcase name="t"/></testsuite>'


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rootcoz.cli.main", *arguments]


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"PYTHONPATH": str(SOURCE), "HOME": str(folder), "PATH": os.defpath, **more}


@contextmanager
def serving(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server on a free port with its data in `folder/data`, and its address."""
    process = subprocess.Popen(
        command("serve", "--port", "0", "--data-dir", "data", "--log-level", "warning"),
        cwd=folder,
        env=environment(folder),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        greeting = process.stderr.readline()
        address = re.search(
            r"Serving (http://127\.0\.0\.1:\d+) with data in (\S+)\. Stop with Ctrl-C\.", greeting
        )
        assert address is not None, greeting
        yield process, address[1]
    finally:
        process.kill()
        process.communicate()


def refused(folder: Path, *arguments: str, **more: str) -> str:
    """The sentence with which a server that cannot start ends."""
    run = subprocess.run(
        command("serve", *arguments),
        cwd=folder,
        env=environment(folder, ROOTCOZ_DATA_DIR="other", **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    [line] = run.stderr.splitlines()
    return line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_once_it_says_so_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as (process, url):
        health = httpx2.get(f"{url}/health", trust_env=False)
        process.send_signal(number)
        _, complaint = process.communicate(timeout=20)

    assert health.json()["status"] == "healthy"
    assert (process.returncode, complaint) == (0, "")


def test_a_command_on_the_same_data_talks_to_the_server(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(PASSING)
    with serving(tmp_path) as (_, url):
        analyze = command("analyze", "r.xml", "--data-dir", "data", "--no-progress")
        run = subprocess.run(
            analyze, cwd=tmp_path, env=environment(tmp_path), capture_output=True, timeout=60, check=False
        )
        results = httpx2.get(f"{url}/results", trust_env=False).json()

    assert run.returncode == 0
    assert run.stderr.decode() == (
        f"rootcoz: Sent to the server that uses this data directory: {url}; its settings apply.\n"
    )
    assert [result["status"] for result in results] == ["completed"]


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, _):
        sentence = refused(tmp_path, "--port", "0", "--data-dir", "data")

    assert "data is in use" in sentence
    assert str(process.pid) in sentence


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        sentence = refused(tmp_path, "--port", port)

    assert sentence.startswith(f"rootcoz: Cannot listen on 127.0.0.1:{port}: Address already in use")
    assert not (tmp_path / "other").exists()


def test_opening_the_server_to_others_needs_a_yes(tmp_path: Path) -> None:
    sentence = refused(tmp_path, "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - it is what must be refused

    assert "AUTH_MODE=required" in sentence
    assert "--allow-open" in sentence


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["--host", "192.0.2.1", "--port", "0", "--allow-open"], {}, "Cannot listen on 192.0.2.1"),
        ([], {"AUTH_MODE": "maybe"}, "AUTH_MODE"),
        (
            ["--port", "0"],
            {"AUTH_MODE": "required"},
            "nobody could enter: there is neither an ADMIN_KEY nor an identity provider",
        ),
        (["--port", "0"], {"TRUSTED_PROXIES": "10.0.0.0/99"}, "TRUSTED_PROXIES: 10.0.0.0/99 is no address"),
        (["--port", "99999"], {}, "--port"),
    ],
)
def test_a_wrong_setting_is_named(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], words: str
) -> None:
    assert words in refused(tmp_path, *arguments, **variables)


def test_ctrl_c_before_the_server_is_up_is_one_sentence(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rootcoz.cli.entry", "serve", "--port", "0", "--data-dir", "data"],
        cwd=tmp_path,
        env=environment(tmp_path, LOG_LEVEL="ERROR"),
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert re.fullmatch(r"rootcoz: Interrupted.*\n", said)
