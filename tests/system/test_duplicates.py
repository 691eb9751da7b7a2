"""A product bug is looked up in Jira on its way to the result, and Jira's trouble does not harm it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.server import running_server
from tests.support.tracker_server import Answer, TrackerServer, tracker_server

BUG = {
    "test_name": "tests.orders.test_create",
    "error_message": "AssertionError: POST /orders answered 500 Internal Server Error, expected 201",
}
ISSUE = {
    "key": "SHOP-17",
    "fields": {
        "summary": "POST /orders answered 500 Internal Server Error, expected 201",
        "status": {"name": "Open"},
        "priority": {"name": "High"},
        "updated": "2026-03-01T09:00:00.000+0000",
        "labels": [],
        "description": None,
    },
}


@pytest.fixture
def jira() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


def settings(jira: TrackerServer) -> dict[str, str]:
    return {"JIRA_URL": jira.url, "JIRA_PAT": "a-personal-access-token", "JIRA_PROJECT_KEY": "SHOP"}


def test_a_known_bug_is_named_in_result_and_report(tmp_path: Path, jira: TrackerServer) -> None:
    jira.say(Answer({"issues": [ISSUE], "startAt": 0, "total": 1}))
    xml = f'<testsuite><testcase name="t"><failure message="{BUG["error_message"]}"/></testcase></testsuite>'
    with running_server(tmp_path, settings(jira)) as server:
        raw = server.client.post("/analyze-failures", json={"failures": [BUG]}).json()
        from_xml = server.client.post("/analyze-failures", json={"raw_xml": xml}).json()
    (match,) = raw["failures"][0]["analysis"]["product_bug_report"]["jira_matches"]

    assert (match["key"], match["status"], match["priority"]) == ("SHOP-17", "Open", "High")
    assert match["score"] >= 0.5
    assert match["url"].endswith("/browse/SHOP-17")
    assert 'name="ai_jira_match_0_key" value="SHOP-17"' in from_xml["enriched_xml"]


def test_jira_s_trouble_is_a_note(tmp_path: Path, jira: TrackerServer) -> None:
    jira.say(Answer({"message": "no"}, status=401))
    with running_server(tmp_path, settings(jira)) as server:
        result = server.client.post("/analyze-failures", json={"failures": [BUG]}).json()

    assert result["status"] == "completed"
    assert result["failures"][0]["analysis"]["product_bug_report"]["jira_matches"] == []
    assert any("Jira" in note for note in result["notes"])
    assert "a-personal-access-token" not in str(result)


def test_a_request_can_switch_the_search_off(tmp_path: Path, jira: TrackerServer) -> None:
    with running_server(tmp_path, settings(jira)) as server:
        result = server.client.post(
            "/analyze-failures", json={"failures": [BUG], "enable_jira": False}
        ).json()

    assert result["status"] == "completed"
    assert jira.requests == []
