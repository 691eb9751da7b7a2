"""Requests per second of GET /results/{job_id} with 500 failures, against a bare ASGI app that sends the same bytes.

Both run under the same uvicorn, each in a process of its own, and are asked in turns by the same client. Goal: at least
60 % of bare. Usage: python -m bench.bench_result_reads [--seconds 4]
"""

import argparse
import asyncio
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from bench.bench_big_request import server

FAILURES = 500
CONNECTIONS = 8
ROUNDS = 3
GOAL = 0.60

BARE_APP = """
import socket, sys, uvicorn
BODY = open(sys.argv[1], "rb").read()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
config = uvicorn.Config(app, lifespan="off", access_log=False, log_config=None, loop="asyncio")
uvicorn.Server(config).run(sockets=[listener])
"""


def failures() -> list[dict[str, object]]:
    """Failures with traces, of fifty causes."""
    return [
        {
            "test_name": f"tests.area{number % 9}.test_case_{number}",
            "error_message": f"ValueError: wrong value for field name{number % 50}",
            "stack_trace": "\n".join(
                f'  File "/srv/app/module{number % 50}_{k}.py", line {k * 7}, in call' for k in range(20)
            ),
        }
        for number in range(FAILURES)
    ]


@contextmanager
def bare(body: Path) -> Iterator[str]:
    """The bare app on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, "-c", BARE_APP, str(body), str(port)]) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                httpx2.get(url, trust_env=False)
                break
            except httpx2.TransportError:
                time.sleep(0.05)
        try:
            yield url
        finally:
            process.terminate()
            process.wait()


async def rate(url: str, path: str, size: int, seconds: float) -> float:
    """Requests per second over CONNECTIONS connections; speaks plain HTTP/1.1 so that the client costs little."""
    host, port = url.removeprefix("http://").split(":")
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    until = time.perf_counter() + seconds

    async def ask() -> int:
        reader, writer = await asyncio.open_connection(host, int(port), limit=4 * size)
        count = 0
        while time.perf_counter() < until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
            await reader.readexactly(size)
            count += 1
        writer.close()
        return count

    began = time.perf_counter()
    counts = await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began)


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, server(Path(folder, "data")) as (url, _):
        reply = httpx2.post(
            f"{url}/analyze-failures", json={"failures": failures()}, timeout=120, trust_env=False
        )
        path = f"/results/{reply.raise_for_status().json()['job_id']}"
        body = Path(folder, "body.json")
        body.write_bytes(httpx2.get(url + path, trust_env=False).content)
        size = body.stat().st_size
        with bare(body) as bare_url:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                theirs.append(asyncio.run(rate(bare_url, "/", size, seconds)))
                ours.append(asyncio.run(rate(url, path, size, seconds)))
    share = statistics.median(ours) / statistics.median(theirs)
    print(f"result of {FAILURES} failures: {size / 1e3:.0f} kB")
    print(
        f"bare ASGI app       {statistics.median(theirs):8.0f} requests/s  ({', '.join(f'{x:.0f}' for x in theirs)})"
    )
    print(
        f"GET /results/{{id}}   {statistics.median(ours):8.0f} requests/s  ({', '.join(f'{x:.0f}' for x in ours)})"
    )
    print(f"share of bare       {share:8.0%}  (goal {GOAL:.0%})")


if __name__ == "__main__":
    main()
