"""From the attributes and texts of one JUnit XML case to a `Failure`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rootcoz.domain.failure import (
    MESSAGE_LIMIT,
    NAME_LIMIT,
    OUTPUT_LIMIT,
    STACK_LIMIT,
    Failure,
    ReportPosition,
)
from rootcoz.domain.junit_words import BLOCK_END, BLOCK_LIMIT, BLOCK_START
from rootcoz.kit.head_tail import HeadTail, bounded, shortened

PROBLEM_LIMIT = 20
"""Failures and errors of one case whose texts are kept."""

OTHER_MESSAGE_LIMIT = 500
"""Characters of the message of each but the first one."""

_BLOCK = re.compile(rf"\n?{re.escape(BLOCK_START)}\n.*?{re.escape(BLOCK_END)}\n?", re.DOTALL)
# A block of ours is still whole in what is kept when the output before it is to be found.
_OUTPUT_ROOM = OUTPUT_LIMIT + BLOCK_LIMIT + 2 * len(BLOCK_START + BLOCK_END)

_NUMBER = re.compile(r"\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_DURATION_LIMIT_S = 366 * 24 * 3600.0


@dataclass(slots=True)
class Problem:
    """A `failure` or `error` child of a case."""

    kind: str
    attributes: Mapping[str, str]
    text: HeadTail = field(default_factory=lambda: bounded(STACK_LIMIT))

    @property
    def message(self) -> str:
        """The message it states, possibly empty."""
        return self.attributes.get("message", "").strip()


@dataclass(slots=True)
class Case:
    """What has been read of a `testcase` element."""

    ordinal: int
    depth: int
    suite: str
    attributes: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    problems_left_out: int = 0
    skipped: bool = False
    outputs: int = 0
    output: HeadTail = field(default_factory=lambda: HeadTail(head=0, tail=_OUTPUT_ROOM))

    def add_problem(self, kind: str, attributes: Mapping[str, str]) -> HeadTail | None:
        """A further `failure` or `error`; returns where its text goes, None for nowhere."""
        if len(self.problems) >= PROBLEM_LIMIT:
            self.problems_left_out += 1
            return None
        self.problems.append(Problem(kind, attributes))
        return self.problems[-1].text

    def add_output(self) -> HeadTail:
        """A further element with output; returns where its text goes."""
        if self.outputs:
            self.output.add("\n")
        self.outputs += 1
        return self.output


def failure_of(case: Case, report: int) -> Failure:
    """The failure of a case with at least one problem."""
    # Failures first: what the test asserts says more than what went wrong while it was cleaned up.
    problems = sorted(case.problems, key=lambda problem: problem.kind != "failure")
    texts = [problem.text.text() for problem in problems]
    message = _message(problems[0], texts[0])
    class_name = _name(case.attributes, "classname")
    suite = shortened(case.suite, NAME_LIMIT)
    return Failure(
        test_name=".".join(filter(None, (class_name, _name(case.attributes, "name"))))
        or _stand_in_name(suite, case.ordinal),
        error_message=shortened(message, MESSAGE_LIMIT),
        stack_trace=shortened(_stack(problems, texts, case.problems_left_out), STACK_LIMIT),
        duration=duration_s(case.attributes.get("time", "")),
        status="FAILED" if problems[0].kind == "failure" else "ERROR",
        class_name=class_name,
        suite=suite,
        file=_place(case, problems[0], "file"),
        line=_line(_place(case, problems[0], "line")),
        other_messages=tuple(
            shortened(message, OTHER_MESSAGE_LIMIT)
            for message in map(_message, problems[1:], texts[1:])
            if message
        ),
        output=own_output(case.output.tail()),
        position=ReportPosition(report, case.ordinal),
    )


def duration_s(text: str) -> float:
    """Seconds of a `time` attribute; 0.0 when it is no sensible number.

    Some frameworks print the number in the machine's locale. With both separators present the last one is the
    decimal point; a lone comma is one too (`0,123`), several commas group thousands.
    """
    text = re.sub(r"[\s'\u2019]", "", text[:64])
    if "," in text:
        if text.rfind(",") < text.rfind("."):
            text = text.replace(",", "")
        elif text.count(",") == 1:
            text = text.replace(".", "").replace(",", ".")
        else:
            text = text.replace(",", "")
    if not _NUMBER.fullmatch(text):
        return 0.0
    seconds = float(text)
    return seconds if seconds <= _DURATION_LIMIT_S else 0.0


def own_output(text: str) -> str:
    """The tail of a test's output without what an earlier analysis wrote into it."""
    if BLOCK_START in text:
        text = _BLOCK.sub("", text)
    text = text.strip("\r\n")
    return text[-OUTPUT_LIMIT:] if text.strip() else ""


def _message(problem: Problem, text: str) -> str:
    first_line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return problem.message or first_line or problem.attributes.get("type", "").strip()


def _stack(problems: list[Problem], texts: list[str], left_out: int) -> str:
    """One problem's text as it is; of several, each text with its message in front unless it contains it."""
    if len(problems) == 1:
        return texts[0]
    parts = []
    for problem, text in zip(problems, texts, strict=True):
        message = shortened(problem.message, MESSAGE_LIMIT)
        parts.append(text if message in text else f"{message}\n{text}")
    if left_out:
        parts.append(f"[… {left_out:,} more failures of this test left out …]")
    return "\n\n".join(part.strip("\r\n") for part in parts if part.strip())


def _name(attributes: Mapping[str, str], key: str) -> str:
    return shortened(attributes.get(key, "").strip(), NAME_LIMIT)


def _stand_in_name(suite: str, ordinal: int) -> str:
    """What to call a test without a name: it failed, and people have to be able to point at it."""
    return shortened(f"{suite} (test {ordinal + 1}, without a name)".strip(), NAME_LIMIT)


def _place(case: Case, problem: Problem, key: str) -> str:
    """The case's attribute, else the problem's: some frameworks say only where the assertion is."""
    return _name(case.attributes, key) or _name(problem.attributes, key)


def _line(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
