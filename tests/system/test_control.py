"""Watching, aborting and repeating analyses on a real server with a slow provider."""

import base64
import itertools
import json
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.jenkins_server import JenkinsServer, payload, running_jenkins
from tests.support.server import ROOT, Server, running_server

STAND_IN = ROOT / "tests" / "support" / "slow_answers.py"
WORDS = ["alpha", "bravo", "charlie", "delta"]
REPORT = """<testsuite name="s" tests="3">
<testcase classname="a" name="one"><failure message="ValueError: alpha">trace</failure></testcase>
<testcase classname="a" name="two"><error message="OSError: bravo">trace</error></testcase>
<testcase classname="a" name="three"/>
</testsuite>"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "questions.log"


def provider(log: Path, seconds: float) -> dict[str, str]:
    return {
        "AI_PROVIDER": "command",
        "AI_COMMAND": f"{sys.executable} {STAND_IN} --log {log} --seconds {seconds}",
        "MAX_CONCURRENT_AI_CALLS": "1",
    }


def failures() -> dict[str, Any]:
    return {
        "failures": [
            {"test_name": f"suite.test_{word}_{copy}", "error_message": f"ValueError: the {word} is wrong"}
            for word in WORDS
            for copy in range(2)
        ]
    }


def wait_for(log: Path, event: str, number: int) -> None:
    deadline = time.monotonic() + 60
    while not log.exists() or log.read_text().count(f"{event} ") < number:
        assert time.monotonic() < deadline, f"fewer than {number} questions: {event}"
        time.sleep(0.02)


def assert_no_process_is_left(log: Path) -> None:
    pids = {line.split()[2] for line in log.read_text().splitlines()}
    deadline = time.monotonic() + 10
    while left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.02)


def abort(server: Server, job_id: str, name: str = "") -> Any:  # noqa: ANN401 - the client's reply
    headers = {"Cookie": f"rootcoz_username={name}"} if name else {}
    return server.client.post(f"/results/{job_id}/abort", headers=headers)


def events_of(server: Server, path: str) -> Iterator[dict[str, Any]]:
    """The events of a stream until it ends."""
    with server.client.stream("GET", path, headers={"Last-Event-ID": "7"}, timeout=30) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        number = 0
        for line in reply.iter_lines():
            if line.startswith("id: "):
                assert int(line[4:]) > number
                number = int(line[4:])
            if line.startswith("data: "):
                yield json.loads(line[6:])


def in_background(server: Server, path: str) -> tuple[threading.Thread, list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: seen.extend(events_of(server, path)), daemon=True)
    thread.start()
    return thread, seen


def test_an_abort_stops_the_programs_and_keeps_the_answers(tmp_path: Path, log: Path) -> None:
    with running_server(tmp_path, provider(log, 0.5)) as server:
        job_id = server.submit(failures())
        wait_for(log, "start", 2)
        started = time.monotonic()
        reply = abort(server, job_id, "alice")
        took = time.monotonic() - started
        assert_no_process_is_left(log)
        body = server.client.get(f"/results/{job_id}").json()
        again = abort(server, job_id, "bob")
        time.sleep(0.6)

    assert reply.status_code == 200
    assert reply.json()["aborted_by"] == "alice"
    assert took < 3
    assert body["status"] == body["result"]["status"] == "failed"
    assert body["result"]["summary"] == "The analysis was aborted by alice; 1 of 4 groups had an answer."
    assert [bool(item["analysis"]["classification"]) for item in body["result"]["failures"]] == [
        True,
        True,
        *[False] * 6,
    ]
    assert (again.status_code, again.json()["aborted_by"]) == (200, "alice")
    assert log.read_text().count("start ") == 2
    assert not list((tmp_path / "data" / "workspaces").iterdir())
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_two_users_may_abort_at_once(tmp_path: Path, log: Path) -> None:
    with running_server(tmp_path, provider(log, 5)) as server:
        job_id = server.submit(failures())
        wait_for(log, "start", 1)
        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(lambda name: abort(server, job_id, name), ["ann", "ben", "cy", "dee"]))
        summary = server.finished(job_id)["result"]["summary"]

    assert [reply.status_code for reply in replies] == [200] * 4
    (name,) = {reply.json()["aborted_by"] for reply in replies}
    assert summary == f"The analysis was aborted by {name}; 0 of 4 groups had an answer."


def test_only_who_may_write_may_abort_and_repeat(tmp_path: Path, log: Path) -> None:
    settings = {**provider(log, 0), "ALLOWED_USERS": "alice"}
    with running_server(tmp_path, settings) as server:
        server.client.cookies.set("rootcoz_username", "mallory")
        replies = [server.client.post(path) for path in ("/results/x/abort", "/re-analyze/x")]

    assert [reply.status_code for reply in replies] == [403, 403]


def test_what_is_over_or_unknown_cannot_be_aborted(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        job_id = server.submit(failures())
        server.finished(job_id)
        over, unknown = abort(server, job_id), abort(server, "nothing")
        body = server.finished(job_id)

    assert (over.status_code, unknown.status_code) == (409, 404)
    assert body["status"] == "completed"


def test_aborts_at_any_moment_leave_each_analysis_with_one_end(tmp_path: Path, log: Path) -> None:
    with running_server(tmp_path, provider(log, 0)) as server, ThreadPoolExecutor(4) as pool:

        def submit_and_abort(pause: float) -> tuple[int, dict[str, Any]]:
            job_id = server.submit(failures())
            time.sleep(pause)
            return abort(server, job_id, "alice").status_code, server.finished(job_id)

        ends = list(pool.map(submit_and_abort, [0.05 * number for number in range(24)]))
        assert_no_process_is_left(log)

    for status, body in ends:
        aborted = "aborted by alice" in body["result"]["summary"]
        assert (status, body["status"]) == ((200, "failed") if aborted else (409, "completed"))
    assert not list((tmp_path / "data" / "workspaces").iterdir())
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_an_abort_that_was_accepted_before_a_kill_is_not_undone_by_a_restart(
    tmp_path: Path, log: Path
) -> None:
    with running_server(tmp_path, provider(log, 0.5)) as server:
        job_id = server.submit(failures())
        wait_for(log, "start", 2)
        server.process.send_signal(
            signal.SIGSTOP
        )  # what happens next happens to a server that is as good as dead
        with sqlite3.connect(tmp_path / "data" / "rootcoz.sqlite3", timeout=20) as connection:
            connection.execute("UPDATE analyses SET aborted_by = 'alice' WHERE job_id = ?", (job_id,))
        server.kill()
    assert_no_process_is_left(log)
    asked = log.read_text().count("start ")
    with running_server(tmp_path, provider(log, 0.5)) as server:
        body = server.finished(job_id)

    assert body["status"] == "failed"
    assert "aborted by alice; 1 of 4" in body["result"]["summary"]
    assert log.read_text().count("start ") == asked


def test_an_abort_and_a_kill_right_after_it_leave_one_aborted_result(tmp_path: Path, log: Path) -> None:
    with running_server(tmp_path, provider(log, 5)) as server:
        job_id = server.submit(failures())
        wait_for(log, "start", 1)
        assert abort(server, job_id).status_code == 200
        before = server.finished(job_id)
        server.kill()
    with running_server(tmp_path, provider(log, 5)) as server:
        body = server.finished(job_id)

    assert (body["status"], log.read_text().count("start ")) == ("failed", 1)
    assert body == before
    assert body["result"]["summary"] == "The analysis was aborted; 0 of 4 groups had an answer."


def test_an_analysis_that_waits_for_its_build_can_be_aborted(tmp_path: Path) -> None:
    with running_jenkins("/ci") as jenkins, running_server(tmp_path) as server:
        jenkins.build("job/slow/3/", {"number": 3, "result": None, "building": True})
        order = {"job_name": "slow", "build_number": 3, "jenkins_url": jenkins.url}
        job_id = server.client.post("/analyze", json=order).json()["job_id"]
        reply = abort(server, job_id, "alice")
        body = server.client.get(f"/results/{job_id}").json()

    assert reply.status_code == 200
    assert (body["status"], body["result"]["summary"]) == ("failed", "The analysis was aborted by alice.")


def test_two_watchers_see_every_answer_in_order_and_the_end(tmp_path: Path, log: Path) -> None:
    with running_server(tmp_path, provider(log, 0.3)) as server:
        job_id = server.submit(failures())
        all_thread, all_seen = in_background(server, "/api/events")
        one_thread, one_seen = in_background(server, f"/results/{job_id}/events")
        one_thread.join(30)
        late = list(events_of(server, f"/results/{job_id}/events"))
        unknown = server.client.get("/results/nothing/events")
        code = server.stop()
        all_thread.join(10)

    assert not one_thread.is_alive()
    assert not all_thread.is_alive()
    assert code == 0
    for seen in (one_seen, [event for event in all_seen if event["job_id"] == job_id]):
        answered = [event["groups_answered"] for event in seen]
        assert answered == sorted(answered)
        assert [key for key, _ in itertools.groupby(answered)] == [0, 1, 2, 3, 4]
        assert seen[-1]["status"] == "completed"
        assert [event["progress_phase"] for event in seen][-2:] == ["saving", "saving"]
        assert seen[-1]["groups_total"] == 4
    assert [event["status"] for event in late] == ["completed"]
    assert unknown.status_code == 404


def test_a_restarted_server_tells_of_what_goes_on(tmp_path: Path, log: Path) -> None:
    with running_server(tmp_path, provider(log, 0.5)) as server:
        job_id = server.submit(failures())
        wait_for(log, "done", 2)
        server.kill()
    with running_server(tmp_path, provider(log, 0.5)) as server:
        seen = list(events_of(server, f"/results/{job_id}/events"))

    assert seen[0]["groups_answered"] >= 1
    assert seen[-1]["groups_answered"] == 4
    assert seen[-1]["status"] == "completed"


def test_a_server_with_open_streams_stops_at_once(tmp_path: Path, log: Path) -> None:
    with running_server(tmp_path, provider(log, 20)) as server:
        job_id = server.submit(failures())
        wait_for(log, "start", 1)
        threads = [
            in_background(server, path)[0]
            for path in ("/api/events", f"/results/{job_id}/events", "/api/events")
        ]
        time.sleep(0.5)
        started = time.monotonic()
        code = server.stop()
        took = time.monotonic() - started
        for thread in threads:
            thread.join(10)

    assert code == 0
    assert took < 4
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_streams_need_the_key_when_everything_does(tmp_path: Path) -> None:
    settings = {"AUTH_MODE": "required", "ADMIN_KEY": "a-long-enough-key-for-tests"}
    with running_server(tmp_path, settings) as server:
        replies = [server.client.get(path) for path in ("/api/events", "/results/x/events")]

    assert [reply.status_code for reply in replies] == [401, 401]


def test_one_who_reads_nothing_keeps_nobody_waiting(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as lazy:
            lazy.sendall(b"GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n")
            statuses = {server.finished(server.submit(failures()))["status"] for _ in range(10)}

    assert statuses == {"completed"}


def test_finished_groups_are_seen_while_the_others_are_asked_about(tmp_path: Path, log: Path) -> None:
    with running_server(tmp_path, provider(log, 0.6)) as server:
        job_id = server.submit(failures())
        before = server.client.get(f"/results/{job_id}").json()["result"]
        wait_for(log, "start", 3)
        reply = server.client.get(f"/results/{job_id}")
        finished = server.finished(job_id)["result"]
    partial = reply.json()["result"]

    assert before["failures"] == []
    assert reply.status_code == 202
    assert partial["groups_answered"] == 2
    assert partial["failures"] == finished["failures"][:4]
    assert "failures" not in partial["request_params"]


@pytest.mark.parametrize(
    "body",
    [
        failures(),
        {"raw_xml": REPORT},
        {"reports": [{"name": "a.xml", "xml": REPORT}, {"name": "b.xml", "xml": REPORT}]},
    ],
    ids=["failures", "raw_xml", "reports"],
)
def test_what_was_sent_directly_is_analysed_again_with_overrides(
    tmp_path: Path, log: Path, body: dict[str, Any]
) -> None:
    with running_server(tmp_path, provider(log, 0)) as server:
        first_id = server.submit({**body, "ai_provider": "builtin", "raw_prompt": "Be brief."})
        first = server.finished(first_id)["result"]
        reply = server.client.post(f"/re-analyze/{first_id}", json={"ai_provider": "command"})
        second = server.finished(reply.json()["job_id"])["result"]
        plain = server.client.post(f"/re-analyze/{reply.json()['job_id']}")
        third = server.finished(plain.json()["job_id"])["result"]
        back = server.client.post(
            f"/re-analyze/{first_id}", json={"ai_provider": None, "peer_analysis_max_rounds": None}
        )
        fourth = server.finished(back.json()["job_id"])["result"]

    assert (reply.status_code, reply.json()["status"]) == (202, "queued")
    assert first["reanalysis_of"] is None
    assert second["reanalysis_of"] == first_id
    assert third["reanalysis_of"] == reply.json()["job_id"]
    assert (first["ai_provider"], second["ai_provider"], third["ai_provider"]) == (
        "builtin",
        "command",
        "command",
    )
    assert fourth["ai_provider"] == "command"
    assert second["request_params"] == {"ai_provider": "command", "raw_prompt": "Be brief."}
    assert "ai_provider" not in fourth["request_params"]
    for again in (second, third, fourth):
        assert [item["test_name"] for item in again["failures"]] == [
            item["test_name"] for item in first["failures"]
        ]
        assert [item["name"] for item in again["reports"]] == [item["name"] for item in first["reports"]]
        assert bool(again["enriched_xml"]) == bool(first["enriched_xml"])


def test_a_build_is_fetched_again_with_the_credentials_it_came_with(tmp_path: Path) -> None:
    with running_jenkins("/ci") as jenkins, running_server(tmp_path) as server:
        _failed_build(jenkins)
        order = {
            "job_name": "nightly",
            "build_number": 12,
            "jenkins_url": jenkins.url,
            "jenkins_user": "reader",
            "jenkins_password": "made-up",
        }
        first_id = server.client.post("/analyze", json=order).json()["job_id"]
        first = server.finished(first_id)
        seen = len(jenkins.requests)
        reply = server.client.post(f"/re-analyze/{first_id}", json={"raw_prompt": "x", "job_name": "other"})
        second = server.finished(reply.json()["job_id"])
        again = jenkins.requests[seen:]

    assert second["jenkins_url"] == first["jenkins_url"]
    assert second["result"]["job_name"] == "nightly"
    assert second["result"]["reanalysis_of"] == first_id
    assert len(second["result"]["failures"]) == len(first["result"]["failures"]) > 0
    assert {request.authorization for request in again} == {_basic("reader", "made-up")}
    assert "made-up" not in json.dumps(second)


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _failed_build(jenkins: JenkinsServer) -> None:
    jenkins.build("job/nightly/12/", {"number": 12, "result": "FAILURE", "building": False})
    jenkins.report("job/nightly/12/", payload("report-plain.json"))
    jenkins.console("job/nightly/12/", "Finished: FAILURE\n")


def test_an_unknown_analysis_cannot_be_repeated(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        unknown = server.client.post("/re-analyze/nothing", json={})
        wrong = server.client.post("/re-analyze/nothing", json={"ai_cli_timeout": 0})

    assert unknown.status_code == 404
    assert wrong.status_code == 422
