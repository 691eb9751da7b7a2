"""Issues of a tracker, judged by the program that stands in for the AI; its replies are the test's."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import debater
from tests.support.server import running_server
from tests.support.tracker_server import Answer, TrackerServer, tracker_server

QUOTE = "POST /orders answered 500, expected 201"
FAILURES = [
    {"test_name": "tests.orders.test_create", "error_message": f"AssertionError: {QUOTE}"},
    {"test_name": "tests.orders.test_cancel", "error_message": f"TimeoutError: {QUOTE}; gave up"},
]
FINDING = {
    "classification": "PRODUCT BUG",
    "details": "The order service answers 500.",
    "evidence": [{"quote": QUOTE, "source": "error.txt"}],
    "product_bug_report": {
        "title": "Orders answer 500",
        "severity": "high",
        "component": "orders",
        "description": "It fails.",
        "jira_search_keywords": ["orders"],
    },
}
SCORES = {
    "issues": [
        {"key": "SHOP-17", "score": 0.1, "reason": "Only the words are alike."},
        {"key": "SHOP-18", "score": 0.8, "reason": "The pool is exhausted in both."},
    ]
}


def issue(key: str, title: str) -> dict[str, Any]:
    return {"key": key, "fields": {"summary": title, "status": {"name": "Open"}, "labels": []}}


@pytest.fixture
def jira() -> Iterator[TrackerServer]:
    found = [issue("SHOP-17", "Orders answer 500"), issue("SHOP-18", "Connection pool runs dry at night")]
    with tracker_server() as server:
        server.say(Answer({"issues": found, "startAt": 0, "total": 2}))
        yield server


def settings(folder: Path, jira: TrackerServer, *said: object, **more: str) -> dict[str, str]:
    (folder / "main.json").write_text(json.dumps(said))
    return {
        "JIRA_URL": jira.url,
        "JIRA_PAT": "a-personal-access-token",
        "JIRA_PROJECT_KEY": "SHOP",
        "AI_PROVIDER": "command",
        "AI_MODEL": "main",
        "AI_COMMAND": f"{sys.executable} -IS {debater.__file__} {folder}",
        "MAX_CONCURRENT_AI_CALLS": "1",
        **more,
    }


def calls(folder: Path) -> list[dict[str, Any]]:
    log = folder / "calls.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def matches(result: dict[str, Any]) -> list[tuple[str, float, str]]:
    found = result["failures"][0]["analysis"]["product_bug_report"]["jira_matches"]
    return [(match["key"], match["score"], match["reason"]) for match in found]


def test_an_ai_judges_which_issues_are_about_the_problem(tmp_path: Path, jira: TrackerServer) -> None:
    with running_server(tmp_path, settings(tmp_path, jira, FINDING, SCORES)) as server:
        result = server.client.post("/analyze-failures", json={"failures": FAILURES[:1]}).json()
    ledger = result["token_usage"]["calls"]

    assert matches(result) == [("SHOP-18", 0.8, "The pool is exhausted in both.")]
    assert [call["call_type"] for call in ledger] == ["primary", "jira_filter"]
    assert set(ledger[1]["prompts"]) == {"duplicates"}
    assert "Connection pool runs dry" in calls(tmp_path)[1]["prompt"]
    assert calls(tmp_path)[1]["files"] == {}
    assert result["notes"] == []


@pytest.mark.parametrize("said", [None, "I would rather not."])
def test_without_a_usable_judgement_the_words_decide_and_that_is_noted(
    tmp_path: Path, jira: TrackerServer, said: object
) -> None:
    with running_server(tmp_path, settings(tmp_path, jira, FINDING, said)) as server:
        result = server.client.post("/analyze-failures", json={"failures": FAILURES[:1]}).json()

    assert [(key, reason) for key, _, reason in matches(result)] == [("SHOP-17", "")]
    assert result["status"] == "completed"
    assert len(result["notes"]) == 1
    assert result["notes"][0].startswith("Issues were matched by their words alone")


def test_with_a_spent_budget_the_words_decide(tmp_path: Path, jira: TrackerServer) -> None:
    budget = {"AI_BUDGET_PER_ANALYSIS_TOKENS": "1"}
    with running_server(tmp_path, settings(tmp_path, jira, FINDING, SCORES, **budget)) as server:
        result = server.client.post("/analyze-failures", json={"failures": FAILURES[:1]}).json()

    assert [key for key, _, _ in matches(result)] == ["SHOP-17"]
    assert len(calls(tmp_path)) == 1
    assert any("The budget of 1 token " in note for note in result["notes"])


def test_after_a_kill_no_judgement_is_paid_twice(tmp_path: Path, jira: TrackerServer) -> None:
    (tmp_path / "pause").write_text("0.5")
    said = settings(tmp_path, jira, FINDING, FINDING, SCORES)
    with running_server(tmp_path, said) as server:
        job_id = server.submit({"failures": FAILURES})
        deadline = time.monotonic() + 60
        while len(calls(tmp_path)) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.kill()
    with running_server(tmp_path, said) as server:
        result = server.finished(job_id)["result"]

    assert [call["call_type"] for call in result["token_usage"]["calls"]] == ["primary"] * 2 + [
        "jira_filter"
    ] * 2
    assert len(calls(tmp_path)) == 5  # the one that was open when the server died
    assert matches(result) == [("SHOP-18", 0.8, "The pool is exhausted in both.")]
