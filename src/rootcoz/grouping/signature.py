"""The error signature: equal exactly when it is the same failure happening again.

    message ─ normalise each line ────────────────────┐
    stack   ─ read each line ─ text: normalise ───────┼─ SHA-256 with the version in front
                             └ frame: does it contribute? ┘

What contributes, and the limits:

- Every line of text, in its order, without its noise (`noise.py`).
- Of each run of frames, the FRAMES own frames nearest to where the error was raised; library frames only when there
  are no own ones; the runner's never. Line numbers never. A frame repeated by recursion counts once.
- For Python, the source line below a contributing frame, so that two checks in one function stay apart.
- Of a text longer than HEAD + TAIL characters, its middle contributes by its purely alphabetic words only: they hold no
  noise, and two different errors still differ.

Nothing of the test's name, class, file, output or duration is looked at.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import NamedTuple

from rootcoz.domain.failure import ErrorSignature, Failure
from rootcoz.grouping.frames import Frame, LineKind, read_frame
from rootcoz.grouping.noise import Replacement, normalise_line

SIGNATURE_VERSION: int = 1
"""Raised with every change of the rules that changes any value; stored beside the value."""

FRAMES = 5
"""Own frames of each run of frames that contribute."""

HEAD = 48_000
TAIL = 16_000
"""Characters at the start and end of a message or stack that are read in full."""

_WORTH_SHARING = 24
"""Characters from which on it is faster to look for a message in the stack than to read it twice."""

_REMEMBERED_LINES = 1 << 15
_REMEMBERED_LENGTH = 600
"""Lines repeat across a build's failures; as many lines of at most this length are remembered, then all forgotten."""


@dataclass(frozen=True, slots=True)
class StackLine:
    """One line of a stack trace as the signature sees it."""

    text: str
    kind: LineKind
    contributes: bool
    contribution: str
    """What goes into the signature; empty when nothing does."""
    hint: str
    """Why it does not contribute, else empty."""


@dataclass(frozen=True, slots=True)
class SignatureExplanation:
    """How a signature came about, for people."""

    signature: ErrorSignature
    message: str
    """Normalised, one line each."""
    stack: tuple[StackLine, ...]
    replacements: tuple[Replacement, ...]
    """All noise that was replaced in contributing text, in reading order."""

    @property
    def contributing(self) -> tuple[str, ...]:
        """The stack's lines that went into the signature."""
        return tuple(line.contribution for line in self.stack if line.contributes)


_ASSERTION = re.compile(
    r"(?<![uU]n)[Ee]xpected|[Aa]ssert|(?<![=!])[=!]==?(?!=)|but was|to(?:Be|Equal|Have|Match)\b|EXPECT"
)
_ASSERTION_SIGNS = ("xpect", "ssert", "==", "!=", "but was", "toBe", "toEqual", "EXPECT")

_frames: dict[str, Frame | None] = {}
_texts: dict[str, str] = {}
_values: dict[str, str] = {}


def forget_lines() -> None:
    """Empty the memory of lines; for measurements. Values do not depend on it."""
    _frames.clear()
    _texts.clear()
    _values.clear()


def _is_assertion(text: str) -> bool:
    """Whether the numbers in a text are what a check expected and found."""
    for sign in _ASSERTION_SIGNS:
        if sign in text:
            return _ASSERTION.search(text) is not None
    return False


def _normalised(line: str, *, values: bool) -> str:
    memory = _values if values else _texts
    known = memory.get(line)
    if known is None:
        known = normalise_line(line, values=values)
        if len(line) <= _REMEMBERED_LENGTH:
            if len(memory) >= _REMEMBERED_LINES:
                memory.clear()
            memory[line] = known
    return known


_UNREAD = Frame("", LineKind.TEXT)


def _frame(line: str) -> Frame | None:
    known = _frames.get(line, _UNREAD)
    if known is _UNREAD:
        known = read_frame(line)
        if len(line) <= _REMEMBERED_LENGTH:
            if len(_frames) >= _REMEMBERED_LINES:
                _frames.clear()
            _frames[line] = known
    return known


class _Heading:
    """What the message says about reading the stack: its first line often stands there again, behind a type's name."""

    __slots__ = ("first", "first_normalised", "values")

    def __init__(self, message: list[str], *, values: bool) -> None:
        self.values = values
        self.first = message[0] if message and len(message[0]) >= _WORTH_SHARING else ""
        self.first_normalised = _normalised(self.first, values=values) if self.first else ""

    def normalised(self, line: str) -> str:
        """The line without its noise."""
        if self.first and line.endswith(self.first):
            before = line[: -len(self.first)]
            if not before:
                return self.first_normalised
            if before.endswith(": "):
                return f"{_normalised(before, values=self.values)} {self.first_normalised}"
        return _normalised(line, values=self.values)


class _FrameRun:
    """Frames between two lines of text: which of them contribute."""

    __slots__ = ("innermost_last", "library", "own", "sources", "test_class")

    def __init__(self) -> None:
        self.own: list[tuple[int, str]] = []
        self.library: list[tuple[int, str]] = []
        self.sources: dict[int, tuple[int, str]] = {}
        """For the line of a Python frame, its source line."""
        self.innermost_last = False
        self.test_class = ""
        """Of the frame that the runner called, when it is known."""

    def called_by_runner(self) -> None:
        """The frame added last is the test's own."""
        if self.own and not self.test_class and not self.innermost_last:
            self.test_class = self.own[-1][1].rpartition(".")[0]

    def contributing(self, *, values: bool) -> list[tuple[int, str]]:
        """The frames that contribute, in reading order.

        Which test met an error is no part of the error: where the code under test raised it, the frames of the test's
        class are left out. A check that failed was raised by the test itself, and its frames are all there is.
        """
        frames = self.own or self.library
        if self.test_class and not values:
            inside = (self.test_class + ".", self.test_class + "$", self.test_class + "<")
            outside = [frame for frame in frames if not frame[1].startswith(inside)]
            frames = outside or frames
        frames = _first_distinct(frames[::-1])[::-1] if self.innermost_last else _first_distinct(frames)
        if not self.sources:
            return frames
        with_sources = []
        for frame in frames:
            with_sources.append(frame)
            if frame[0] in self.sources:
                with_sources.append(self.sources[frame[0]])
        return with_sources


def _first_distinct(frames: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The first FRAMES frames, without those that repeat the one before."""
    distinct: list[tuple[int, str]] = []
    before = None
    for frame in frames:
        if frame[1] != before:
            distinct.append(frame)
            if len(distinct) == FRAMES:
                break
            before = frame[1]
    return distinct


def _select(lines: list[str], heading: _Heading) -> list[tuple[int, str]]:
    """The contributions of a stack: each with the number of its line, in reading order."""
    # One loop with as little in it as can be: it runs for every line of every failure.
    selected: list[tuple[int, str]] = []
    run = _FrameRun()
    python_frame = -2
    remembered, unread = _frames, _UNREAD
    own_kind, library_kind, runner_kind = LineKind.OWN, LineKind.LIBRARY, LineKind.RUNNER
    for number, line in enumerate(lines):
        frame = remembered.get(line, unread)
        if frame is unread:
            frame = _frame(line)
        if frame is not None:
            kind = frame.kind
            if kind is own_kind:
                run.own.append((number, frame.key))
            elif kind is library_kind:
                run.library.append((number, frame.key))
            elif kind is runner_kind:
                run.called_by_runner()
            if frame.innermost_last:
                run.innermost_last = True
                python_frame = number
        elif python_frame == number - 1 and line.startswith("    "):
            run.sources[python_frame] = (number, line.strip())
        else:
            if run.own or run.library:
                selected += run.contributing(values=heading.values)
            run = _FrameRun()
            selected.append((number, heading.normalised(line)))
    return selected + run.contributing(values=heading.values)


def _select_pytest(lines: list[str], heading: _Heading) -> list[tuple[int, str]]:
    """Contributions of pytest's long report: the lines marked E, the innermost marked >, and the frames.

    All else is the source of the functions on the way, which differs between the tests that meet one error.
    """
    errors, run, failing = [], _FrameRun(), None
    run.innermost_last = True
    for number, line in enumerate(lines):
        if line.startswith("E  "):
            errors.append((number, heading.normalised(line[1:])))
        elif line.startswith(">"):
            failing = (number, line[1:].strip())
        else:
            frame = _frame(line) if line[:1] not in " \t" else None
            if frame is not None and frame.kind in {LineKind.OWN, LineKind.LIBRARY}:
                (run.own if frame.kind is LineKind.OWN else run.library).append((number, frame.key))
    return [*errors, *([failing] if failing else []), *run.contributing(values=heading.values)]


_WORDS_ONLY = "<words>"
_IN_LETTERS = str.maketrans("0123456789", "ghijklmnop")
"""Keeps our own digest of the words from being taken for noise."""


def _considered(text: str) -> list[str]:
    """The lines of a text that are read; the middle of a very long one is reduced to its words."""
    if len(text) <= HEAD + TAIL:
        return text.split("\n") if text.isascii() and "\r" not in text else text.splitlines()
    middle = text[HEAD:-TAIL]
    words = hashlib.sha256(
        "\n".join(
            " ".join(word for word in line.split() if word.isalpha())
            for line in middle.splitlines()
            if not (line and _frame(line) is not None)
        ).encode("utf-8", "surrogatepass")
    )
    return [
        *text[:HEAD].splitlines(),
        f"{_WORDS_ONLY} {words.hexdigest().translate(_IN_LETTERS)}",
        *text[-TAIL:].splitlines(),
    ]


class _Reading(NamedTuple):
    """A failure as it was read. A tuple: it is made for every signature, and a frozen dataclass takes longer."""

    message_lines: list[str]
    message: str
    stack: list[str]
    selected: list[tuple[int, str]]
    values: bool


def _read(failure: Failure) -> _Reading:
    message_lines = _considered(failure.error_message)
    stack = _considered(failure.stack_trace)
    values = _is_assertion(failure.error_message) or (bool(stack) and _is_assertion(stack[0]))
    heading = _Heading(message_lines, values=values)
    message = "\n".join(filter(None, [heading.normalised(line) for line in message_lines]))
    is_pytest = "\nE   " in failure.stack_trace or failure.stack_trace.startswith("E   ")
    selected = _select_pytest(stack, heading) if is_pytest else _select(stack, heading)
    return _Reading(message_lines, message, stack, selected, values)


def _digest(reading: _Reading) -> ErrorSignature:
    # The message's length stands in front, so that no text can be moved between message and stack.
    message = reading.message
    contributions = "\n".join([text for _, text in reading.selected if text])
    text = f"{SIGNATURE_VERSION} {len(message)}\n{message}\n{contributions}"
    value = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return ErrorSignature(value, SIGNATURE_VERSION)


def error_signature(failure: Failure) -> ErrorSignature:
    """The signature of a failure's message and stack trace, and of nothing else.

    Failures that have neither all get the same value; `groups.py` keeps them apart.
    """
    return _digest(_read(failure))


_HINTS = {
    LineKind.RUNNER: "the test runner's frame",
    LineKind.DECORATION: "says nothing about the error",
    LineKind.LIBRARY: "a library's frame, and there are own ones",
    LineKind.OWN: f"beyond the {FRAMES} own frames nearest to the error, or the same frame again",
    LineKind.TEXT: "source text on the way to the error",
}


def explain(failure: Failure) -> SignatureExplanation:
    """How the signature came about. Slower than `error_signature`, with the same value."""
    reading = _read(failure)
    selected = dict(reading.selected)
    found: list[Replacement] = []
    for line in reading.message_lines:
        normalise_line(line, values=reading.values, found=found)
    seen = []
    for number, line in enumerate(reading.stack):
        frame = _frame(line)
        kind = frame.kind if frame else LineKind.TEXT
        contribution = selected.get(number, "")
        if contribution and kind is LineKind.TEXT:
            normalise_line(line, values=reading.values, found=found)
        hint = "" if contribution else _HINTS[kind if line.strip() else LineKind.DECORATION]
        seen.append(StackLine(line, kind, bool(contribution), contribution, hint))
    return SignatureExplanation(_digest(reading), reading.message, tuple(seen), tuple(found))
