"""The console of a build, kept in bounded memory however long it is.

Enters: bytes as they arrive. Leaves: `Console`, its lines with their numbers. A console of up to HEAD_BYTES +
TAIL_BYTES is kept whole. Of a longer one the two ends are kept, and from what lies between them every line that
speaks of trouble, with the lines around it, until STRONG_BYTES are full. Of lines that differ in numbers only, the
first few are kept with what is around them, and REPEATS in all: a loop that fails a million times says no more.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rootcoz.evidence.excerpt import excerpt

HEAD_BYTES = 512 * 1024
TAIL_BYTES = 2 * 1024 * 1024
STRONG_BYTES = 2 * 1024 * 1024
"""Of lines between head and tail, the ones around them included."""
_MIDDLE_BYTES = 2 * STRONG_BYTES
"""With the lines about child builds, which are kept when the others fill their room."""
LINE_BYTES = 16 * 1024
"""Of one line; the rest of a longer one is dropped."""
REPEATS = 100
REPEATS_IN_FULL = 3
"""Of those, the ones that are kept with the lines around them."""
LINES_BEFORE, LINES_AFTER = 3, 15
"""Around a line that speaks of trouble: what was done, and the trace that follows."""
_SHAPES = 20_000
"""Different lines whose repetitions are counted; beyond that each line counts as new."""

WORDS = tuple(
    word.encode()
    for word in (
        *(
            "ERROR",
            "FATAL",
            "FAIL",
            "Failed",
            "Failure",
            "rror:",
            "Error",
            "Exception",
            "Traceback (",
            "panic:",
        ),
        *("Caused by", "Segmentation fault", "core dumped", "ut of memory", "OutOfMemory", "No space left"),
        *("Killed", "imed out", "Timeout", "Connection re", "ermission denied", "not ok ", "marked build as"),
        *("fatal: ", "completed: ", "completed. ", "with status : ", "command not found", "No such file"),
    )
)
"""A line that holds one of these speaks of trouble. Too many lines do no harm: the excerpt is chosen later."""

_ESCAPES = re.compile(r"\x1b\[8m.*?\x1b\[0m|\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
"""Jenkins' own hidden notes, colours and cursor movements, window titles."""
_VARIABLE = b"0123456789abcdef"
"""Taken out of a line before it is compared with others: numbers, and identifiers in hexadecimal digits."""
_SHAPE_BYTES = 300


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """One line, without its end and without terminal codes."""

    number: int
    """Within the whole console, from 1."""
    text: str


@dataclass(frozen=True, slots=True)
class Console:
    """What was kept of a console."""

    lines: tuple[ConsoleLine, ...] = ()
    """In order. Where numbers jump, lines were left out."""
    total_lines: int = 0
    total_bytes: int = 0
    note: str = ""
    """A sentence about what is missing, else empty."""

    @property
    def lines_left_out(self) -> int:
        """How many lines were not kept."""
        return self.total_lines - len(self.lines)

    def text(self) -> str:
        """The lines kept, with a marker where lines are missing."""
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        expected = 1
        for line in self.lines:
            if line.number != expected:
                yield f"[… {line.number - expected:,} lines left out …]\n"
            yield f"{line.text}\n"
            expected = line.number + 1


@dataclass(slots=True)
class _Block:
    """Whole lines, each with its end."""

    first: int
    data: bytes


@lru_cache(maxsize=256)
def _any_of(words: tuple[bytes, ...]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(map(re.escape, words)))


class ConsoleKeeper:
    """Feed it the console, then close it. It works in the caller's thread: megabytes are for another thread."""

    def __init__(self) -> None:
        self._head: list[_Block] = []
        self._head_size = 0
        self._tail: deque[_Block] = deque()
        self._tail_size = 0
        self._middle: dict[int, bytes] = {}
        self._middle_size = 0
        self._shapes: dict[bytes, int] = {}
        self._before = b""  # The last lines of the block that was scanned last.
        self._pending = b""  # A line whose end has not come yet.
        self._skipping = False  # The rest of a line that is too long.
        self._lines = 0
        self._bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._bytes += len(chunk)
        if self._skipping:
            _, end, chunk = chunk.partition(b"\n")
            if not end:
                return
            self._skipping = False
        data = self._pending + chunk
        cut = data.rfind(b"\n") + 1
        self._pending = data[cut:]
        if cut:
            self._take(data[:cut])
        if len(self._pending) > LINE_BYTES:
            self._take(self._pending[:LINE_BYTES] + b"\n")
            self._pending = b""
            self._skipping = True

    def close(self, note: str = "") -> Console:
        """The end of the console. `note` says what is known to be missing from it."""
        if self._pending:
            self._take(self._pending + b"\n")
            self._pending = b""
        lines = [*_lines(self._head), *self._middle_lines(), *_lines(self._tail)]
        return Console(tuple(lines), self._lines, self._bytes, note)

    def _take(self, data: bytes) -> None:
        block = _Block(self._lines + 1, data)
        self._lines += data.count(b"\n")
        if self._head_size < HEAD_BYTES:
            self._head.append(block)
            self._head_size += len(data)
            return
        self._tail.append(block)
        self._tail_size += len(data)
        while self._tail_size - len(self._tail[0].data) >= TAIL_BYTES:
            oldest = self._tail.popleft()
            self._tail_size -= len(oldest.data)
            self._scan(oldest, self._tail[0].data)

    def _scan(self, block: _Block, following: bytes) -> None:
        """Keep what speaks of trouble in a block that leaves the tail."""
        # Looking for each word by itself and then for those that are there is ten times faster than for all at once.
        words = tuple(word for word in WORDS if word in block.data)
        if words:
            self._scan_for(_any_of(words), block, following)
        self._before = _last_lines(block.data, LINES_BEFORE)

    def _scan_for(self, trouble: re.Pattern[bytes], block: _Block, following: bytes) -> None:
        at = len(self._before)
        end = at + len(block.data)
        data = self._before + block.data + _first_lines(following, LINES_AFTER)
        number, counted = block.first, at
        while (found := trouble.search(data, at, end)) is not None:
            start = data.rfind(b"\n", 0, found.start()) + 1
            at = data.find(b"\n", found.end() - 1) + 1
            number += data.count(b"\n", counted, start)
            counted = start
            line = data[start:at]
            if b"completed" in line or b"with status" in line:
                self._keep(number, [line])  # A child build that ended. They may differ in numbers only.
            elif self._middle_size < STRONG_BYTES:
                seen = self._count_shape(line)
                if seen < REPEATS_IN_FULL:
                    self._keep_around(data, start, number)
                elif seen < REPEATS:
                    self._keep(number, [line])

    def _count_shape(self, line: bytes) -> int:
        """How often a line like it has been seen before."""
        shape = line[:_SHAPE_BYTES].translate(None, _VARIABLE)
        seen = self._shapes.get(shape, 0)
        if seen or len(self._shapes) < _SHAPES:
            self._shapes[shape] = seen + 1
        return seen

    def _keep_around(self, data: bytes, start: int, number: int) -> None:
        before = _last_lines(data[:start], LINES_BEFORE).splitlines(keepends=True)
        after = _first_lines(data[start:], LINES_AFTER + 1).splitlines(keepends=True)
        self._keep(number - len(before), [*before, *after])

    def _keep(self, first: int, lines: Iterable[bytes]) -> None:
        for number, line in enumerate(lines, start=first):
            if number not in self._middle and self._middle_size < _MIDDLE_BYTES:
                self._middle[number] = line
                self._middle_size += len(line)

    def _middle_lines(self) -> Iterator[ConsoleLine]:
        """What was kept between the ends. Lines around trouble may belong to an end as well."""
        first = self._head[-1].first + self._head[-1].data.count(b"\n") if self._head else 1
        last = self._tail[0].first if self._tail else self._lines + 1
        return (
            _line(number, self._middle[number]) for number in sorted(self._middle) if first <= number < last
        )


def _lines(blocks: Iterable[_Block]) -> Iterator[ConsoleLine]:
    for block in blocks:
        for number, line in enumerate(block.data[:-1].split(b"\n"), start=block.first):
            yield _line(number, line)


def _line(number: int, line: bytes) -> ConsoleLine:
    text = line[:LINE_BYTES].decode("utf-8", errors="replace").rstrip("\r\n")
    return ConsoleLine(number, _ESCAPES.sub("", text) if "\x1b" in text else text)


def _first_lines(data: bytes, count: int) -> bytes:
    """The first `count` lines with their ends."""
    end = 0
    for _ in range(count):
        found = data.find(b"\n", end)
        if found < 0:
            return data
        end = found + 1
    return data[:end]


def _last_lines(data: bytes, count: int) -> bytes:
    """The last `count` lines with their ends; `data` ends with a line's end, or is empty."""
    start = len(data)
    for _ in range(count):
        start = data.rfind(b"\n", 0, max(start - 1, 0)) + 1
        if start == 0:
            break
    return data[start:]


ChooseLines = Callable[[Sequence[str], int], Sequence[tuple[int, str]]]
"""From lines and a maximum: those that say why the build failed, each with its place among those given, from 1,
ascending."""


def telling_lines(lines: Sequence[str], max_lines: int) -> list[tuple[int, str]]:
    """The choice of `evidence.excerpt`."""
    spans = excerpt(lines, max_lines=max_lines).spans
    return sorted((line.number, line.text) for span in spans for line in span.lines)


def excerpt_of(
    console: Console, max_lines: int, choose: ChooseLines = telling_lines
) -> tuple[ConsoleLine, ...]:
    """The lines that say most about why the build failed, with their numbers in the whole console."""
    chosen = choose([line.text for line in console.lines], max_lines)
    return tuple(ConsoleLine(console.lines[place - 1].number, text) for place, text in chosen)
