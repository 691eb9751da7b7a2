"""Thousands of requests made up from the OpenAPI document, with authentication on and off: the server must not break.

Goal: no status of 500 or above, and none that the document does not name, in 5,000 cases over the four variants (each
AUTH_MODE, with the administrator's key and without one). A variant that fails is shown with schemathesis' own words.
Usage: python -m bench.bench_fuzz [--examples N] [--seed N] [VARIANT ...]
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.server import running_server

GOAL_CASES = 5_000
EXAMPLES = 12
KEY = "correct-horse-battery"
CHECKS = "not_a_server_error,status_code_conformance,response_schema_conformance"
_SHOWN = 400_000
_LINE = 300
"""Last characters of a failed run's findings that are shown, and the first and last of each line."""
_LIMIT_S = 3600
_REQUEST_S = 90
"""Seconds that one request may take: analyses are waited for, also on a machine with other work."""
_HOOKS = Path(__file__).with_name("fuzz_hooks.py")


class Variant(NamedTuple):
    """How the server is set up, and who asks."""

    mode: str
    keyed: bool

    @property
    def name(self) -> str:
        """For the table and the command line."""
        return f"{self.mode}-{'key' if self.keyed else 'nobody'}"


class Outcome(NamedTuple):
    """What became of one variant."""

    cases: int
    passed: bool
    seconds: float
    broken: int
    """Requests that the server's log calls failed."""


VARIANTS = tuple(Variant(mode, keyed) for mode in ("open", "required") for keyed in (True, False))


def attack(variant: Variant, examples: int, seed: int) -> Outcome:
    """Send the requests of one variant to a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = {"ADMIN_KEY": KEY, "AUTH_MODE": variant.mode}
        with running_server(home, settings) as server:
            document = home / "openapi.json"
            reply = server.client.get("/openapi.json", headers={"Authorization": f"Bearer {KEY}"})
            document.write_bytes(reply.raise_for_status().content)
            began = time.perf_counter()
            done = subprocess.run(
                [
                    str(Path(sys.executable).with_name("schemathesis")),
                    "run",
                    str(document),
                    f"--url={server.url}",
                    f"--checks={CHECKS}",
                    "--exclude-path=/analyze",  # would look for Jenkins servers of made-up names
                    "--exclude-path-regex=/events$",  # end when their analysis does
                    "--phases=coverage,fuzzing",
                    f"--max-examples={examples}",
                    f"--seed={seed}",
                    "--continue-on-failure",
                    f"--request-timeout={_REQUEST_S}",
                    *([f"--header=Authorization: Bearer {KEY}"] if variant.keyed else []),
                    "--no-color",
                ],
                cwd=home,
                capture_output=True,
                text=True,
                timeout=_LIMIT_S,
                check=False,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": folder,
                    "NO_PROXY": "*",
                    "SCHEMATHESIS_HOOKS": str(_HOOKS),
                },
            )
            seconds = time.perf_counter() - began
            server.client.get("/health").raise_for_status()
        broken = (home / "server.log").read_text().count("request_failed")
    counted = re.search(r"([\d,]+) generated", done.stdout)
    if done.returncode or broken:
        found = re.search(r"=+ (ERRORS|FAILURES) =+.*?(?=\n=+ WARNINGS|\Z)", done.stdout, re.DOTALL)
        for line in (found[0] if found else done.stdout)[-_SHOWN:].splitlines():
            print(line if len(line) <= 2 * _LINE else f"{line[:_LINE]} ... {line[-_LINE:]}")
        print(done.stderr[-_SHOWN:])
    return Outcome(
        int(counted[1].replace(",", "")) if counted else 0,
        not done.returncode and not broken,
        seconds,
        broken,
    )


def main() -> int:
    """Run the variants and print a line for each; returns 1 if one failed or the goal's number was not reached."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variants", nargs="*", help="; ".join(one.name for one in VARIANTS))
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="examples of one operation")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chosen = [one for one in VARIANTS if not arguments.variants or one.name in arguments.variants]
    outcomes = []
    for variant in chosen:
        outcome = attack(variant, arguments.examples, arguments.seed)
        outcomes.append(outcome)
        print(
            f"{variant.name:16} {outcome.cases:6,} cases  {outcome.seconds:6.1f} s  {outcome.broken} broken  "
            f"{'ok' if outcome.passed else 'FAILED'}",
            flush=True,
        )
    cases = sum(one.cases for one in outcomes)
    print(f"{'together':16} {cases:6,} cases (goal {GOAL_CASES:,})")
    enough = cases >= GOAL_CASES or len(chosen) < len(VARIANTS)
    return 0 if outcomes and enough and all(one.passed for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
