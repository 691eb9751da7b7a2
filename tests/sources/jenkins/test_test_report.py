"""What is read from test reports: each payload `report-*.json` has what we make of it beside it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.support.jenkins_server import PAYLOADS

from rootcoz.domain.failure import MESSAGE_LIMIT, OUTPUT_LIMIT, STACK_LIMIT
from rootcoz.sources.jenkins import test_report
from rootcoz.sources.jenkins.test_report import Report, ReportReader, UnreadableReport

REPORTS = sorted(PAYLOADS.glob("report-*.json"))


def read(document: bytes, size: int = 0) -> Report:
    reader = ReportReader()
    size = size or len(document) or 1
    for start in range(0, len(document), size):
        reader.feed(document[start : start + size])
    return reader.close()


def report_of(*cases: dict[str, Any]) -> bytes:
    return json.dumps({"suites": [{"name": "s", "cases": cases}]}).encode()


def readable(report: Report) -> dict[str, Any]:
    """The report without what says nothing."""
    return {
        "failures": [_filled(asdict(failure)) for failure in report.failures],
        "children": {
            child.url: [_filled(asdict(failure)) for failure in child.failures] for child in report.children
        },
        "cases": report.cases,
    }


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", ())}


@pytest.mark.parametrize("size", [0, 1, 100])
@pytest.mark.parametrize("payload", REPORTS, ids=lambda path: path.stem)
def test_the_failures_of_a_report_are_read(payload: Path, size: int) -> None:
    expected = json.loads((payload.parent / "expected" / payload.name).read_text(encoding="utf-8"))

    assert readable(read(payload.read_bytes(), size)) == expected


def test_long_texts_are_bounded() -> None:
    case = {"status": "FAILED", "name": "t", "errorDetails": "x" * 50_000, "errorStackTrace": "y" * 200_000}
    failure = read(report_of({**case, "stdout": "z" * 50_000, "stderr": "last"})).failures[0]

    assert len(failure.error_message) <= MESSAGE_LIMIT
    assert len(failure.stack_trace) <= STACK_LIMIT
    assert len(failure.output) == OUTPUT_LIMIT
    assert failure.output.endswith("z\nlast")


def test_failures_over_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_report, "FAILURES_LIMIT", 2)
    report = read(report_of(*[{"status": "FAILED", "name": f"t{number}"} for number in range(5)]))

    assert (len(report.failures), report.left_out) == (2, 3)


def test_a_report_without_suites_is_empty() -> None:
    assert read(b'{"suites": []}') == Report(failures=())


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"jobs": []}',
        b'{"suites": [',
        b'{"suites": [{"cases": [{"status": "FAILED", "duration": []}]}]}',
    ],
)
def test_what_is_no_report_is_refused(document: bytes) -> None:
    with pytest.raises(UnreadableReport):
        read(document)
