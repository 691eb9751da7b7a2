"""Reads JUnit XML, whichever framework wrote it, as a stream.

There is no standard; what is read is what the frameworks agree on: `testcase` elements at any depth, with
`failure`, `error`, `skipped`, `system-out` and `system-err` as direct children. Other children, such as
`flakyFailure` and `rerunFailure`, do not make a case fail. Counts are of elements: attributes such as
`tests="3"` are often wrong. But a suite's own `failure` or `error` counts as a failure, and failures that it
declares and nothing shows are noted: a crashed suite must not look like a passed one. Namespaces are ignored.
"""

from dataclasses import dataclass
from typing import BinaryIO

from rootcoz.domain.errors import InvalidReport
from rootcoz.domain.failure import Failure, ReportSummary
from rootcoz.domain.junit_words import CASE, ROOTS, SYSTEM_ERR, SYSTEM_OUT
from rootcoz.kit.head_tail import HeadTail, shortened
from rootcoz.kit.xml_encoding import open_document
from rootcoz.kit.xml_error import XmlError
from rootcoz.kit.xml_stream import GuardedParser, local_name
from rootcoz.sources.junit_suites import RERUNS, Suite, unaccounted_note
from rootcoz.sources.junit_text import Case, failure_of

FAILURE_LIMIT = 100_000
"""Failing cases of one document; each takes a kilobyte of memory or more."""

_PROBLEMS = frozenset({"failure", "error"})
_OUTPUTS = frozenset({SYSTEM_OUT, SYSTEM_ERR})


@dataclass(frozen=True, slots=True)
class Report:
    """What one document says."""

    summary: ReportSummary
    failures: tuple[Failure, ...]
    """In document order; one for each failing case, and one for each suite that failed itself, at its end."""
    notes: tuple[str, ...] = ()
    """Sentences about failures that it declares and does not show."""


def read_junit(stream: BinaryIO, *, report: int = 0, name: str = "", encoding: str | None = None) -> Report:
    """Read a document to its end.

    `report` is its index among the analysis's documents, `name` what to call it in messages, `encoding` what
    the transport says about its bytes (`utf-8` for text that came inside JSON), which counts more than the
    XML declaration. Memory is bounded by the failures: 100,000 characters of stack trace, 20,000 of message
    and OUTPUT_LIMIT of output each, at most. InvalidReport, with a sentence that says what to do, for
    everything that is not JUnit XML or exceeds a limit.
    """
    try:
        document = open_document(stream, encoding=encoding)
        reader = _Reader(report, name)
        for block in document.blocks:
            reader.parser.feed(block)
        reader.parser.close()
    except XmlError as error:
        raise InvalidReport(f"{_subject(name)} cannot be read: {error}.") from error
    return reader.report()


def _subject(name: str) -> str:
    return f"The report {shortened(name, 200)!r}" if name else "The report"


class _Reader:
    def __init__(self, report: int, name: str) -> None:
        self.parser = GuardedParser(start=self._start, end=self._end)
        self._report = report
        self._name = name
        self._failures: list[Failure] = []
        self._tests = 0
        self._skipped = 0
        self._suites: list[Suite] = []
        self._shown = 0
        self._unaccounted = 0
        self._cases: list[Case] = []
        self._text: HeadTail | None = None
        self._text_depth = 0

    def report(self) -> Report:
        summary = ReportSummary(
            name=self._name,
            tests=self._tests,
            failed=len(self._failures),
            skipped=self._skipped,
            unaccounted=self._unaccounted,
        )
        note = unaccounted_note(_subject(self._name), self._shown, self._unaccounted)
        return Report(summary, tuple(self._failures), (note,) if self._unaccounted else ())

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = local_name(name)
        if self.parser.depth == 1 and tag not in ROOTS:
            raise XmlError(
                f"its root element is <{name[:60]}>, not <testsuites> or <testsuite>, so it is not JUnit XML;"
                " check which file was sent"
            )
        if tag == CASE:
            suite = next((suite.name for suite in reversed(self._suites) if suite.name), "")
            self._cases.append(Case(self._tests, self.parser.depth, suite, attributes))
            self._tests += 1
        elif tag in ROOTS:
            self._suites.append(Suite(tag, self.parser.depth, attributes))
        elif self._cases and self.parser.depth == self._cases[-1].depth + 1:
            self._start_child(self._cases[-1], tag, attributes)
        elif tag in _PROBLEMS and self.parser.depth == self._suites[-1].depth + 1:
            self._listen(self._suites[-1].add_problem(tag, attributes))

    def _start_child(self, case: Case, tag: str, attributes: dict[str, str]) -> None:
        if tag in _PROBLEMS:
            self._listen(case.add_problem(tag, attributes))
        elif tag in _OUTPUTS:
            self._listen(case.add_output())
        elif tag == "skipped":
            case.skipped = True
        elif tag in RERUNS:
            self._suites[-1].shown += 1

    def _listen(self, text: HeadTail | None) -> None:
        if text is None:
            return
        self._text = text
        self._text_depth = self.parser.depth
        self.parser.listen(text.add)

    def _end(self, name: str) -> None:
        if self._text is not None and self.parser.depth == self._text_depth:
            self._text = None
            self.parser.listen(None)
        elif self._cases and self.parser.depth == self._cases[-1].depth:
            self._end_case(self._cases.pop())
        elif local_name(name) in ROOTS:
            self._end_suite(self._suites.pop())

    def _end_case(self, case: Case) -> None:
        if case.problems:
            self._suites[-1].shown += len(case.problems) + case.problems_left_out
            self._add(failure_of(case, self._report))
        elif case.skipped:
            self._skipped += 1

    def _end_suite(self, suite: Suite) -> None:
        failure = suite.failure(self._report)
        if failure is not None:
            self._add(failure)
        if self._suites:
            suite.close_into(self._suites[-1])
        else:
            self._shown, self._unaccounted = suite.shown, suite.unaccounted

    def _add(self, failure: Failure) -> None:
        if len(self._failures) >= FAILURE_LIMIT:
            raise XmlError(f"it has more than {FAILURE_LIMIT:,} failing tests; split it")
        self._failures.append(failure)
