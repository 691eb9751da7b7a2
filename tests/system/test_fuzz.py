"""Requests made from the OpenAPI document against a real server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.server import running_server

KEY = "correct-horse-battery"
ACCOUNTS = "^/api/(auth|users?|admin|notifications)/"
"""About half of all operations: each half has its own time limit."""
LEFT_OUT = "^/api/feedback/|/events$"
"""Feedback answers 503 on a server without a token for GitHub; streams of events end when their analysis does."""


@pytest.mark.parametrize(
    "part",
    [
        [f"--include-path-regex={ACCOUNTS}", f"--exclude-path-regex={LEFT_OUT}"],
        [f"--exclude-path-regex={ACCOUNTS}|{LEFT_OUT}"],
    ],
    ids=["accounts", "all others"],
)
def test_no_request_that_can_be_made_from_the_document_breaks_the_server(
    tmp_path: Path, part: list[str]
) -> None:
    with running_server(tmp_path, {"ADMIN_KEY": KEY}) as server:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{server.url}/openapi.json",
                *part,
                "--checks=not_a_server_error,status_code_conformance,response_schema_conformance",
                "--exclude-path=/analyze",  # would look for Jenkins servers of made-up names
                "--phases=coverage,fuzzing",
                "--max-examples=5",
                "--seed=1",
                "--request-timeout=20",
                f"--header=Authorization: Bearer {KEY}",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "*"},
        )
        alive = server.client.get("/health").status_code

    assert done.returncode == 0, done.stdout[-6000:]
    assert "Operations:" in done.stdout
    assert alive == 200
    assert "request_failed" not in (tmp_path / "server.log").read_text()
