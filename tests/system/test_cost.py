"""What an analysis costs: one question a cause, however often and with whatever noise the cause shows."""

import random
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.server import ROOT, running_server

STAND_IN = ROOT / "tests" / "support" / "slow_answers.py"
FAILURES, CAUSES = 200, 5


def _safe_letters(rng: random.Random, count: int) -> str:
    """As Kubernetes makes the ends of its pods' names."""
    return "".join(rng.choices("bcdfghjklmnpqrstvwxz2456789", k=count))


def noisy(rng: random.Random, number: int) -> dict[str, Any]:
    """A failure of one of five causes, with everything in it that changes from run to run."""
    day, clock = f"2026-03-{rng.randint(1, 28):02d}", f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"
    moment = f"{day}T{clock}:{rng.randint(0, 59):02d}.{rng.randint(0, 999):03d}Z"
    pod = f"{_safe_letters(rng, 9)}-{_safe_letters(rng, 5)}"
    port, pid = rng.randint(32_768, 60_999), rng.randint(100, 99_999)
    request = UUID(int=rng.getrandbits(128), version=4)
    seconds = f"{rng.uniform(0.5, 90):.3f}"
    address = f"10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    message, stack = (
        (
            (
                f"requests.exceptions.ConnectionError: HTTPConnectionPool(host='{address}', port={port}): Max retries "
                f"exceeded with url: /orders/{request} (Caused by NewConnectionError('<urllib3.HTTPConnection "
                f"object at 0x{rng.getrandbits(47):012x}>: Failed to establish a new connection'))"
            ),
            'File "/app/tests/orders/client.py", line 31, in create\n    return self.post(order)',
        ),
        (
            (
                f"{moment} ERROR [worker-{pid}] payment {request} was rejected after {seconds}s: "
                "currency EUR has no exchange rate"
            ),
            "com.shop.RateException: no rate\n\tat com.shop.Rates.of(Rates.java:88)",
        ),
        (
            f"pod inventory-{pod} did not become ready within {seconds} seconds (node {address})",
            "",
        ),
        (
            f"AssertionError: assert 'Welcome' in '<html id=\"{request}\">' # rendered at {moment}",
            'File "/app/tests/web/test_home.py", line 12, in test_home\n    assert "Welcome" in page',
        ),
        (
            (
                f"OSError: [Errno 28] No space left on device: '/tmp/pytest-of-ci/pytest-{rng.randint(0, 999)}/"
                f"dump-{request}.bin' (pid {pid})"
            ),
            f'File "/home/ci/agent-{rng.randint(1, 40)}/ws/tests/dump.py", line 7, in write\n    file.write(block)',
        ),
    )[number % CAUSES]
    return {
        "test_name": f"suite_{number % 23}.test_case_{number}",
        "error_message": message,
        "stack_trace": stack,
        "duration": float(seconds),
    }


def test_200_failures_of_5_causes_cost_5_questions(tmp_path: Path) -> None:
    log = tmp_path / "questions.log"
    rng = random.Random(2_026)  # noqa: S311 - noise, the same in each run
    failures = [noisy(rng, number) for number in range(FAILURES)]
    settings = {
        "AI_PROVIDER": "command",
        "AI_COMMAND": f"{sys.executable} {STAND_IN} --log {log} --seconds 0",
    }
    with running_server(tmp_path, settings) as server:
        result = server.finished(server.submit({"failures": failures}))["result"]
    started = [line for line in log.read_text().splitlines() if line.startswith("start")]
    groups = [failure["group"] for failure in result["failures"]]

    assert len(started) == CAUSES
    assert result["token_usage"]["total_calls"] == CAUSES
    assert [call["call_type"] for call in result["token_usage"]["calls"]] == ["primary"] * CAUSES
    assert groups == [number % CAUSES + 1 for number in range(FAILURES)]
    assert {failure["group_size"] for failure in result["failures"]} == {FAILURES // CAUSES}
