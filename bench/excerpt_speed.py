"""Measures the console excerpt on a generated console: megabytes a second and peak memory.

The console resembles a long build: downloads, compiler calls, progress bars, test output, harmless words of
failure, a few real failures. It is streamed from a generator in a process of its own; the generator's own time is
measured apart and taken off. Seconds are the processor's, so that
a busy machine does not blur them. Goal: 30 MB/s on one core, memory that does not grow with the console.
Usage: python bench/excerpt_speed.py [--megabytes 500]
"""

import argparse
import itertools
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

from rootcoz.evidence.excerpt import excerpt

GOAL_MB_PER_S = 30.0
_BLOCK = 5_000
_SEED = 7
RARE = 0.01
"""Share of the lines that hold a word of failure."""


def _line(chance: random.Random, number: int) -> str:
    kinds = (
        f"[INFO] Downloading from central: https://repo.example/maven2/org/thing/{number}/thing-{number}.pom",
        f"[{number}/99999] Building CXX object src/module{number % 97}/CMakeFiles/module.dir/part_{number}.cpp.o",
        f"2026-03-01T10:{number % 60:02}:11.{number % 1000:03}Z INFO  worker-{number % 16}: took {number % 700} ms",
        f"tests/unit/test_area{number % 61}.py::test_case_{number} PASSED          [ {number % 100}%]",
        f"\x1b[32m  ok\x1b[0m step {number} finished, status green, 17 items compared with the stored ones",
        f" {number % 100}%|{'#' * (number % 40)}\r {number % 100 + 1}%|{'#' * (number % 40)} loading shards",
    )
    rare = (
        f"warning: retrying download {number} after error 503",
        f"compiled error_handling_{number}.c with -Werror, 0 errors",
        f"java.io.IOException: stream {number} closed early",
        f"src/part_{number}.cpp:{number % 900}:5: error: 'thing' was not declared in this scope",
    )
    return chance.choice(rare) if chance.random() < RARE else chance.choice(kinds)


def console(size: int) -> Iterator[str]:
    """Lines of about `size` characters together. Blocks repeat, with a line of their own each."""
    chance = random.Random(_SEED)  # noqa: S311 - a console that is the same each time, nothing secret
    block = [_line(chance, number) for number in range(_BLOCK)]
    length = sum(map(len, block)) + len(block)
    for repeat in range(max(1, size // length)):
        yield f"=== shard {repeat} ==="
        yield from block
    yield "E   AssertionError: the one that counts"
    yield "make: *** [all] Error 2"


def measure(megabytes: int) -> None:
    """Print the figures; run in a process of its own, so that the peak of memory is the excerpt's."""
    size = megabytes * 1_000_000
    began = time.process_time()
    characters = sum(map(len, console(size)))
    generating = time.process_time() - began
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.process_time()
    found = excerpt(itertools.chain(console(size)))
    taken = time.process_time() - began - generating
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = characters / 1e6 / taken
    print(f"{characters / 1e6:.0f} MB, {found.total_lines:,} lines: {taken:.1f} s, {rate:.0f} MB/s")
    print(
        f"peak memory {peak:.0f} MB, {peak - before:.0f} MB above the generator's; {len(found.spans)} spans"
    )
    shown = any("the one that counts" in line.text for span in found.spans for line in span.lines)
    print("reached" if rate >= GOAL_MB_PER_S and shown else "MISSED", f"goal {GOAL_MB_PER_S:.0f} MB/s")


def main() -> int:
    """Start the measurement in a child process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(options.megabytes)
        return 0
    command = [sys.executable, __file__, "--child", "--megabytes", str(options.megabytes)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
