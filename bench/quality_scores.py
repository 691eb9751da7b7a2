"""How good answers are, against what people marked. Answers and truth in, figures between 0 and 1 (or counts) out.

`quality.py` reads the data sets, asks the product and prints these figures. Nothing here knows the product.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

CLASSES = ("CODE ISSUE", "PRODUCT BUG", "INFRASTRUCTURE")
INFRASTRUCTURE = CLASSES[2]


def _share(part: float, whole: float, *, of_nothing: float = 0.0) -> float:
    return part / whole if whole else of_nothing


def harmonic(precision: float, recall: float) -> float:
    """F1."""
    return _share(2 * precision * recall, precision + recall)


def mean(values: Iterable[float]) -> float:
    """Arithmetic mean; 0 of nothing."""
    known = list(values)
    return _share(sum(known), len(known))


# --- groups --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statements:
    """How well keys reproduce the statements that wrote the lines of one log."""

    accuracy: float
    """GA: share of the lines whose group holds exactly the lines of their statement."""
    template_f1: float
    """FGA: the same counted by groups instead of lines, so that rare statements weigh as much as frequent ones."""
    groups: int
    statements: int


def score_statements(truth: Sequence[Hashable], keys: Sequence[Hashable]) -> Statements:
    """Lines with one key form a group; `truth` names the statement of each line."""
    sizes = Counter(truth)
    members: defaultdict[Hashable, Counter[Hashable]] = defaultdict(Counter)
    for statement, key in zip(truth, keys, strict=True):
        members[key][statement] += 1
    right_lines = right_groups = 0
    for inside in members.values():
        (statement, lines), *others = inside.items()
        if not others and lines == sizes[statement]:
            right_groups += 1
            right_lines += lines
    f1 = harmonic(_share(right_groups, len(members)), _share(right_groups, len(sizes)))
    return Statements(_share(right_lines, len(truth)), f1, len(members), len(sizes))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of failures: those both agree on, those put together, those that belong together. Adds up over builds."""

    right: int = 0
    together: int = 0
    belonging: int = 0

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(
            self.right + other.right, self.together + other.together, self.belonging + other.belonging
        )

    @property
    def false_merges(self) -> int:
        """Pairs put together that do not belong together."""
        return self.together - self.right

    @property
    def perfect(self) -> bool:
        """Whether the grouping is the true one."""
        return self.right == self.together == self.belonging

    @property
    def precision(self) -> float:
        """1 when nothing was put together."""
        return _share(self.right, self.together, of_nothing=1.0)

    @property
    def recall(self) -> float:
        """1 when nothing belongs together."""
        return _share(self.right, self.belonging, of_nothing=1.0)

    @property
    def f1(self) -> float:
        """Of precision and recall."""
        return harmonic(self.precision, self.recall)


def count_pairs(truth: Sequence[Hashable], keys: Sequence[Hashable]) -> Pairs:
    """Of the failures of one build."""

    def within(groups: Iterable[Hashable]) -> int:
        return sum(size * (size - 1) // 2 for size in Counter(groups).values())

    return Pairs(within(zip(truth, keys, strict=True)), within(keys), within(truth))


def first_hit(order: Iterable[int], wanted: frozenset[int]) -> int | None:
    """The place (from 1) of the first wanted candidate in a ranking."""
    return next((place for place, candidate in enumerate(order, 1) if candidate in wanted), None)


# --- excerpts ------------------------------------------------------------------------------------

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*+[ -/]*+[@-~]")


def is_blank(line: str) -> bool:
    """Whether a line shows nothing."""
    return not _ESCAPES.sub("", line).strip()


@dataclass(frozen=True, slots=True)
class Found:
    """What an excerpt shows of the lines that people marked."""

    hit: float
    """1 when it shows one of them, else 0."""
    recall: float
    precision: float


def score_excerpt(
    shown: Sequence[int], marked: Sequence[frozenset[int]], blank: frozenset[int], budget: int | None
) -> Found:
    """Of the first `budget` lines shown; of several alternatives that were marked, the one found best counts."""
    lines = list(dict.fromkeys(shown))[:budget]
    seen = frozenset(lines) - blank

    def of(gold: frozenset[int]) -> Found:
        common = len(gold & seen)
        return Found(float(common > 0), common / len(gold), _share(common, len(seen)))

    return max(map(of, marked), key=lambda found: (found.recall, harmonic(found.precision, found.recall)))


# --- classifications -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case's accepted classes and the answer; None is an abstention."""

    accepted: tuple[str, ...]
    """One class, or two when only that it is not infrastructure is known."""
    answer: str | None


@dataclass(frozen=True, slots=True)
class Classified:
    """How well cases were classified."""

    accuracy: float
    """Of the cases that have one accepted class."""
    infrastructure_f1: float
    """Infrastructure against the rest, over all cases."""
    accepted: float
    abstained: float


def score_verdicts(verdicts: Sequence[Verdict]) -> Classified:
    """An abstention is wrong."""
    decided = [verdict for verdict in verdicts if len(verdict.accepted) == 1]
    is_infrastructure = [(v.accepted == (INFRASTRUCTURE,), v.answer == INFRASTRUCTURE) for v in verdicts]
    both = sum(true and said for true, said in is_infrastructure)
    return Classified(
        accuracy=mean(v.answer == v.accepted[0] for v in decided),
        infrastructure_f1=harmonic(
            _share(both, sum(said for _, said in is_infrastructure)),
            _share(both, sum(true for true, _ in is_infrastructure)),
        ),
        accepted=mean(v.answer in v.accepted for v in verdicts),
        abstained=mean(v.answer is None for v in verdicts),
    )


# --- reports -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FailingTest:
    """A failing test: its class and name joined by a dot, and all that was said about it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ReportScore:
    """How a report's failing tests were read. Adds up over reports."""

    counted: int
    """1 when there are as many as there should be."""
    expected: int
    read: int
    matched: int
    detailed: int
    """Those whose message or text was kept."""


DETAIL = 80
"""Characters of a message or text that have to be kept."""


def squashed(text: str) -> str:
    """The text with single spaces."""
    return " ".join(text.split())


def score_report(
    expected: Sequence[tuple[str, tuple[str, ...]]], read: Sequence[FailingTest], *, refused: bool
) -> ReportScore:
    """Each test expected is its name and the beginnings of its message and text, as far as there are any."""
    matched = Counter(name for name, _ in expected) & Counter(test.name for test in read)
    texts: dict[str, list[str]] = {}
    for test in read:
        texts.setdefault(test.name, []).append(squashed(test.text))
    detailed = 0
    for name, beginnings in expected:
        wanted = [squashed(beginning)[:DETAIL] for beginning in beginnings if squashed(beginning)]
        kept = any(beginning in text for beginning in wanted for text in texts.get(name, ()))
        detailed += name in texts and (kept or not wanted)
    is_counted = not refused and len(expected) == len(read)
    return ReportScore(int(is_counted), len(expected), len(read), matched.total(), detailed)
