"""An AI reads a build's consoles, and what it quotes from them is looked up there."""

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import debater
from tests.support.jenkins_server import JenkinsServer, payload, running_jenkins
from tests.support.server import running_server

ROOT, CHILD = "job/team/job/nightly/12/", "job/smoke/1/"
QUOTES = [
    {"quote": "FATAL: registry.test refused the login", "source": "consoles/team-nightly-12.txt"},
    {"quote": "this stands nowhere at all", "source": "consoles/smoke-1.txt"},
]


@pytest.fixture
def jenkins() -> Iterator[JenkinsServer]:
    with running_jenkins() as server:
        server.build(ROOT, {"number": 12, "result": "FAILURE", "building": False})
        filler = "".join(f"[{number}] step {'x' * 90}\n" for number in range(60_000))
        server.console(
            ROOT,
            f"export TOKEN=hunter2hunter2hunter2\n{filler}FATAL: registry.test refused the login\n{filler}"
            "Build smoke #1 completed: FAILURE\nFinished: FAILURE\n",
        )
        server.build(CHILD, {"number": 1, "result": "FAILURE", "building": False})
        server.report(CHILD, payload("report-plain.json"))
        server.console(CHILD, "the smoke rises\nFinished: FAILURE\n")
        yield server


def settings(folder: Path, **more: str) -> dict[str, str]:
    answer = {"classification": "INFRASTRUCTURE", "details": "d", "evidence": QUOTES}
    (folder / "main.json").write_text(json.dumps([answer]))
    return {
        "AI_PROVIDER": "command",
        "AI_MODEL": "main",
        "AI_COMMAND": f"{sys.executable} -IS {debater.__file__} {folder}",
        "MAX_CONCURRENT_AI_CALLS": "1",
        **more,
    }


def order(jenkins: JenkinsServer) -> dict[str, Any]:
    return {
        "job_name": "team/nightly",
        "build_number": 12,
        "jenkins_url": jenkins.url,
        "wait_for_completion": False,
        "get_job_artifacts": False,
    }


def calls(folder: Path) -> list[dict[str, Any]]:
    log = folder / "calls.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def kinds(folder: Path) -> set[str]:
    """What documents the database holds."""
    connection = sqlite3.connect(f"file:{folder / 'data' / 'rootcoz.sqlite3'}?mode=ro", uri=True)
    try:
        return {row[0].partition(":")[0] for row in connection.execute("SELECT kind FROM document_chunks")}
    finally:
        connection.close()


def evidence(result: dict[str, Any]) -> list[tuple[str, bool]]:
    (child,) = result["child_job_analyses"]
    found = child["failures"][0]["analysis"]["evidence"]
    return [(item["source"], item["verified"]) for item in found]


def test_an_ai_quotes_from_the_consoles_of_a_build_and_its_children(
    tmp_path: Path, jenkins: JenkinsServer
) -> None:
    with running_server(tmp_path, settings(tmp_path)) as server:
        result = server.finished(server.client.post("/analyze", json=order(jenkins)).json()["job_id"])[
            "result"
        ]
    prompt = calls(tmp_path)[0]["prompt"]

    assert evidence(result) == [("consoles/team-nightly-12.txt", True), ("consoles/smoke-1.txt", False)]
    assert '`consoles/team-nightly-12.txt`: console of build "team/nightly #12", 120,00' in prompt
    assert "that say little were left out" in prompt
    assert "`consoles/smoke-1.txt`" in prompt
    assert "console" not in kinds(tmp_path)
    for file in (tmp_path / "data").rglob("*"):
        assert file.is_dir() or b"hunter2hunter2" not in file.read_bytes()


def test_after_a_kill_the_consoles_are_there_again_without_jenkins(
    tmp_path: Path, jenkins: JenkinsServer
) -> None:
    (tmp_path / "pause").write_text("0.5")
    with running_server(tmp_path, settings(tmp_path)) as server:
        job_id = server.client.post("/analyze", json=order(jenkins)).json()["job_id"]
        deadline = time.monotonic() + 60
        while len(calls(tmp_path)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.kill()
    asked = len(jenkins.requests)
    kept = kinds(tmp_path)
    with running_server(tmp_path, settings(tmp_path)) as server:
        result = server.finished(job_id)["result"]

    assert "console" in kept
    assert len(jenkins.requests) == asked
    assert evidence(result)[0] == ("consoles/team-nightly-12.txt", True)
    assert "console" not in kinds(tmp_path)


def test_for_the_built_in_analyser_no_console_is_kept(tmp_path: Path, jenkins: JenkinsServer) -> None:
    with running_server(tmp_path) as server:
        server.finished(server.client.post("/analyze", json=order(jenkins)).json()["job_id"])
        assert "console" not in kinds(tmp_path)
