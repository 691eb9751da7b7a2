"""How long `rootcoz serve` takes from its start until /health answers, and how much of a processor it needs for that.

Goal: about one second. On a machine with other work, look at the seconds of processor time and at the smallest figure.
Usage: python -m bench.bench_start [--runs N]
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import NamedTuple

GOAL_S = 1.0
RUNS = 7
_COMMAND = (sys.executable, "-m", "rootcoz.cli.entry")
_LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Start(NamedTuple):
    """One start, in seconds."""

    elapsed: float
    processor: float


def start_server(data: Path, environment: dict[str, str]) -> Start:
    """Start a server on the data directory, ask for its health, and stop it."""
    began = time.perf_counter()
    with subprocess.Popen(
        [*_COMMAND, "serve", "--port", "0", "--data-dir", str(data)],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=data.parent,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"http://\S+", line):
                with _LOCAL.open(f"{found[0]}/health") as reply:
                    assert reply.status == 200  # noqa: PLR2004 - HTTP's OK
                start = Start(time.perf_counter() - began, processor_seconds(process.pid))
                process.terminate()
                process.wait()
                return start
    raise SystemExit("the server did not start")


def processor_seconds(pid: int) -> float:
    """User and system time of the process: fields 14 and 15 of /proc/PID/stat, proc(5), counted after the name."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_command(arguments: list[str], environment: dict[str, str], folder: Path) -> Start:
    """Run a command that ends by itself."""
    began, before = time.perf_counter(), os.times()
    subprocess.run(
        [*_COMMAND, *arguments], env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Start(time.perf_counter() - began, used)


def show(name: str, starts: list[Start]) -> None:
    """A line of the smallest and the median figures."""
    elapsed, processor = ([start[kind] for start in starts] for kind in (0, 1))
    print(
        f"{name:26} {min(elapsed):.2f} s at best, {median(elapsed):.2f} median; "
        f"processor {min(processor):.2f} s at best, {median(processor):.2f} median"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    runs = range(parser.parse_args().runs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # As installed: compiled once, wherever the sources lie and whatever the environment says of compiling.
        sources = os.pathsep.join(str(Path(path).resolve()) for path in sys.path)
        environment = {**os.environ, "PYTHONPATH": sources, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        start_server(folder / "first", environment)
        show("serve, new data directory", [start_server(folder / f"new{run}", environment) for run in runs])
        show("serve, existing one", [start_server(folder / "first", environment) for _ in runs])
        for arguments in (["--version"], ["--help"]):
            show(f"rootcoz {arguments[0]}", [run_command(arguments, environment, folder) for _ in runs])
    print(f"goal for serve: about {GOAL_S:.0f} s")


if __name__ == "__main__":
    main()
