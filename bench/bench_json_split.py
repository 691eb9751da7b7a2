"""Speed and memory of `kit.json_split` beside `orjson.loads` of the whole, each in a process of its own.

    python -m bench.bench_json_split [MEGABYTES]

Two bodies: one long XML string, and a list of failures with 2 kB stack traces. The body lies in a file and
is read in chunks of 64 kB, as a server gets it; the whole-document side has to gather those chunks first,
as a server would. Memory is the child's peak resident size above that of a child that only imports and
reads the file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from rootcoz.kit.json_split import ItemsRule, JsonSplitter, StringRule

CHUNK = 65_536
ROUNDS = 3
"""Best of so many children, since the machine does other things too."""


class Nowhere:
    """A sink that costs nothing."""

    def write(self, data: bytes, /) -> int:
        """Count, as a file does."""
        return len(data)


def xml_body(size: int) -> bytes:
    """`{"raw_xml": ...}` of about `size` bytes."""
    case = (
        '<testcase classname="tests.api.test_users" name="test_{number}" time="0.013">\n'
        '  <failure message="assert 1 == 2">E  assert 1 == 2 &lt;é&gt;\n'
        "\tat users.py:{number}</failure>\n</testcase>\n"
    )
    count = size // (len(json.dumps(case)) + 2)
    return orjson.dumps({"raw_xml": "".join(case.format(number=number) for number in range(count))})


def failures_body(size: int) -> bytes:
    """`{"failures": [...]}` of about `size` bytes."""
    frame = '  File "/srv/app/service/{number}/users.py", line 42, in find\n    return self.pool.get(key)\n'
    failures = [
        {
            "test_name": f"tests.api.test_users.test_{number}",
            "error_message": f"KeyError: 'user-{number}'",
            "stack_trace": (frame.format(number=number) * 30)[:2_000],
            "duration": 0.5,
            "status": "FAILED",
        }
        for number in range(size // 2_250)
    ]
    return orjson.dumps({"failures": failures})


def chunks(file: Path) -> Iterator[bytes]:
    """The file's chunks, one at a time."""
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def only_read(file: Path) -> None:
    """The floor of time and memory."""
    for _ in chunks(file):
        pass


def split(file: Path) -> None:
    """Our way."""
    splitter = JsonSplitter(
        [
            StringRule(("raw_xml",), lambda _path: Nowhere(), 1 << 40),
            ItemsRule(("failures", "*"), lambda _path, _item: None, 1 << 40),
        ]
    )
    for chunk in chunks(file):
        splitter.feed(chunk)
    splitter.close()


def load_whole(file: Path) -> None:
    """The plain way."""
    body = bytearray()
    for chunk in chunks(file):
        body += chunk
    orjson.loads(body)


WAYS = {"read": only_read, "split": split, "orjson.loads": load_whole}


def peak_kilobytes() -> int:
    """Peak resident size of this program alone; getrusage would count our parent before the exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def measure(way: str, file: Path) -> tuple[float, int]:
    """Seconds and peak kilobytes of one way, in a child."""
    child = subprocess.run(
        [sys.executable, __file__, "--way", way, "--file", str(file)], check=True, capture_output=True
    )
    seconds, peak = child.stdout.split()
    return float(seconds), int(peak)


def report(name: str, body: bytes) -> None:
    """Print the figures of one body."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "body.json"
        file.write_bytes(body)
        found = {way: [measure(way, file) for _ in range(ROUNDS)] for way in WAYS}
    floor = min(peak for _, peak in found["read"])
    megabytes = len(body) / 1e6
    print(f"{name}: {megabytes:.0f} MB")
    for way, runs in found.items():
        seconds = min(run[0] for run in runs)
        memory = min(run[1] for run in runs) - floor
        speed = f"{seconds:7.3f} s  {megabytes / seconds:7.0f} MB/s"
        print(f"  {way:13} {speed}  {memory / 1000:7.1f} MB above reading")


def main() -> None:
    """Measure, or be measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("megabytes", nargs="?", type=int, default=50)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    if options.way:
        began = time.perf_counter()
        WAYS[options.way](options.file)
        print(time.perf_counter() - began, peak_kilobytes())
        return
    size = options.megabytes * 1_000_000
    report("raw_xml", xml_body(size))
    report("failures", failures_body(size))


if __name__ == "__main__":
    main()
