"""A running server whose money for an AI runs out. The stand-in for Claude Code costs 0.0123 dollars a question."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tests.support.provider_stand_ins import KEY, MODEL, program
from tests.support.server import running_server

SLOW_ONCE = """
import json, pathlib, re, sys, time
folder = re.search(r"`(group-\\d+)/", sys.stdin.read())[1]
text = pathlib.Path(folder, "error.txt").read_text()
log = pathlib.Path(sys.argv[1])
before = log.read_text() if log.exists() else ""
with log.open("a") as file:
    file.write(text + "\\n")
if "bravo" in text and "bravo" not in before:
    time.sleep(60)
print(json.dumps({"classification": "CODE ISSUE", "details": "d"}))
"""
WORDS = ("alpha", "bravo", "charlie", "delta")
FAILURES = {
    "failures": [
        {
            "test_name": f"tests.test_{word}",
            "error_message": f"ConnectionRefusedError: [Errno 111] {word}-db:5432 refused",
        }
        for word in WORDS
    ]
}
XML = "".join(
    f'<testcase name="{word}"><failure message="ValueError: the {word} is wrong"/></testcase>'
    for word in WORDS
)


def settings(folder: Path, **budgets: str) -> Mapping[str, str]:
    binary = program(folder, "claude")
    return {
        "AI_PROVIDER": "claude",
        "AI_MODEL": MODEL,
        "ANTHROPIC_API_KEY": KEY,
        "CLAUDE_BINARY": str(binary),
        "MAX_CONCURRENT_AI_CALLS": "1",
        **budgets,
    }


def calls(folder: Path) -> int:
    log = folder / "calls.jsonl"
    return len(log.read_text().splitlines()) if log.exists() else 0


def who_answered(result: dict[str, Any]) -> list[str]:
    return [failure["analysis"]["ai_provider"] for failure in result["failures"]]


def test_a_spent_budget_ends_the_paid_questions_and_not_the_analysis(tmp_path: Path) -> None:
    with running_server(tmp_path, settings(tmp_path, AI_BUDGET_PER_ANALYSIS_USD="0.02")) as server:
        result = server.client.post("/analyze-failures", json=FAILURES).json()
        again = server.client.post("/analyze-failures", json={"raw_xml": f"<testsuite>{XML}</testsuite>"})
    answers = [failure["analysis"] for failure in result["failures"]]
    cases = ET.fromstring(again.json()["enriched_xml"]).iter("testcase")  # noqa: S314 - our own document
    properties = [{one.get("name"): one.get("value") for one in case.iter("property")} for case in cases]

    assert calls(tmp_path) == 4  # two for each analysis
    assert result["status"] == "completed"
    assert who_answered(result) == ["claude", "claude", "builtin", "builtin"]
    assert [answer["ai_model"] for answer in answers] == [MODEL, MODEL, "", ""]
    assert answers[0]["note"] == ""
    assert answers[3]["note"] == (
        "The budget of $0.02 for this analysis is spent; this is the built-in analyser's answer."
    )
    assert answers[3]["classification"] == "INFRASTRUCTURE"
    assert result["token_usage"]["total_calls"] == 2
    assert result["notes"] == [
        "The budget of $0.02 for this analysis is spent. The built-in analyser answered 2 of 4 groups."
    ]
    assert [one.get("ai_provider") for one in properties] == [None, None, "builtin", "builtin"]
    assert properties[2]["ai_note"] == answers[3]["note"]


def test_a_day_s_budget_holds_over_analyses_restarts_and_deletions(tmp_path: Path) -> None:
    admin = {"ADMIN_KEY": "k" * 16, "AI_BUDGET_PER_DAY_TOKENS": "500"}
    with running_server(tmp_path, settings(tmp_path, **admin)) as server:
        first = server.client.post("/analyze-failures", json=FAILURES).json()
        deleted = server.client.delete(
            f"/results/{first['job_id']}", headers={"Authorization": f"Bearer {'k' * 16}"}
        )
        server.kill()
    with running_server(tmp_path, settings(tmp_path, **admin)) as server:
        asked_before = calls(tmp_path)
        second = server.client.post("/analyze-failures", json=FAILURES).json()

    assert deleted.status_code == 200
    assert who_answered(first) == ["claude", "claude", "claude", "builtin"]
    assert who_answered(second) == ["builtin"] * 4
    assert calls(tmp_path) == asked_before
    assert second["status"] == "completed"
    assert second["token_usage"] is None
    assert second["notes"] == [
        "The server's budget of 500 tokens for this day (UTC) is spent. The built-in analyser answered 4 of 4 groups."
    ]


def test_what_the_built_in_analyser_answered_stays_answered_after_a_kill(tmp_path: Path) -> None:
    program, log = tmp_path / "slow_once.py", tmp_path / "asked.log"
    program.write_text(SLOW_ONCE)
    asks = {
        "AI_PROVIDER": "command",
        "AI_COMMAND": f"{sys.executable} -IS {program} {log}",
        "MAX_CONCURRENT_AI_CALLS": "2",
    }
    with running_server(tmp_path, asks | {"AI_BUDGET_PER_ANALYSIS_TOKENS": "1"}) as server:
        job_id = server.submit(FAILURES)
        deadline = time.monotonic() + 60
        # One call is in flight and two groups are left when the first answer has spent the budget.
        while (
            server.client.get(f"/results/{job_id}").json()["result"]["groups_answered"] < 3
            or "bravo" not in log.read_text()
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.kill()
    with running_server(tmp_path, asks) as server:
        result = server.finished(job_id)["result"]
    asked = [line.partition("111] ")[2].partition("-")[0] for line in log.read_text().splitlines()]

    assert who_answered(result) == ["command", "command", "builtin", "builtin"]
    assert sorted(asked) == ["alpha", "bravo", "bravo"]  # the one that was open when the server died
    assert result["notes"] == [
        "The budget of 1 token for this analysis is spent. The built-in analyser answered 2 of 4 groups."
    ]
