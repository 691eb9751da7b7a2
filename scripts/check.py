"""Runs every check of the source, two at a time, and reports all of them, not only the first that fails.

python scripts/check.py [NAME ...]     with names, only those checks
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS: dict[str, tuple[str, ...]] = {
    "types": ("mypy",),
    "format": ("ruff", "format", "--check", "."),
    "lint": ("ruff", "check", "."),
    "imports": ("lint-imports",),
    "docs": ("zensical", "build", "--strict", "--clean"),
    "news": ("towncrier", "build", "--draft", "--version", "next"),
}
"""The slowest first, so that the others run beside it."""
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one check."""

    name: str
    passed: bool
    seconds: float
    output: str


def main() -> int:
    """Run the checks named on the command line, or all; returns 1 if one failed."""
    names = sys.argv[1:] or list(CHECKS)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"No check is named {', '.join(unknown)}; there are {', '.join(CHECKS)}.", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(run, names))
    for outcome in outcomes:
        if not outcome.passed:
            print(f"--- {outcome.name}: {' '.join(CHECKS[outcome.name])}\n{outcome.output}")
    for outcome in outcomes:
        print(f"{'ok    ' if outcome.passed else 'FAILED'}  {outcome.name:8} {outcome.seconds:5.1f} s")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def run(name: str) -> Outcome:
    """Run one check with its output kept."""
    program, *arguments = CHECKS[name]
    started = time.monotonic()
    process = subprocess.run(
        [BIN / program, *arguments],
        cwd=ROOT,
        env=os.environ | {"NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(name, process.returncode == 0, time.monotonic() - started, process.stdout)


if __name__ == "__main__":
    sys.exit(main())
