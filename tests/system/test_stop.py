"""Somebody waits for an answer while the server stops."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.server import ROOT, running_server

SLOW = ROOT / "tests" / "support" / "slow_answers.py"
FAILURES = {"failures": [{"test_name": "a", "error_message": "ValueError: alpha"}]}


def test_who_waits_is_told_where_the_answer_will_be(tmp_path: Path) -> None:
    log = tmp_path / "asked.log"
    settings = {"AI_PROVIDER": "command", "AI_COMMAND": f"{sys.executable} {SLOW} --log {log} --seconds 2"}
    with ThreadPoolExecutor(1) as pool, running_server(tmp_path, settings) as server:
        waiting = pool.submit(server.client.post, "/analyze-failures", json=FAILURES)
        while not log.exists():
            assert not waiting.done()
        server.process.send_signal(signal.SIGINT)
        reply = waiting.result(timeout=60)
        code = server.process.wait(60)
    with running_server(tmp_path, settings) as server:
        job_id = reply.json()["detail"].partition("/results/")[2].split()[0]
        result = server.finished(job_id)

    assert (reply.status_code, code) == (503, 0)
    assert "Traceback" not in (tmp_path / "server.log").read_text()
    assert result["status"] == "completed"
