"""Measures reading and enriching of a 50 MB JUnit XML document with 20,000 failing cases.

Each measurement runs in a process of its own, so that its peak of memory is its own. Goals for reading: 3 s
and 300 MB. Usage: python -m bench.bench_junit_reading [--megabytes 50] [--failures 20000]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from rootcoz.exporters.case_enrichment import CaseEnrichment
from rootcoz.exporters.junit_xml import enrich
from rootcoz.sources.junit_xml import read_junit

SECONDS_GOAL = 3.0
MEGABYTES_GOAL = 300.0
PASSING_PER_FAILING = 4


def write_document(path: Path, size: int, failures: int, causes: int = 0) -> None:
    """A document of about `size` bytes; between the failing cases stand passing ones.

    `causes` different errors take turns; 0 makes each failure an error of its own.
    """
    per_failure = size // failures
    with path.open("w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites><testsuite name="nightly">\n')
        for number in range(failures):
            cause = number % causes if causes else number
            passing = "".join(
                f'<testcase classname="tests.area{number % 97}" name="passes_{number}_{k}" time="0.0{k}"/>\n'
                for k in range(PASSING_PER_FAILING)
            )
            head = (
                f'<testcase classname="tests.area{number % 97}" name="fails_{number}[x.y]" time="1.25">'
                f'<failure message="AssertionError: expected {cause} &lt; {cause % 7}"><![CDATA['
            )
            tail = "]]></failure><system-out>checked the device\n</system-out></testcase>\n"
            room = per_failure - len(passing) - len(head) - len(tail)
            frame = f'  File "src/area{cause % 97}/step.py", line {cause % 500}, in step\n    check(value)\n'
            out.write(passing + head + (frame * (room // len(frame) + 1))[: max(room, 0)] + tail)
        out.write("</testsuite></testsuites>\n")


def run_reading(path: Path) -> str:
    """Read with the product's reader."""
    with path.open("rb") as stream:
        report = read_junit(stream)
    return f"{report.summary.tests:,} tests, {report.summary.failed:,} failed"


def run_etree(path: Path) -> str:
    """Parse into a tree, for comparison; the document is our own."""
    root = ET.parse(path).getroot()  # noqa: S314 - we wrote the document ourselves, a moment ago
    return f"{sum(1 for _ in root.iter('testcase')):,} tests"


def run_enriching(path: Path) -> str:
    """Enrich every failing case."""
    added = CaseEnrichment((("ai_classification", "PRODUCT BUG"), ("ai_details", "why " * 50)), "why " * 50)
    step = PASSING_PER_FAILING + 1
    ordinals = range(PASSING_PER_FAILING, 100_000 * step, step)
    with path.open("rb") as stream:
        written = sum(len(piece) for piece in enrich(stream, dict.fromkeys(ordinals, added), report_url="x"))
    return f"{written / 1e6:.1f} MB written"


RUNS = {"reading": run_reading, "enriching": run_enriching, "etree": run_etree}


def main() -> None:
    """Make the document and print a line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=50.0)
    parser.add_argument("--failures", type=int, default=20_000)
    parser.add_argument("--run", choices=sorted(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("--document", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        began = time.perf_counter()
        result = RUNS[options.run](options.document)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{options.run:10} {seconds:6.2f} s  {peak:7.1f} MB  {result}")
        return
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "report.xml"
        write_document(document, int(options.megabytes * 1e6), options.failures)
        print(f"document {document.stat().st_size / 1e6:.1f} MB; goals {SECONDS_GOAL} s, {MEGABYTES_GOAL} MB")
        for run in RUNS:
            command = [sys.executable, __file__, "--run", run, "--document", str(document)]
            subprocess.run(command, check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)})


if __name__ == "__main__":
    main()
