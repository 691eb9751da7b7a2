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


def _is_assertion(text: str) -> bool:
    """Whether the numbers in a text are what a check expected and found."""
    return any(sign in text for sign in _ASSERTION_SIGNS) and _ASSERTION.search(text) is not None


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


class _FrameRun:
    """Frames between two lines of text: which of them contribute."""

    __slots__ = ("innermost_last", "library", "own", "sources")

    def __init__(self) -> None:
        self.own: list[tuple[int, str]] = []
        self.library: list[tuple[int, str]] = []
        self.sources: dict[int, tuple[int, str]] = {}
        """For the line of a Python frame, its source line."""
        self.innermost_last = False

    def add(self, number: int, frame: Frame) -> None:
        chosen = self.own if frame.kind is LineKind.OWN else self.library
        if not chosen or chosen[-1][1] != frame.key:
            chosen.append((number, frame.key))
        if frame.innermost_last:
            self.innermost_last = True

    def contributing(self) -> list[tuple[int, str]]:
        frames = self.own or self.library
        frames = frames[-FRAMES:] if self.innermost_last else frames[:FRAMES]
        if not self.sources:
            return frames
        with_sources = []
        for frame in frames:
            with_sources.append(frame)
            if frame[0] in self.sources:
                with_sources.append(self.sources[frame[0]])
        return with_sources


def _select(lines: list[str], *, values: bool) -> list[tuple[int, str]]:
    """The contributions of a stack: each with the number of its line, in reading order."""
    if any(line.startswith("E   ") for line in lines):
        return _select_pytest(lines, values=values)
    selected: list[tuple[int, str]] = []
    run: _FrameRun | None = None
    python_frame = -1
    remembered, texts = _frames, _values if values else _texts
    for number, line in enumerate(lines):
        frame = remembered.get(line, _UNREAD)
        if frame is _UNREAD:
            frame = _frame(line)
        if frame is None:
            if python_frame == number - 1 and run is not None and line.startswith("    "):
                run.sources[python_frame] = (number, line.strip())
                continue
            if run is not None:
                selected += run.contributing()
                run = None
            selected.append((number, texts.get(line) or _normalised(line, values=values)))
            continue
        kind = frame.kind
        if frame.innermost_last:
            python_frame = number
        if kind is LineKind.RUNNER or kind is LineKind.DECORATION:
            continue
        if run is None:
            run = _FrameRun()
        run.add(number, frame)
    if run is not None:
        selected += run.contributing()
    return selected


def _select_pytest(lines: list[str], *, values: bool) -> list[tuple[int, str]]:
    """Contributions of pytest's long report: the lines marked E, the innermost marked >, and the frames.

    All else is the source of the functions on the way, which differs between the tests that meet one error.
    """
    errors, run, failing = [], _FrameRun(), None
    run.innermost_last = True
    for number, line in enumerate(lines):
        if line.startswith("E  "):
            errors.append((number, _normalised(line[1:], values=values)))
        elif line.startswith(">"):
            failing = (number, line[1:].strip())
        else:
            frame = _frame(line) if line[:1] not in " \t" else None
            if frame is not None and frame.kind in {LineKind.OWN, LineKind.LIBRARY}:
                run.add(number, frame)
    return [*errors, *([failing] if failing else []), *run.contributing()]


_WORDS_ONLY = "<words>"


def _considered(text: str) -> list[str]:
    """The lines of a text that are read; the middle of a very long one is reduced to its words."""
    if len(text) <= HEAD + TAIL:
        return text.splitlines()
    middle = text[HEAD:-TAIL]
    words = hashlib.sha256(
        "\n".join(
            " ".join(word for word in line.split() if word.isalpha())
            for line in middle.splitlines()
            if not (line and _frame(line) is not None)
        ).encode("utf-8", "surrogatepass")
    )
    return [*text[:HEAD].splitlines(), f"{_WORDS_ONLY} {words.hexdigest()}", *text[-TAIL:].splitlines()]


def _normalised_message(message: str, *, values: bool) -> str:
    lines = (_normalised(line, values=values) for line in _considered(message))
    return "\n".join(line for line in lines if line)


def _digest(message: str, contributions: list[str]) -> ErrorSignature:
    # The message's length stands in front, so that no text can be moved between message and stack.
    text = f"{SIGNATURE_VERSION} {len(message)}\n{message}\n" + "\n".join(contributions)
    value = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return ErrorSignature(value, SIGNATURE_VERSION)


def error_signature(failure: Failure) -> ErrorSignature:
    """The signature of a failure's message and stack trace, and of nothing else.

    Failures that have neither all get the same value; `groups.py` keeps them apart.
    """
    stack = _considered(failure.stack_trace)
    values = _is_assertion(failure.error_message) or (bool(stack) and _is_assertion(stack[0]))
    message = _normalised_message(failure.error_message, values=values)
    return _digest(message, [text for _, text in _select(stack, values=values) if text])


_HINTS = {
    LineKind.RUNNER: "the test runner's frame",
    LineKind.DECORATION: "says nothing about the error",
    LineKind.LIBRARY: "a library's frame, and there are own ones",
    LineKind.OWN: f"beyond the {FRAMES} own frames nearest to the error, or the same frame again",
    LineKind.TEXT: "source text on the way to the error",
}


def explain(failure: Failure) -> SignatureExplanation:
    """How the signature came about. Slower than `error_signature`, with the same value."""
    stack = _considered(failure.stack_trace)
    values = _is_assertion(failure.error_message) or (bool(stack) and _is_assertion(stack[0]))
    message = _normalised_message(failure.error_message, values=values)
    selected = dict(_select(stack, values=values))
    found: list[Replacement] = []
    for line in _considered(failure.error_message):
        normalise_line(line, values=values, found=found)
    seen = []
    for number, line in enumerate(stack):
        frame = _frame(line)
        kind = frame.kind if frame else LineKind.TEXT
        contribution = selected.get(number, "")
        if contribution and kind is LineKind.TEXT:
            normalise_line(line, values=values, found=found)
        hint = "" if contribution else _HINTS[kind if line.strip() else LineKind.DECORATION]
        seen.append(StackLine(line, kind, bool(contribution), contribution, hint))
    return SignatureExplanation(
        _digest(message, [text for _, text in selected.items() if text]), message, tuple(seen), tuple(found)
    )
