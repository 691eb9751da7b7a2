"""kill -9 in the middle of an analysis: it completes by itself, and nothing is paid twice."""

import collections
import os
import sqlite3
import sys
import time
from pathlib import Path

import pytest
from tests.support.server import ROOT, Server, running_server

GROUPS = 8
STAND_IN = ROOT / "tests" / "support" / "slow_answers.py"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "questions.log"


@pytest.fixture
def slow_provider(log: Path) -> dict[str, str]:
    return {
        "AI_PROVIDER": "command",
        "AI_COMMAND": f"{sys.executable} {STAND_IN} --log {log} --seconds 0.4",
        "MAX_CONCURRENT_AI_CALLS": "2",
    }


def failures() -> dict[str, object]:
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]
    return {
        "failures": [
            {"test_name": f"suite.test_{word}_{copy}", "error_message": f"ValueError: the {word} is wrong"}
            for word in words[:GROUPS]
            for copy in range(2)
        ]
    }


def events(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def wait_for_answers(log: Path, number: int) -> None:
    deadline = time.monotonic() + 60
    while sum(event[0] == "done" for event in events(log)) < number:
        assert time.monotonic() < deadline, "the stand-in answered too few questions"
        time.sleep(0.02)


def answers_on_disk(data: Path) -> int:
    """What was said and kept; the finding that is made of it may still have been on its way."""
    with sqlite3.connect(f"file:{data / 'rootcoz.sqlite3'}?mode=ro", uri=True) as connection:
        return int(
            connection.execute("SELECT count(*) FROM provider_calls WHERE reply IS NOT NULL").fetchone()[0]
        )


def alive(pids: set[int]) -> set[int]:
    found = set()
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        found.add(pid)
    return found


def assert_no_process_is_left(log: Path) -> None:
    pids = {int(event[2]) for event in events(log)}
    deadline = time.monotonic() + 10
    while left := alive(pids):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def test_a_killed_analysis_completes_by_itself_and_asks_no_finished_question_again(
    tmp_path: Path, log: Path, slow_provider: dict[str, str]
) -> None:
    with running_server(tmp_path, slow_provider) as server:
        job_id = server.submit(failures())
        wait_for_answers(log, 3)
        server.kill()
    finished = answers_on_disk(tmp_path / "data")
    asked_before = len([event for event in events(log) if event[0] == "start"])
    assert_no_process_is_left(log)
    with running_server(tmp_path, slow_provider) as server:
        body = server.finished(job_id)
    asked_after = len([event for event in events(log) if event[0] == "start"]) - asked_before

    assert finished >= 2
    assert asked_after == GROUPS - finished
    assert body["status"] == "completed"
    assert {item["analysis"]["classification"] for item in body["result"]["failures"]} == {"PRODUCT BUG"}
    assert body["result"]["token_usage"]["total_calls"] == GROUPS
    assert not list((tmp_path / "data" / "workspaces").iterdir())


def test_many_kills_in_a_row_lose_nothing(tmp_path: Path, log: Path, slow_provider: dict[str, str]) -> None:
    job_id = ""
    for kill in range(3):
        with running_server(tmp_path, slow_provider) as server:
            job_id = job_id or server.submit(failures())
            wait_for_answers(log, 2 * (kill + 1))
            server.kill()
    with running_server(tmp_path, slow_provider) as server:
        body = server.finished(job_id)

    done = collections.Counter(event[1] for event in events(log) if event[0] == "done")
    assert body["status"] == "completed"
    assert len(done) == GROUPS
    assert_no_process_is_left(log)


def test_ctrl_c_stops_cleanly_and_the_work_goes_on_at_the_next_start(
    tmp_path: Path, log: Path, slow_provider: dict[str, str]
) -> None:
    with running_server(tmp_path, slow_provider) as server:
        job_id = server.submit(failures())
        wait_for_answers(log, 1)
        code = server.stop()
    assert_no_process_is_left(log)
    with running_server(tmp_path, slow_provider) as server:
        body = server.finished(job_id)

    assert code == 0
    assert body["status"] == "completed"
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_what_was_accepted_in_the_instant_before_a_crash_is_begun_at_the_next_start(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        job_id = _finished_job(server)
        server.kill()
    _undo_everything_after_acceptance(tmp_path / "data", job_id)
    with running_server(tmp_path) as server:
        body = server.finished(job_id)

    assert body["status"] == "completed"
    assert len(body["result"]["failures"]) == 2 * GROUPS


def _finished_job(server: Server) -> str:
    job_id = server.submit(failures())
    server.finished(job_id)
    return job_id


def _undo_everything_after_acceptance(data: Path, job_id: str) -> None:
    with sqlite3.connect(data / "rootcoz.sqlite3") as connection:
        connection.execute(
            "UPDATE analyses SET status = 'pending', completed_at = NULL, started_at = NULL WHERE job_id = ?",
            (job_id,),
        )
        connection.execute("DELETE FROM findings")
        connection.execute("DELETE FROM document_chunks WHERE kind NOT IN ('failures')")
    for file in data.glob("engine.sqlite3*"):
        file.unlink()
