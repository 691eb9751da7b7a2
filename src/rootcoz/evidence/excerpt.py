"""The lines of a console that say why it failed, best first, within a budget of lines and characters.

Enters: the lines of a console of any length. Leaves: an `Excerpt` whose spans carry line numbers, a score and the
reason in words. On the way: `console_digest.py` keeps what may matter, `console_rules.py` says what each kept line
is worth by its own words, and here the neighbourhood decides:

1. A line counts more when the step it stands in failed, and most when it stands shortly before the failure;
   less when its step passed in the end, when an earlier step had failed before, and when lines like it repeat.
2. The lines right before the first and the last failed step count by their place alone: tools without a word of
   failure (linters, link checkers) end like that.
3. Around the best lines grow blocks (a whole traceback, all that a test runner prints about one test). First each
   of the best blocks gives its core, then they are filled up in their order, then weaker lines follow.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rootcoz.evidence.console_digest import Digest, digest, kind_of
from rootcoz.evidence.console_rules import ConsoleRule, Role, judge

MAX_LINES = 50
MAX_CHARS = 12_000
"""About 3,000 tokens."""

PASSED_STEP = 0.35
"""What remains of a line's weight when its step passed in the end: errors that were retried or expected."""
FAILED_STEP = 1.3
LATER_FAILURE = 0.8
"""A step that fails after another one has failed is mostly the cascade or the cleaning up."""
SAME_FAILURE = 40
"""Lines within which ends of steps echo one failure: make's levels, npm's summary, the CI system's own line."""
CLOSE, CLOSE_LINES = 0.5, 60
"""How much more a line right before its step's end counts, and the distance over which that fades."""
REPETITION = 0.35
"""How quickly repetition devalues: with the logarithm of the count, so that ten alike tests still show."""
ENDING_LINES, ENDING_SCORE = 12, 5.0
"""Lines before a failed step's end that count by place alone, and what the last of them counts."""
LEAST_SCORE = 2.5
CORE_BEFORE, CORE_AFTER = 6, 10
CORE_SHARE = 0.6
"""Part of the budget for the cores of blocks; the rest fills the best blocks up."""
MAX_BLOCK_BEFORE, MAX_BLOCK_AFTER = 20, 70
MAX_TITLED = 90
"""Lines of a block between the title bars of pytest and unittest."""
LOOSE, LOOSE_IN_HEADED = 4, 12
"""Lines without indentation or a word of failure that a block may hold in a row, and under a test's heading."""
SOLID = 4.0
"""Weight from which a line above belongs to the same message."""
MAX_BLANKS = 2

_TITLE = re.compile(r"_{3,} .+ _{3,}$")
_BAR = re.compile(r"={4,}|-{5,} ")
_NUMBER_CHARS = 8
"""Characters that a rendered line's number takes."""


@dataclass(frozen=True, slots=True)
class ExcerptLine:
    """One line of a console, as `console_lines.plain` leaves it."""

    number: int
    """From 1."""
    text: str


@dataclass(frozen=True, slots=True)
class ExcerptSpan:
    """Lines that stand together; only blank ones between them are left out."""

    lines: tuple[ExcerptLine, ...]
    """Ascending, never empty."""
    score: float
    """Comparable within one excerpt."""
    rule: str
    """Name of the rule that brought the span in."""
    reason: str
    """The same in words."""

    @property
    def first(self) -> int:
        """Number of its first line."""
        return self.lines[0].number

    @property
    def last(self) -> int:
        """Number of its last line."""
        return self.lines[-1].number


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The telling part of a console."""

    spans: tuple[ExcerptSpan, ...]
    """Best first; empty when the console has no line that is not blank."""
    total_lines: int

    @property
    def text(self) -> str:
        """The spans in the console's order, with line numbers and an ellipsis where lines are left out."""
        shown: list[str] = []
        following = 1
        for span in sorted(self.spans, key=lambda span: span.first):
            if span.first > following:
                shown.append(f"{'…':>6}")
            shown.extend(f"{line.number:>6}  {line.text}" for line in span.lines)
            following = span.last + 1
        if following <= self.total_lines:
            shown.append(f"{'…':>6}")
        return "\n".join(shown)


def excerpt(lines: Iterable[str], *, max_lines: int = MAX_LINES, max_chars: int = MAX_CHARS) -> Excerpt:
    """Read the lines once and pick at most `max_lines` of them with at most `max_chars` characters.

    A line's number counts in the characters, as `Excerpt.text` shows it. Blank lines are never picked. Memory is
    bounded whatever the console's length; a single line is held whole while it is read.
    """
    console = _Console(digest(lines))
    picked = _Picked(console, max_lines, max_chars)
    _pick(console, picked)
    return Excerpt(tuple(_spans(console, picked)), console.total)


class _Console:
    """The kept lines by position (an index into what was kept), judged and scored."""

    def __init__(self, kept: Digest) -> None:
        self.total = kept.total
        self.numbers = list(kept.lines)
        self.lines = list(kept.lines.values())
        self.judged = [judge(text) if text else None for text in self.lines]
        positions = {number: position for position, number in enumerate(self.numbers)}
        self.step_ends = {positions[number] for number in kept.step_ends if number in positions}
        self.failed_ends = [number for number, passed in kept.step_ends.items() if not passed]
        self.scores = self._score(kept.step_ends, kept.alike)
        self.reasons = {
            position: judged[0] for position, judged in enumerate(self.judged) if judged is not None
        }
        self.endings = self._endings(positions)

    def joined(self, position: int) -> bool:
        """Whether the position's line follows the one before it in the console too."""
        return position > 0 and self.numbers[position] == self.numbers[position - 1] + 1

    def _score(self, step_ends: Mapping[int, bool], alike: Mapping[str, int]) -> list[float]:
        scores = [0.0] * len(self.lines)
        ends = sorted(step_ends.items())
        first_failure = self.failed_ends[0] if self.failed_ends else None
        for position in range(len(self.lines) - 1, -1, -1):
            number = self.numbers[position]
            while len(ends) > 1 and ends[-2][0] >= number:
                ends.pop()
            judged = self.judged[position]
            if judged is None:
                continue
            end = ends[-1] if ends and ends[-1][0] >= number else None
            repeated = max(alike.get(kind_of(self.lines[position]), 1), 1)
            scores[position] = (
                judged[1] * _factor(number, end, first_failure) / (1 + REPETITION * math.log2(repeated))
            )
        return scores

    def _endings(self, positions: Mapping[int, int]) -> dict[int, float]:
        """Scores by place alone: of the lines right before the first and the last failed step's end."""
        if self.failed_ends:
            ends = [positions[end] for end in (self.failed_ends[0], self.failed_ends[-1]) if end in positions]
        else:
            ends = [len(self.lines)]
        scores: dict[int, float] = {}
        for end in ends:
            for rank, position in enumerate(self._last_before(end), 1):
                score = ENDING_SCORE * (1 - rank / (2 * ENDING_LINES))
                if score > self.scores[position]:
                    scores[position] = score
        return scores

    def _last_before(self, end: int) -> Iterator[int]:
        count = 0
        for position in range(end - 1, -1, -1):
            if position in self.step_ends or count == ENDING_LINES:
                return
            if self.lines[position]:
                count += 1
                yield position


def _factor(number: int, end: tuple[int, bool] | None, first_failure: int | None) -> float:
    """What a line's place makes of its weight. `end` is the end of the step it stands in, None if it has none."""
    if end is None:
        return 1.0 if first_failure is None else LATER_FAILURE
    ended_at, passed = end
    if passed:
        return PASSED_STEP
    later = first_failure is not None and ended_at > first_failure + SAME_FAILURE
    closeness = 1 + CLOSE * math.exp((number - ended_at) / CLOSE_LINES)
    return FAILED_STEP * closeness * (LATER_FAILURE if later else 1.0)


# --- blocks --------------------------------------------------------------------------------------


def _block(console: _Console, anchor: int) -> tuple[int, int]:
    """First and last position of what belongs to the anchor's message."""
    titled = _titled_block(console, anchor)
    if titled is not None:
        return titled
    start = _block_start(console, anchor)
    base = min(_indent(console.lines[start]), _indent(console.lines[anchor]))
    return start, _block_end(console, anchor, base)


def _titled_block(console: _Console, anchor: int) -> tuple[int, int] | None:
    """The block of one test between title bars, or None when the anchor does not stand in one."""
    title = anchor
    while not _TITLE.match(console.lines[title]):
        if (
            title == 0
            or anchor - title >= MAX_TITLED
            or _BAR.match(console.lines[title])
            or not console.joined(title)
        ):
            return None
        title -= 1
    last = title
    for position in range(title + 1, min(len(console.lines), title + MAX_TITLED)):
        text = console.lines[position]
        if (
            not console.joined(position)
            or position in console.step_ends
            or _TITLE.match(text)
            or _BAR.match(text)
        ):
            break
        last = position
    return (title, last) if last >= anchor else None


def _block_start(console: _Console, anchor: int) -> int:
    """Upwards through what is indented or telling to the line without indentation above it."""
    depth = _indent(console.lines[anchor])
    start = anchor
    while anchor - start < MAX_BLOCK_BEFORE and console.joined(start) and console.lines[start - 1]:
        indent = _indent(console.lines[start - 1])
        judged = console.judged[start - 1]
        belongs = (indent > 0 and indent >= depth) or (judged is not None and judged[1] >= SOLID)
        if not belongs:
            opens = start == anchor or (_indent(console.lines[start]) > 0 and indent == 0)
            if not opens:
                break
            start -= 1
            if indent == 0:
                break
            continue
        start -= 1
    return start


def _block_end(console: _Console, anchor: int, base: int) -> int:
    """Downwards through what is indented deeper than the block's beginning, over blank lines too."""
    judged = console.judged[anchor]
    allowed = LOOSE_IN_HEADED if judged is not None and judged[0].role is Role.HEADING else LOOSE
    loose = 0
    last = anchor
    position = anchor + 1
    while position < len(console.lines) and position - anchor < MAX_BLOCK_AFTER and console.joined(position):
        text = console.lines[position]
        if not text:
            beyond = _after_blanks(console, position)
            if beyond is None or _indent(console.lines[beyond]) <= base:
                break
            position = beyond
            continue
        if position in console.step_ends:
            break
        judged = console.judged[position]
        loose = 0 if _indent(text) > base or (judged is not None and judged[1] >= LEAST_SCORE) else loose + 1
        if loose > allowed:
            break
        last = position
        position += 1
    return last


def _after_blanks(console: _Console, position: int) -> int | None:
    for beyond in range(position, min(len(console.lines), position + MAX_BLANKS + 1)):
        if not console.joined(beyond):
            return None
        if console.lines[beyond]:
            judged = console.judged[beyond]
            return None if judged is not None and judged[0].name == "numbered-failure" else beyond
    return None


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


# --- picking within the budget ---------------------------------------------------------------------


class _Picked:
    """The picked positions, each with what brought it in."""

    def __init__(self, console: _Console, max_lines: int, max_chars: int) -> None:
        self._console = console
        self._lines = max_lines
        self._max_lines = max_lines
        self._chars = max_chars
        self.anchors: dict[int, int] = {}
        """Picked position to the position that brought it in."""

    def spent(self) -> float:
        """The used part of the lines, 0 to 1."""
        return 1 - self._lines / self._max_lines if self._max_lines else 1.0

    def add(self, positions: Iterable[int], anchor: int) -> None:
        """Pick the positions in the order given, as far as the budget goes."""
        for position in positions:
            text = self._console.lines[position]
            room = len(text) + _NUMBER_CHARS + 1
            if text and position not in self.anchors and self._lines > 0 and room <= self._chars:
                self.anchors[position] = anchor
                self._lines -= 1
                self._chars -= room


def _pick(console: _Console, picked: _Picked) -> None:
    scores = {position: score for position, score in enumerate(console.scores) if score >= LEAST_SCORE}
    scores.update(console.endings)
    order = sorted(scores, key=lambda position: (-scores[position], position))
    blocks: list[tuple[int, int, int]] = []
    for anchor in order:
        if picked.spent() >= CORE_SHARE:
            break
        if anchor in picked.anchors:
            continue
        if console.judged[anchor] is None:
            picked.add([anchor], anchor)
            continue
        first, last = _block(console, anchor)
        blocks.append((anchor, first, last))
        picked.add(range(anchor, min(last, anchor + CORE_AFTER) + 1), anchor)
        picked.add(range(anchor - 1, max(first, anchor - CORE_BEFORE) - 1, -1), anchor)
    for anchor, first, last in blocks:
        picked.add(range(anchor, last + 1), anchor)
        picked.add(range(anchor - 1, first - 1, -1), anchor)
    for anchor in order:
        if picked.spent() >= 1:
            break
        if anchor in picked.anchors:
            continue
        if console.judged[anchor] is None:
            picked.add([anchor], anchor)
            continue
        first, last = _block(console, anchor)
        picked.add(range(anchor, last + 1), anchor)
        picked.add(range(first, anchor), anchor)


def _spans(console: _Console, picked: _Picked) -> list[ExcerptSpan]:
    spans = [_span(console, picked, run) for run in _runs(console, sorted(picked.anchors))]
    return sorted(spans, key=lambda span: (-span.score, span.first))


def _runs(console: _Console, positions: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for position in positions:
        if run and not _stand_together(console, run[-1], position):
            yield run
            run = []
        run.append(position)
    if run:
        yield run


def _stand_together(console: _Console, one: int, other: int) -> bool:
    return all(
        console.joined(position) and (position == other or not console.lines[position])
        for position in range(one + 1, other + 1)
    )


def _span(console: _Console, picked: _Picked, run: Sequence[int]) -> ExcerptSpan:
    anchors = {picked.anchors[position] for position in run}
    best = max(anchors, key=lambda anchor: (_worth(console, anchor), -anchor))
    rule = console.reasons.get(best)
    by_place = rule is None or best in console.endings
    return ExcerptSpan(
        lines=tuple(ExcerptLine(console.numbers[position], console.lines[position]) for position in run),
        score=round(_worth(console, best), 2),
        rule="ending" if by_place else _name(rule),
        reason="the last lines before the end" if by_place else _reason(rule),
    )


def _worth(console: _Console, anchor: int) -> float:
    return max(console.scores[anchor], console.endings.get(anchor, 0.0))


def _name(rule: ConsoleRule | None) -> str:
    return rule.name if rule is not None else ""


def _reason(rule: ConsoleRule | None) -> str:
    return rule.reason if rule is not None else ""
