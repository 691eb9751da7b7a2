"""What one 50 MB request with 20,000 failing cases costs, and how long everybody else waits meanwhile.

Starts a real server, sends the document as raw_xml, and asks /health in a row from another process all the while.
Goals: /health is never held up more than 50 ms. Usage: python -m bench.bench_big_request [--groups N]
"""

import argparse
import json
import multiprocessing
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import httpx2
from bench.bench_junit_reading import write_document

MEGABYTES = 49.9
"""Just below the limit of 50,000,000 characters."""
FAILURES = 20_000
HELD_UP_GOAL_MS = 50.0


@contextmanager
def server(data: Path) -> Iterator[tuple[str, int]]:
    """A server on a free port: its address and process id."""
    command = [sys.executable, "-m", "rootcoz.cli.entry", "serve", "--port", "0", "--data-dir", str(data)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = ""
        while not address:
            line = process.stderr.readline()
            if not line:
                raise SystemExit("the server did not start")
            found = re.search(r"http://\S+", line)
            address = found[0] if found else ""
        try:
            yield address, process.pid
        finally:
            process.terminate()
            process.wait()


def watch_health(url: str, stop: Event, times: "Queue[list[float]]") -> None:
    """Ask again and again; report every time it took, in milliseconds."""
    measured = []
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:
        while not stop.is_set():
            began = time.perf_counter()
            client.get("/health").raise_for_status()
            measured.append((time.perf_counter() - began) * 1000)
            time.sleep(0.002)
    times.put(measured)


def memory_mb(pid: int) -> float:
    """Peak of the process's memory, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) / 1000 if found else 0.0


def held_up(url: str, seconds: float | None, body: Path | None) -> tuple[list[float], float, bytes]:
    """Times of /health while the body is being worked on, or for `seconds` with nothing to do."""
    stop = multiprocessing.Event()
    times: multiprocessing.Queue[list[float]] = multiprocessing.Queue()
    watcher = multiprocessing.Process(target=watch_health, args=(url, stop, times))
    watcher.start()
    time.sleep(0.5)
    began = time.perf_counter()
    reply = b""
    if body is not None:
        headers = {"Content-Type": "application/json"}
        with httpx2.Client(base_url=url, trust_env=False, timeout=600) as client, body.open("rb") as stream:
            answer = client.post("/analyze-failures", content=stream, headers=headers)
            answer.raise_for_status()
            reply = answer.content
    else:
        time.sleep(seconds or 0)
    took = time.perf_counter() - began
    stop.set()
    measured = times.get()
    watcher.join()
    return measured, took, reply


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=MEGABYTES)
    parser.add_argument("--failures", type=int, default=FAILURES)
    parser.add_argument("--causes", type=int, default=200, help="different errors; 0: every failure is one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        document, body = Path(folder, "report.xml"), Path(folder, "body.json")
        write_document(document, int(options.megabytes * 1e6), options.failures, options.causes)
        body.write_text(json.dumps({"raw_xml": document.read_text(encoding="utf-8")}), encoding="utf-8")
        with server(Path(folder, "data")) as (url, pid):
            idle, _, _ = held_up(url, 5.0, None)
            before = memory_mb(pid)
            busy, took, reply = held_up(url, None, body)
            after = memory_mb(pid)
        summary = json.loads(reply)["summary"]
        print(f"{body.stat().st_size / 1e6:.1f} MB of body: {summary}")
        print(f"request             {took:8.2f} s, {len(reply) / 1e6:.1f} MB of result")
        print(f"memory of server    {before:8.0f} MB before, {after:.0f} MB at its peak")
        for name, times in (("idle", idle), ("during the request", busy)):
            times.sort()
            print(
                f"/health {name:18} median {times[len(times) // 2]:.1f} ms, "
                f"p99 {times[len(times) * 99 // 100]:.1f} ms, longest {times[-1]:.1f} ms of {len(times):,} "
                f"(goal for the longest: {HELD_UP_GOAL_MS:.0f})"
            )


if __name__ == "__main__":
    main()
