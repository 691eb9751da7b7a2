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
  noise, and two different errors still differ. Two that differ there only in a number, or in a name that holds a sign,
  get one signature.

Nothing of the test's name, class, file, output or duration is looked at.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from rootcoz.domain.failure import ErrorSignature, Failure
from rootcoz.grouping.frames import TEXT, Frame, read_frame
from rootcoz.grouping.noise import normalise_line, without_colours

SIGNATURE_VERSION: int = 3
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

OWN, LIBRARY, RUNNER = "olr"
TEXTUAL = TEXT.code
INDENTED = "i"
"""Codes of lines (`Frame.code`) in small letters, and that of text which is indented as source lines in Python are."""

_LONGEST_NUMBER = 7
"""Digits of a line number."""


_ASSERTION = re.compile(
    r"(?<![uU]n)[Ee]xpected|[Aa]ssert|(?<![=!])[=!]==?(?!=)|but was|to(?:Be|Equal|Have|Match)\b|EXPECT|\bwant(?:ed)?\b"
)
"""The last is what tests in Go say, beside `got`."""

_texts: dict[str, str] = {}
_values: dict[str, str] = {}


def forget_lines() -> None:
    """Empty the memory of lines; for measurements. Values do not depend on it."""
    _frames.clear()
    _codes.clear()
    _places.clear()
    _texts.clear()
    _values.clear()


def _is_assertion(text: str) -> bool:
    """Whether the numbers in a text are what a check expected and found."""
    # Searching for words is much faster than matching an expression everywhere, and most texts hold none of them.
    may_be = (
        "xpect" in text
        or "ssert" in text
        or "==" in text
        or "!=" in text
        or "but was" in text
        or "toBe" in text
        or "toEqual" in text
        or "EXPECT" in text
        or ("want" in text and "got" in text)
    )
    return may_be and _ASSERTION.search(text) is not None


Normalise = Callable[[str, bool], str]
"""Takes the noise out of a line; the second argument says that its numbers are an assertion's values."""


def _normalised(line: str, values: bool) -> str:  # noqa: FBT001 - called very often, and keywords take time
    memory = _values if values else _texts
    known = memory.get(line)
    if known is None:
        known = normalise_line(line, values=values)
        if len(line) <= _REMEMBERED_LENGTH:
            if len(memory) >= _REMEMBERED_LINES:
                memory.clear()
            memory[line] = known
    return known


def _is_line_number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) <= _LONGEST_NUMBER


def _place(line: str) -> str | None:
    """The line without its line number, when it is a frame that has one: lines drift, the frame stays the same.

    The number's length is limited as the patterns of frames limit it. A column stands as a second number.
    """
    if line[-1:] == ")":
        head, _, number = line[:-1].rpartition(":")
        if not (number.isdecimal() and number.isascii() and len(number) <= _LONGEST_NUMBER):
            return None
        before, _, number = head.rpartition(":")
        return before + ":" if _is_line_number(number) else head
    path, mark, rest = line.partition('", line ')  # Python
    if mark:
        number, _, name = rest.partition(",")
        return path + mark + name if _is_line_number(number) else None
    if line.startswith("\t/"):
        path, mark, rest = line.partition(".go:")
        number, mark, offset = rest.partition(" +0x")
        # An offset of other signs could be the end of another language's frame, with the number in its name.
        return f"{path}\n{offset}" if mark and offset.isalnum() and _is_line_number(number) else None
    return None


def _frame(line: str) -> Frame:
    """The frame a line holds, or TEXT."""
    place = _place(line) if len(line) <= _REMEMBERED_LENGTH else None
    if place is None:
        return read_frame(line) or TEXT
    frame = _places.get(place)
    if frame is None:
        frame = _places[place] = read_frame(line) or TEXT
    return frame


class _Frames(dict[str, Frame]):
    """The frames of contributing lines met before."""

    def __missing__(self, line: str) -> Frame:
        """Read the line and remember it."""
        frame = _frame(line)
        if len(line) <= _REMEMBERED_LENGTH:
            if len(self) >= _REMEMBERED_LINES:
                forget_lines()
            self[line] = frame
        return frame


class _Codes(dict[str, str]):
    """The codes of lines met before: a letter for what a line is."""

    def __missing__(self, line: str) -> str:
        """Read the line and remember its code; most lines are asked for nothing else."""
        frame = _frame(line)
        code = INDENTED if frame is TEXT and line.startswith("    ") else frame.code
        if len(line) <= _REMEMBERED_LENGTH:
            if len(self) >= _REMEMBERED_LINES:
                forget_lines()
            self[line] = code
        return code


_frames = _Frames()
_codes = _Codes()
_places: dict[str, Frame] = {}


def _codes_of(lines: list[str]) -> str:
    """A letter for each line of a stack. Strings are searched and parted faster than lists."""
    return "".join(map(_codes.__getitem__, lines))


class Heading:
    """What the message says about reading the stack: its first line often stands there again, behind a type's name."""

    __slots__ = ("_normalise", "first", "first_normalised", "values")

    def __init__(self, message: list[str], normalise: Normalise, *, values: bool) -> None:
        self._normalise = normalise
        self.values = values
        self.first = message[0] if message and len(message[0]) >= _WORTH_SHARING else ""
        self.first_normalised = normalise(self.first, values) if self.first else ""

    def normalised(self, line: str) -> str:
        """The line without its noise."""
        if self.first and line.endswith(self.first):
            before = line[: -len(self.first)]
            if not before:
                return self.first_normalised
            if before.endswith(": "):
                return self._normalise(before, self.values) + " " + self.first_normalised
        return self._normalise(line, self.values)


def _contributing(start: int, codes: str, lines: list[str], *, values: bool) -> list[tuple[int, str]]:
    """Of a run of frames, those that contribute, in reading order. The run has these codes, from line `start` on.

    Which test met an error is no part of the error: where the code under test raised it, the frames of the test's
    class are left out. A check that failed was raised by the test itself, and its frames are all there is.
    """
    kinds = codes.lower()
    wanted = OWN if OWN in kinds else LIBRARY
    if wanted not in kinds:
        return []
    if codes[kinds.index(wanted)] != wanted:  # a capital
        last = start + len(kinds) - 1
        backwards = (last - at for at, kind in enumerate(reversed(kinds)) if kind == wanted)
        return _with_sources(_first_distinct(backwards, lines)[::-1], start, codes, lines)
    # Reading them one by one: it mostly ends after the first few.
    if kinds == wanted * len(kinds):
        return _first_distinct(range(start, start + len(kinds)), lines)
    numbers: Iterator[int] = (start + at for at, kind in enumerate(kinds) if kind == wanted)
    called = kinds.find(RUNNER, kinds.find(OWN))
    if called >= 0 and not values and wanted == OWN:
        test_class = _frames[lines[start + kinds.rindex(OWN, 0, called)]].key.rpartition(".")[0]
        if test_class:
            inside = (test_class + ".", test_class + "$", test_class + "<")
            chosen = list(numbers)
            numbers = iter(
                [number for number in chosen if not _frames[lines[number]].key.startswith(inside)] or chosen
            )
    return _first_distinct(numbers, lines)


def _first_distinct(numbers: Iterable[int], lines: list[str]) -> list[tuple[int, str]]:
    """The first FRAMES frames, without those that repeat the one before."""
    distinct: list[tuple[int, str]] = []
    before = None
    frames = _frames
    for number in numbers:
        key = frames[lines[number]].key
        if key != before:
            distinct.append((number, key))
            if len(distinct) == FRAMES:
                break
            before = key
    return distinct


def _with_sources(
    chosen: list[tuple[int, str]], start: int, codes: str, lines: list[str]
) -> list[tuple[int, str]]:
    """Python's frames, each with its source line."""
    both = []
    for number, key in chosen:
        both.append((number, key))
        below = number + 1
        if codes.startswith(INDENTED, below - start):
            both.append((below, lines[below].strip()))
    return both


_TEXT = TEXTUAL + INDENTED
_TEXT_OR_RUN = re.compile(f"[^{_TEXT}]+|[{_TEXT}]")
"""A run of frames, or a line of text."""


def _with_sources_as_frames(codes: str) -> str:
    """The codes with those of the source lines below Python's frames replaced by their frames': they are one run."""
    for frame in (OWN, LIBRARY, RUNNER):
        python = frame.upper()
        codes = codes.replace(python + INDENTED, python + python)
    return codes


def _select(codes: str, lines: list[str], heading: Heading) -> list[tuple[int, str]]:
    """The contributions of a stack: each with the number of its line, in reading order."""
    selected: list[tuple[int, str]] = []
    runs = _with_sources_as_frames(codes) if INDENTED in codes else codes
    number = 0
    for part in _TEXT_OR_RUN.findall(runs):
        end = number + len(part)
        if part in _TEXT:
            selected.append((number, heading.normalised(lines[number])))
        else:
            selected += _contributing(number, codes[number:end], lines, values=heading.values)
        number = end
    return selected


def _select_pytest(codes: str, lines: list[str], heading: Heading) -> list[tuple[int, str]]:
    """Contributions of pytest's long report: the lines marked E, the innermost marked >, and the frames.

    All else is the source of the functions on the way, which differs between the tests that meet one error.
    """
    errors, failing = [], None
    frames: dict[str, list[int]] = {OWN: [], LIBRARY: []}
    for number, line in enumerate(lines):
        kind = codes[number].lower()
        if line.startswith("E  "):
            errors.append((number, heading.normalised(line[1:])))
        elif line.startswith(">"):
            failing = (number, line[1:].strip())
        elif line[:1] not in " \t" and kind in frames:
            frames[kind].append(number)
    chosen = _first_distinct((frames[OWN] or frames[LIBRARY])[::-1], lines)[::-1]
    return [*errors, *([failing] if failing else []), *chosen]


WORDS_ONLY = "<words>"
"""Begins the line that stands for the middle of a very long text."""
_IN_LETTERS = str.maketrans("0123456789", "ghijklmnop")
"""Keeps our own digest of the words from being taken for noise."""


def _considered(text: str) -> list[str]:
    """The lines of a text that are read; the middle of a very long one is reduced to its words."""
    if "\x1b" in text:
        text = without_colours(text)
    if len(text) <= HEAD + TAIL:
        return text.split("\n") if text.isascii() and "\r" not in text else text.splitlines()
    middle = text[HEAD:-TAIL]
    words = hashlib.sha256(
        "\n".join(
            " ".join(word for word in line.split() if word.isalpha())
            for line in middle.splitlines()
            if _frames[line] is TEXT
        ).encode("utf-8", "surrogatepass")
    )
    return [
        *text[:HEAD].splitlines(),
        f"{WORDS_ONLY} {words.hexdigest().translate(_IN_LETTERS)}",
        *text[-TAIL:].splitlines(),
    ]


class Reading(NamedTuple):
    """A text as it was read. A tuple: it is made for every signature, and a frozen dataclass takes longer."""

    message: str
    """Without noise and empty lines."""
    stack: list[str]
    """The lines that were looked at."""
    selected: list[tuple[int, str]]
    """What contributes: the index of a line of the stack, and what it contributes."""
    heading: Heading
    message_lines: list[str]


def read_failure(error_message: str, stack_trace: str, normalise: Normalise = _normalised) -> Reading:
    """Read the text that a signature is made of."""
    message_lines = _considered(error_message)
    stack = _considered(stack_trace)
    first = stack[0] if stack else ""
    # A trace mostly starts with the message, which need not be looked through twice.
    values = _is_assertion(first) or (not first.endswith(error_message) and _is_assertion(error_message))
    heading = Heading(message_lines, normalise, values=values)
    if len(message_lines) == 1 and heading.first:
        message = heading.first_normalised
    else:
        message = "\n".join([line for line in map(heading.normalised, message_lines) if line])
    codes = _codes_of(stack)
    is_pytest = first.startswith("E   ") or (codes.find(TEXTUAL, 1) > 0 and "\nE   " in stack_trace)
    selected = (_select_pytest if is_pytest else _select)(codes, stack, heading)
    return Reading(message, stack, selected, heading, message_lines)


def digest(reading: Reading) -> ErrorSignature:
    """The signature of what was read."""
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
    return digest(read_failure(failure.error_message, failure.stack_trace))
