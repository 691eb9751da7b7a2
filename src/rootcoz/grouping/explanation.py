"""How a signature came about, for people: which rule replaced what, and which lines of the stack count.

Enters: a failure's message and stack trace. Leaves: its `Explanation`. The text is read by `signature.py` itself, with
a way of normalising that remembers what it replaced: there is no second implementation that could drift.
"""

from dataclasses import dataclass, replace
from typing import Self

from rootcoz.domain.failure import ErrorSignature
from rootcoz.grouping.frames import LineKind, read_frame
from rootcoz.grouping.noise import Replacement, cleaned, normalise_line
from rootcoz.grouping.signature import FRAMES, WORDS_ONLY, Reading, digest, read_failure


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """One line as the signature sees it."""

    text: str
    """As it was read: without colours and the space around it. The replacements' places are places in it."""
    normalised: str
    """What goes into the signature; empty when nothing does. Of a frame this is the function and the file's name."""
    kind: LineKind
    contributes: bool
    reason: str
    """Why it contributes or does not."""
    replacements: tuple[Replacement, ...] = ()
    """In reading order; none for frames and source lines."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a signature came about."""

    signature: ErrorSignature
    message: tuple[ExplainedLine, ...]
    stack: tuple[ExplainedLine, ...]
    contributions: tuple[str, ...]
    """What the stack contributes, in the order in which it is hashed: pytest's reports are not read downwards."""

    @property
    def normalised_message(self) -> str:
        """The message without its noise, as it is hashed."""
        return "\n".join(line.normalised for line in self.message if line.contributes)

    @property
    def replacements(self) -> tuple[Replacement, ...]:
        """All noise that was replaced, in reading order."""
        return tuple(found for line in (*self.message, *self.stack) for found in line.replacements)


class _Remembered(str):
    """A normalised text that still knows what it was."""

    __slots__ = ("replacements", "source")
    replacements: tuple[Replacement, ...]
    source: str

    @classmethod
    def of(cls, text: str, source: str, replacements: tuple[Replacement, ...]) -> Self:
        """The text, with what it was and what was replaced."""
        remembered = cls(text)
        remembered.source = source
        remembered.replacements = replacements
        return remembered

    def __add__(self, other: str, /) -> "_Remembered":
        """The texts joined, so that the joined one still knows what both were."""
        source, found = (other.source, other.replacements) if isinstance(other, _Remembered) else (other, ())
        moved = tuple(replace(one, start=one.start + len(self.source)) for one in found)
        return _Remembered.of(str(self) + str(other), self.source + source, (*self.replacements, *moved))


def _remembering(line: str, values: bool) -> str:  # noqa: FBT001 - as `Normalise` wants it
    found: list[Replacement] = []
    normalised = normalise_line(line, values=values, found=found)
    return _Remembered.of(normalised, cleaned(line), tuple(found))


def explain(error_message: str, stack_trace: str) -> Explanation:
    """How the signature of this text came about. Slower than `error_signature`, with the same value."""
    reading = read_failure(error_message, stack_trace, _remembering)
    message = tuple(_text(reading.heading.normalised(line)) for line in reading.message_lines)
    selected = dict(reading.selected)
    stack = tuple(_stack_line(number, reading, selected.get(number)) for number in range(len(reading.stack)))
    contributions = tuple(str(text) for _, text in reading.selected if text)
    return Explanation(digest(reading), message, stack, contributions)


def _text(normalised: str) -> ExplainedLine:
    """A line of text that is looked at."""
    source = normalised.source if isinstance(normalised, _Remembered) else normalised
    replacements = normalised.replacements if isinstance(normalised, _Remembered) else ()
    reason = "text" if normalised else "empty"
    if source.startswith(WORDS_ONLY):
        reason = "stands for the middle of a very long text: its words without numbers and signs"
    return ExplainedLine(source, str(normalised), LineKind.TEXT, bool(normalised), reason, replacements)


def _stack_line(number: int, reading: Reading, contribution: str | None) -> ExplainedLine:
    if isinstance(contribution, _Remembered):
        return _text(contribution)
    line = reading.stack[number]
    frame = read_frame(line)
    kind = frame.kind if frame else LineKind.TEXT
    if contribution:
        reason = _WHY[kind]
    elif not line.strip():
        reason = "empty"
    elif frame and kind is LineKind.OWN:
        reason = _why_left_out(number, frame.key, reading)
    else:
        reason = _WHY_NOT[kind]
    return ExplainedLine(cleaned(line), contribution or "", kind, bool(contribution), reason)


def _why_left_out(number: int, key: str, reading: Reading) -> str:
    """Why an own frame does not contribute."""
    neighbours = (reading.stack[at] for at in (number - 1, number + 1) if 0 <= at < len(reading.stack))
    if any(frame is not None and frame.key == key for frame in map(read_frame, neighbours)):
        return "an own frame: the same as the one beside it"
    return f"an own frame, but not among the {FRAMES} nearest to the error, or of the test that met it"


_WHY = {
    LineKind.OWN: "an own frame near the error",
    LineKind.LIBRARY: "a library's frame near the error, where there is no own one",
    LineKind.TEXT: "the source line of a frame that counts",
    LineKind.RUNNER: "a frame",
    LineKind.DECORATION: "a frame",
}
_WHY_NOT = {
    LineKind.RUNNER: "the test runner's frame",
    LineKind.DECORATION: "says nothing about the error",
    LineKind.LIBRARY: f"a library's frame: own ones count, or else the {FRAMES} nearest to the error",
    LineKind.TEXT: "source text on the way to the error",
}
