"""A disk that is full for a while, played by a limit on the size of the server's files."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.server import ROOT, Server, running_server

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the system has no such limit")

SLOW = ROOT / "tests" / "support" / "slow_answers.py"
FAILURES = {
    "failures": [{"test_name": word, "error_message": f"ValueError: {word}"} for word in ("alpha", "bravo")]
}


@contextmanager
def full_disk(server: Server) -> Iterator[None]:
    """Nothing the server writes reaches its files meanwhile; what it logs is short enough."""
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_000, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_an_analysis_that_met_a_full_disk_goes_on_when_there_is_room(tmp_path: Path) -> None:
    command = f"{sys.executable} {SLOW} --log {tmp_path / 'asked.log'} --seconds 1"
    with running_server(tmp_path, {"AI_PROVIDER": "command", "AI_COMMAND": command}) as server:
        reply = server.client.post("/analyze-failures", json=FAILURES, headers={"Prefer": "respond-async"})
        assert reply.status_code == 202, reply.text
        with full_disk(server):
            deadline = time.monotonic() + 60
            while "analysis_postponed" not in (tmp_path / "server.log").read_text():
                assert time.monotonic() < deadline, (tmp_path / "server.log").read_text()
                time.sleep(0.1)
            refused = server.client.post("/analyze-failures", json=FAILURES)
        result = server.finished(reply.json()["job_id"])

    assert refused.status_code == 503
    assert "database" in refused.json()["detail"]
    assert result["status"] == "completed"
    assert [failure["analysis"]["classification"] for failure in result["result"]["failures"]] == [
        "PRODUCT BUG"
    ] * 2
