"""The part of a console that is worth a closer look, gathered in one pass and bounded memory.

Enters: the lines of a console of any length. Leaves: its beginning, its end and the surroundings of its strongest
lines, with their numbers. `excerpt.py` picks from these. A console of up to a few thousand lines is kept whole.

A gigabyte is read in chunks: a chunk is searched for the stems of telling words with plain string search, which
runs at memory speed; only the lines that hold one are looked at, and of lines that differ in numbers alone only
the first few.
"""

import heapq
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from rootcoz.evidence.console_lines import MAX_CHARS, cut, plain
from rootcoz.evidence.console_rules import judge, step_end

CHUNK_LINES = 2_048
TAIL_CHUNKS = 3
"""The last two or three chunks are kept whole: a build mostly says at its end why it failed."""
HEAD_LINES = 100
"""The beginning names the machine, the branch and the command."""
BEFORE, AFTER = 12, 48
"""Lines kept around a strong line: a traceback stands before its message, the details of a failed test behind."""
NEAR = 16
"""Strong lines at most so far apart share one window."""
MAX_WINDOW = 160
"""Lines of one window; a longer run of errors goes on in the next."""
MAX_WINDOWS = 150
STRONG = 6.0
"""Weight a line needs to be worth a window."""
MAX_ALIKE = 3
"""Lines that differ in numbers alone: so many get a window, the rest is counted."""
MAX_KINDS = 20_000
"""Kinds of lines that are counted; beyond, new kinds are taken as seen often."""
MAX_STEP_ENDS = 2_000

STEMS = (
    "error", "fail", "fatal", "exception", "panic", "abort", "cannot", "could not", "not found", "unable", "denied",
    "refused", "timed out", "killed", "no such", "undefined", "not ok", "traceback", "no space", "assert", "caused by",
    "crash", "segmentation", "err!", "conflict", "exceeded", "sigsegv", "exited with", "exit code", "*** ",
)  # fmt: skip
"""Lower-case texts of which a line far from the console's ends must hold one to be looked at."""

_VARYING = re.compile(r"\S*\d\S*")


@dataclass(frozen=True, slots=True)
class Digest:
    """What was kept of a console."""

    lines: dict[int, str]
    """Number (from 1) to plain text, ascending; blank lines are empty."""
    step_ends: dict[int, bool]
    """Lines at which a step ended, ascending, and whether it passed."""
    alike: dict[str, int]
    """How often a telling line of that kind (its words with digits left out) was seen."""
    total: int
    """Lines of the console."""


def kind_of(line: str) -> str:
    """What is the same in lines that differ in numbers, ids and paths with digits alone."""
    return _VARYING.sub("#", line)


def digest(lines: Iterable[str]) -> Digest:
    """Read the lines once. A line may end in a line feed; further line feeds inside it are taken as spaces."""
    reader = _Reader()
    for chunk in _chunks(lines):
        reader.add(chunk)
    return reader.finish()


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(lines)
    while chunk := list(islice(rest, CHUNK_LINES)):
        if max(map(len, chunk)) > MAX_CHARS:
            chunk = [cut(line) for line in chunk]
        if "\n" in "".join(chunk):
            chunk = [line.rstrip("\n").replace("\n", " ") for line in chunk]
        yield chunk


@dataclass(frozen=True, slots=True, order=True)
class _Window:
    """Lines around a strong one; ordered by worth, earlier ones being worth more."""

    score: float
    before_first: int
    """The first line's number, negative so that the heap drops later ones first."""
    lines: tuple[str, ...]


class _Reader:
    def __init__(self) -> None:
        self._recent: deque[list[str]] = deque()
        self._total = 0
        self._head: list[str] = []
        self._before: list[str] = []
        self._windows: list[_Window] = []
        self._alike: dict[str, int] = {}
        self._step_ends: deque[tuple[int, bool]] = deque(maxlen=MAX_STEP_ENDS)

    def add(self, chunk: list[str]) -> None:
        if not self._total:
            self._head = chunk[:HEAD_LINES]
        self._total += len(chunk)
        self._recent.append(chunk)
        if len(self._recent) > TAIL_CHUNKS:
            self._skim(self._recent.popleft())

    def finish(self) -> Digest:
        kept: dict[int, str] = dict(enumerate(self._head, 1))
        for window in self._windows:
            kept.update(enumerate(window.lines, -window.before_first))
        first = self._first_recent()
        for chunk in self._recent:
            kept.update(enumerate(chunk, first))
            first += len(chunk)
        readable = {number: plain(kept[number]) for number in sorted(kept)}
        ends = dict(self._step_ends)
        start = self._first_recent()
        for number, text in readable.items():
            if number >= start and text:
                ended = step_end(text)
                if ended is not None:
                    ends[number] = ended
                self._count(text)
        return Digest(readable, ends, self._alike, self._total)

    def _first_recent(self) -> int:
        return self._total - sum(map(len, self._recent)) + 1

    def _count(self, text: str) -> int:
        kind = kind_of(text)
        seen = self._alike.get(kind)
        if seen is None and len(self._alike) >= MAX_KINDS:
            return MAX_ALIKE + 1
        self._alike[kind] = count = (seen or 0) + 1
        return count

    def _skim(self, chunk: list[str]) -> None:
        """Look through a chunk that leaves the kept end. What follows it is still in memory."""
        first = self._first_recent() - len(chunk)
        strong = []
        for index in _telling(chunk):
            text = plain(chunk[index])
            if not text or self._count(text) > MAX_ALIKE:
                continue
            ended = step_end(text)
            if ended is not None:
                self._step_ends.append((first + index, ended))
            judged = judge(text)
            if judged is not None and judged[1] >= STRONG:
                strong.append((index, judged[1]))
        if strong:
            self._keep(chunk, first, strong)
        self._before = chunk[-BEFORE:]

    def _keep(self, chunk: Sequence[str], first: int, strong: Sequence[tuple[int, float]]) -> None:
        after = self._recent[0][:AFTER] if self._recent else []
        around = [*self._before, *chunk, *after]
        shift = len(self._before)
        for run in _runs(strong):
            start = max(0, run[0][0] + shift - BEFORE)
            stop = min(len(around), run[-1][0] + shift + AFTER + 1)
            window = _Window(
                max(score for _, score in run), -(first - shift + start), tuple(around[start:stop])
            )
            if len(self._windows) < MAX_WINDOWS:
                heapq.heappush(self._windows, window)
            else:
                heapq.heappushpop(self._windows, window)


def _telling(chunk: Sequence[str]) -> list[int]:
    """Indices of the lines that hold a stem, ascending."""
    text = "\n".join(chunk).lower()
    offsets = sorted({start for stem in STEMS for start in _line_hits(text, stem)})
    found = []
    index = at = 0
    for offset in offsets:
        index += text.count("\n", at, offset)
        at = offset
        found.append(index)
    return found


def _line_hits(text: str, stem: str) -> Iterator[int]:
    """Where the lines begin that hold the stem."""
    at = text.find(stem)
    while at >= 0:
        yield text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        if end < 0:
            return
        at = text.find(stem, end)


def _runs(strong: Sequence[tuple[int, float]]) -> Iterator[list[tuple[int, float]]]:
    run: list[tuple[int, float]] = []
    for item in strong:
        if run and (item[0] - run[-1][0] > NEAR or item[0] - run[0][0] > MAX_WINDOW - BEFORE - AFTER):
            yield run
            run = []
        run.append(item)
    if run:
        yield run
