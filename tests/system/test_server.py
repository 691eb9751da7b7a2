"""What only a real server process and a real connection can show."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.support.server import ROOT, running_server, scrubbed

FAILURES = {"failures": [{"test_name": "t", "error_message": "ValueError: bad"}]}
STAND_IN = ROOT / "tests" / "support" / "slow_answers.py"


def run(home: Path, *arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "rootcoz.cli.main", *arguments],
        cwd=cwd or home,
        env=scrubbed(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_client_that_hangs_up_does_not_stop_its_analysis(tmp_path: Path) -> None:
    log = tmp_path / "questions"
    settings = {
        "AI_PROVIDER": "command",
        "AI_COMMAND": f"{sys.executable} {STAND_IN} --log {log} --seconds 0.7",
    }
    body = json.dumps(FAILURES).encode()
    with running_server(tmp_path, settings) as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
            head = f"POST /analyze-failures HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
            deadline = time.monotonic() + 30
            while not log.exists():
                assert time.monotonic() < deadline
                time.sleep(0.02)
        job_id = server.client.get("/results").json()[0]["job_id"]
        result = server.finished(job_id)

    assert result["status"] == "completed"
    assert result["result"]["failures"][0]["analysis"]["classification"] == "PRODUCT BUG"


@pytest.mark.parametrize(
    "target", ["//results", "/results/../results", "http://x/results", "/health?x=/../results", "/results%00"]
)
def test_a_closed_server_stays_closed_on_odd_paths(closed_server: str, target: str) -> None:
    address = urlsplit(closed_server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.putrequest("GET", target)
    connection.endheaders()
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()

    assert "job_id" not in text
    assert response.status in ({200} if target.startswith("/health?") else {400, 401})


@pytest.fixture(scope="module")
def closed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = {"AUTH_MODE": "required", "ADMIN_KEY": "correct-horse-battery"}
    with running_server(tmp_path_factory.mktemp("closed"), settings) as server:
        yield server.url


@pytest.mark.parametrize("name", ["rootcoz.sqlite3", "engine.sqlite3"])
def test_a_damaged_database_stops_the_start_with_a_sentence(tmp_path: Path, name: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / name).write_bytes(b"this is no database" * 1000)
    done = run(tmp_path, "serve", "--port", "0", "--data-dir", str(data))

    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_checkout_gives_no_orders_to_the_one_who_analyses_its_reports(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "report.xml").write_text(
        "<testsuite><testcase name='t'><failure message='ValueError: bad'/></testcase></testsuite>"
    )
    trap = f"{sys.executable} -c open('{checkout}/trapped','w')"
    (checkout / ".env").write_text(
        f"AI_PROVIDER=command\nAI_COMMAND={trap}\nROOTCOZ_SERVER=http://127.0.0.1:9\n"
    )
    (checkout / "rootcoz.toml").write_text(
        'ai_provider = "command"\nserver = "http://127.0.0.1:9"\nnonsense = 1\n'
    )
    done = run(tmp_path, "analyze", "report.xml", "--format", "json", cwd=checkout)

    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["result"]["ai_provider"] == "builtin"
    assert sorted(file.name for file in checkout.iterdir()) == [".env", "report.xml", "rootcoz.toml"]
