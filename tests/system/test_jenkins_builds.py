"""POST /analyze against a Jenkins that replays builds: from the queue to the stored result, restarts included."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.jenkins_server import JenkinsServer, Reply, payload, running_jenkins
from tests.support.server import Server, running_server

ROOT = "job/team/job/nightly/12/"
CHILD = "job/smoke/1/"
PASSWORD = "s3cret-token"  # noqa: S105 - made up for these tests


@pytest.fixture
def jenkins() -> Iterator[JenkinsServer]:
    with running_jenkins("/ci") as server:
        yield server


def with_a_failed_child(jenkins: JenkinsServer) -> None:
    jenkins.build(ROOT, {"number": 12, "result": "FAILURE", "building": False})
    jenkins.console(ROOT, "Build smoke #1 completed: FAILURE\nFinished: FAILURE\n")
    jenkins.build(CHILD, {"number": 1, "result": "UNSTABLE", "building": False})
    jenkins.report(CHILD, payload("report-plain.json"))
    jenkins.console(CHILD, "Finished: UNSTABLE\n")


def order(jenkins: JenkinsServer, **more: object) -> dict[str, Any]:
    return {"job_name": "team/nightly", "build_number": 12, "jenkins_url": jenkins.url, **more}


def accepted(server: Server, body: dict[str, Any]) -> str:
    reply = server.client.post("/analyze", json=body)
    assert reply.status_code == 202, reply.text
    assert reply.json()["status"] == "queued"
    return str(reply.json()["job_id"])


def in_phase(server: Server, job_id: str, phase: str) -> dict[str, Any]:
    """The analysis, once it is in the phase."""
    deadline = time.monotonic() + 30
    while (body := server.client.get(f"/results/{job_id}").json())["result"]["progress_phase"] != phase:
        assert time.monotonic() < deadline, body
        time.sleep(0.05)
    return dict(body)


def test_a_build_and_its_children_become_one_result(tmp_path: Path, jenkins: JenkinsServer) -> None:
    with_a_failed_child(jenkins)
    with running_server(tmp_path) as server:
        body = server.finished(accepted(server, order(jenkins)))
    result = body["result"]

    assert body["status"] == "completed"
    assert body["jenkins_url"] == f"{jenkins.url}{ROOT}"
    assert (result["job_name"], result["build_number"]) == ("team/nightly", 12)
    assert result["failures"] == []
    (child,) = result["child_job_analyses"]
    assert (child["job_name"], child["build_number"]) == ("smoke", 1)
    assert [failure["test_name"] for failure in child["failures"]] == [
        "tests.shop.test_cart.TestCart.test_remove",
        "com.example.PayTest.pays",
    ]
    assert all("classification" in failure["analysis"] for failure in child["failures"])
    assert "2 failures in 2 groups (1 child build)" in result["summary"]


def test_a_build_that_passed_costs_nothing_unless_it_is_forced(
    tmp_path: Path, jenkins: JenkinsServer
) -> None:
    jenkins.build(ROOT, {"number": 12, "result": "SUCCESS", "building": False})
    jenkins.report(ROOT, payload("report-plain.json"))
    with running_server(tmp_path) as server:
        plain = server.finished(accepted(server, order(jenkins)))
        forced = server.finished(accepted(server, order(jenkins, force=True)))

    assert "passed" in plain["result"]["summary"]
    assert plain["result"]["failures"] == []
    assert len(forced["result"]["failures"]) == 2


def test_waiting_survives_a_kill_and_the_request_s_credentials_with_it(
    tmp_path: Path, jenkins: JenkinsServer
) -> None:
    jenkins.credentials = "Basic " + base64.b64encode(f"bot:{PASSWORD}".encode()).decode()
    jenkins.build(ROOT, {"number": 12, "result": None, "building": True})
    body = order(jenkins, jenkins_user="bot", jenkins_password=PASSWORD, poll_interval_minutes=1)
    with running_server(tmp_path) as server:
        job_id = accepted(server, body)
        waiting = in_phase(server, job_id, "waiting_for_jenkins")
        server.kill()
    with_a_failed_child(jenkins)
    with running_server(tmp_path) as server:
        finished = server.finished(job_id)

    assert waiting["status"] == "waiting"
    assert waiting["analysis_started_at"] is None
    assert finished["status"] == "completed"
    assert len(finished["result"]["child_job_analyses"]) == 1
    assert PASSWORD not in str(finished)
    for file in (tmp_path / "data").rglob("*"):
        assert file.is_dir() or PASSWORD.encode() not in file.read_bytes()


def test_a_build_that_had_ended_is_not_waited_for_again_after_a_kill(
    tmp_path: Path, jenkins: JenkinsServer
) -> None:
    with_a_failed_child(jenkins)
    jenkins.answer(f"{CHILD}testReport/api/json", Reply(b" " * 10_000, pause_s=0.1))
    with running_server(tmp_path) as server:
        job_id = accepted(server, order(jenkins))
        before = in_phase(server, job_id, "analyzing")
        server.kill()
    jenkins.build(ROOT, {"number": 12, "result": None, "building": True})
    jenkins.report(CHILD, payload("report-plain.json"))
    with running_server(tmp_path) as server:
        result = server.finished(job_id)["result"]

    assert before["status"] == "running"
    assert len(result["child_job_analyses"]) == 1


def test_a_missing_build_fails_with_a_sentence_that_names_it(tmp_path: Path, jenkins: JenkinsServer) -> None:
    with running_server(tmp_path) as server:
        body = server.finished(accepted(server, order(jenkins)))

    assert body["status"] == "failed"
    assert "team/nightly" in body["result"]["summary"]
    assert "127.0.0.1" in body["result"]["summary"]


def test_the_server_s_credentials_go_to_the_server_s_jenkins_only(
    tmp_path: Path, jenkins: JenkinsServer
) -> None:
    jenkins.build(ROOT, {"number": 12, "result": "SUCCESS", "building": False})
    own = {"JENKINS_USER": "server", "JENKINS_PASSWORD": "server-token"}
    with running_server(tmp_path, {**own, "JENKINS_URL": "http://127.0.0.1:9/"}) as server:
        server.finished(accepted(server, order(jenkins)))
        elsewhere = [seen.authorization for seen in jenkins.requests]
    with running_server(tmp_path, {**own, "JENKINS_URL": jenkins.url}) as server:
        server.finished(accepted(server, order(jenkins)))
        at_home = [seen.authorization for seen in jenkins.requests[len(elsewhere) :]]

    assert set(elsewhere) == {None}
    assert None not in at_home


def test_without_any_jenkins_the_request_is_refused(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        reply = server.client.post("/analyze", json={"job_name": "x", "build_number": 1})

    assert reply.status_code == 400
    assert "JENKINS_URL" in reply.json()["detail"]


def test_a_job_gets_its_metadata_by_rule_once(tmp_path: Path, jenkins: JenkinsServer) -> None:
    with_a_failed_child(jenkins)
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {pattern: '(?P<team>[a-z]+)/*.*', tier: gold}", encoding="utf-8")
    with running_server(tmp_path, {"METADATA_RULES_FILE": str(rules)}) as server:
        server.finished(accepted(server, order(jenkins)))
        first = server.client.get("/api/jobs/team/nightly/metadata").json()
        rules.write_text("- {pattern: '*', team: somebody-else}", encoding="utf-8")
        server.finished(accepted(server, order(jenkins)))
        second = server.client.get("/api/jobs/team/nightly/metadata").json()

    assert first == {
        "job_name": "team/nightly",
        "team": "team",
        "tier": "gold",
        "version": None,
        "labels": [],
    }
    assert second == first
