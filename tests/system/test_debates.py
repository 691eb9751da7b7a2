"""The whole server with a program in the place of all models."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import debater
from tests.support.server import Server, running_server, scrubbed

from rootcoz.api.schemas.results import FailureResult

Json = dict[str, Any]
QUOTES = [{"quote": "expected 200, got 500", "source": "error.txt"}]
FAILURES = {"failures": [{"test_name": "tests.test_a", "error_message": "expected 200, got 500"}]}


def says(folder: Path, model: str, *classifications: str) -> None:
    script = [
        {"classification": name, "details": "d", "reasoning": "r", "evidence": QUOTES}
        for name in classifications
    ]
    (folder / f"{model}.json").write_text(json.dumps(script))


def asked(folder: Path) -> list[str]:
    """The models in the order in which they were asked."""
    log = folder / "calls.jsonl"
    return [json.loads(line)["model"] for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    says(tmp_path, "main", "CODE ISSUE", "PRODUCT BUG")
    says(tmp_path, "ann", "PRODUCT BUG")
    says(tmp_path, "bob", "PRODUCT BUG")
    return {
        "AI_PROVIDER": "command",
        "AI_MODEL": "main",
        "AI_COMMAND": f"{sys.executable} -IS {debater.__file__} {tmp_path}",
        "PEER_AI_CONFIGS": "command:ann, command:bob",
        "PEER_ANALYSIS_MAX_ROUNDS": "2",
    }


@pytest.fixture
def server(tmp_path: Path, settings: dict[str, str]) -> Iterator[Server]:
    with running_server(tmp_path, settings) as server:
        yield server


def test_a_debate_is_told_in_the_result_and_paid_in_the_ledger(server: Server) -> None:
    body = server.finished(server.submit(FAILURES))
    failure = FailureResult.model_validate(body["result"]["failures"][0])

    debate = failure.peer_debate
    assert failure.analysis.classification == "PRODUCT BUG"
    assert debate is not None
    assert (debate.consensus_reached, debate.rounds_used, debate.max_rounds) == (True, 2, 2)
    assert [one.ai_model for one in debate.ai_configs] == ["main", "ann", "bob"]
    assert [[entry.ai_model for entry in one.entries] for one in debate.rounds] == [
        ["main", "ann", "bob"]
    ] * 2
    calls = body["result"]["token_usage"]["calls"]
    assert len(calls) == 1 + 2 * 2 + 1
    assert set(body["result"]["prompts"]) == {"analyse", "peer", "revise"}
    assert {(call["call_type"], *sorted(call["prompts"])) for call in calls} == {
        ("primary", "analyse"),
        ("peer", "analyse", "peer"),
        ("revision", "analyse", "revise"),
    }


def test_a_request_can_do_without_peers(server: Server, tmp_path: Path) -> None:
    result = server.client.post("/analyze-failures", json=FAILURES | {"peer_ai_configs": []}).json()

    assert result["failures"][0]["peer_debate"] is None
    assert asked(tmp_path) == ["main"]


def test_a_request_can_bring_its_own_peers_and_rounds(server: Server, tmp_path: Path) -> None:
    peers = [{"ai_provider": "command", "ai_model": "bob"}]
    changes = {"peer_ai_configs": peers, "peer_analysis_max_rounds": 1}
    result = server.client.post("/analyze-failures", json=FAILURES | changes).json()

    debate = result["failures"][0]["peer_debate"]
    assert (debate["max_rounds"], debate["ending"]) == (1, "rounds_used_up")
    assert asked(tmp_path) == ["main", "bob"]


def test_a_large_group_tells_its_debate_in_full_a_hundred_times(server: Server, tmp_path: Path) -> None:
    [failure] = FAILURES["failures"]
    many = [failure | {"test_name": f"tests.test_{number}"} for number in range(101)]
    says(tmp_path, "main", "PRODUCT BUG")
    result = server.client.post("/analyze-failures", json={"failures": many}).json()

    debates = [item["peer_debate"] for item in result["failures"]]
    assert [len(debate["rounds"]) for debate in debates] == [1] * 100 + [0]
    assert all(debate["consensus_reached"] for debate in debates)


def test_a_peer_that_is_not_set_up_is_refused_at_once(server: Server, tmp_path: Path) -> None:
    peers = [{"ai_provider": "cursor", "ai_model": "auto"}]
    reply = server.client.post("/analyze-failures", json=FAILURES | {"peer_ai_configs": peers})

    assert reply.status_code == 400
    assert "Peer cursor:auto" in reply.json()["detail"]
    assert "CURSOR_BINARY" in reply.json()["detail"]
    assert asked(tmp_path) == []


def test_after_a_kill_in_the_midst_of_a_debate_no_answered_question_is_asked_again(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    (tmp_path / "pause").write_text("0.5")
    settings["MAX_CONCURRENT_AI_CALLS"] = "1"
    with running_server(tmp_path, settings) as server:
        job_id = server.submit(FAILURES)
        deadline = time.monotonic() + 60
        while len(asked(tmp_path)) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running = server.client.get(f"/results/{job_id}").json()["result"]
        server.kill()
    with running_server(tmp_path, settings) as server:
        result = server.finished(job_id)["result"]

    assert running["progress_phase"] == "peer_review_round_1 (group 1/1)"
    assert result["token_usage"]["total_calls"] == 6
    assert len(asked(tmp_path)) == 7  # the one that was open when the server died
    assert result["failures"][0]["peer_debate"]["consensus_reached"]


@pytest.mark.parametrize(
    ("peers", "words"),
    [("claude", "peer 1 must be written as provider:model"), ("nobody:x", "'nobody' is not available")],
)
def test_wrong_peers_stop_the_start_with_a_sentence(
    tmp_path: Path, settings: dict[str, str], peers: str, words: str
) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "rootcoz.cli.main",
            "serve",
            "--port",
            "0",
            "--data-dir",
            str(tmp_path / "data"),
        ],
        env=scrubbed(tmp_path, {**settings, "PEER_AI_CONFIGS": peers}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode not in {0, 1}
    assert words in ended.stderr
    assert "PEER_AI_CONFIGS" in ended.stderr
    assert "Traceback" not in ended.stderr
