"""How much two failures look like one root cause: named pieces of evidence, each with its weight.

Enters: two profiles and a vocabulary that knows which words are rare. Leaves: `Likeness`: a score in log-odds, the
probability it stands for, and whether something contradicts a common cause.

The weights are rounded by hand. They came out alike whichever project was left out of recorded failures of known
causes; see docs/explanation/grouping.md. A weight is log-odds: 0.7 doubles the odds, 2.3 makes them ten times as high.
"""

import math
from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from rootcoz.grouping.profile import Profile


class Kind(StrEnum):
    """Sets of a profile whose members are weighed by how rare they are."""

    CLASS = "class_words"
    NAME = "name_words"
    MESSAGE = "words"
    FRAME = "frames"
    OWNER = "owners"
    DIFFERENCE = "difference"


class Vocabulary(Protocol):
    """Knows how telling it is that two failures share a word."""

    def weight(self, kind: Kind, word: str) -> float:
        """0 for a word that all have; about 7 for one in a thousand."""
        ...

    def is_suite(self, test_class: str) -> bool:
        """Whether so much fails in the class that it is a whole suite: to share it says little."""
        ...


SUITE = 50
"""Different failures of one class from which on it is a suite: end-to-end tests are often all in one."""


class CountedVocabulary:
    """Weighs words by how many of the given failures have them."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        counts: dict[Kind, Counter[str]] = {kind: Counter() for kind in Kind}
        classes: Counter[str] = Counter()
        total = 0
        for profile in profiles:
            total += 1
            classes[profile.test_class] += 1
            for kind in Kind:
                counts[kind].update(set(getattr(profile, kind.value)))
        self._weights = {
            kind: {word: math.log((total + 1) / (count + 0.5)) for word, count in counted.items()}
            for kind, counted in counts.items()
        }
        self._suites = {test_class for test_class, count in classes.items() if count > SUITE}
        self._unknown = math.log((total + 1) / 0.5)

    def weight(self, kind: Kind, word: str) -> float:
        """See `Vocabulary`."""
        return self._weights[kind].get(word, self._unknown)

    def is_suite(self, test_class: str) -> bool:
        """See `Vocabulary`."""
        return test_class in self._suites


class PlainVocabulary:
    """Weighs words by their looks, for two failures of which nothing else is known.

    Names made of several parts and long words are rare; short words and numbers are not.
    """

    _RARE, _USUAL, _COMMON = 5.0, 3.5, 2.0
    _LONG, _SHORT = 10, 4

    def weight(self, kind: Kind, word: str) -> float:
        """See `Vocabulary`."""
        if kind in {Kind.FRAME, Kind.OWNER}:
            return self._RARE
        if len(word) >= self._LONG or "_" in word:
            return self._RARE
        return self._COMMON if len(word) < self._SHORT or word.isdigit() else self._USUAL

    def is_suite(self, test_class: str) -> bool:  # noqa: ARG002 - the protocol
        """See `Vocabulary`."""
        return False


BASE = -3.6
"""Two failures of one build of which nothing is known have seldom one cause."""
SAME_CLASS = 0.5
CLASS_WORDS = 3.0
PACKAGE = 1.1
SAME_NAME = 1.0
NAME_WORDS = 2.5
RARE_NAME_WORDS = 1.5
SAME_REFERENCE = 0.7
SAME_EXCEPTION = 0.7
BOTH_CHECKS = 0.3
CHECK_AND_ERROR = -0.2
OTHER_EXCEPTION = -0.7
MESSAGE_WORDS = 1.8
OTHER_MESSAGE = -0.2
SAME_CULPRIT = 1.0
SAME_CULPRIT_AND_EXCEPTION = 1.0
OTHER_CULPRIT = -1.25
ONE_CULPRIT = -1.5
"""The product raised one; the other is a check of a test."""
NEAREST_FRAME = 1.0
FRAMES = 0.5
OWNERS = 1.0
SAME_DIFFERENCE = 1.0
"""Both checks expected and found the same."""
DIFFERENCE = 1.5
"""The checks compared other values, but what is missing in what was found, and what came instead, is the same."""

CONTRADICTED = -4.0
"""Score of a pair that cannot have one cause, whatever else it has in common."""

_ENOUGH_NAME = 3
"""Telling words of a name from which on it is as telling as it gets."""
_RARE_NAME_CAP = 8.0
_WORDY = 3
"""Words of a message from which on it says in words what went wrong."""
_DISJOINT = 0.2
"""Share of common words up to which two messages speak of different things."""


class Likeness(NamedTuple):
    """What speaks for a common cause of two failures."""

    score: float
    """Log-odds."""
    contradicted: bool

    @property
    def probability(self) -> float:
        """0 to 1."""
        return 1 / (1 + math.exp(-self.score))


@dataclass(frozen=True, slots=True)
class _Overlap:
    share: float
    """Weight of what is common, of all; 0 to 1."""
    weight: float


_NOTHING = _Overlap(0.0, 0.0)


def _overlap(kind: Kind, one: AbstractSet[str], other: AbstractSet[str], vocabulary: Vocabulary) -> _Overlap:
    common = one & other
    if not common:
        return _NOTHING
    # Exact sums: those of floats depend on their order, which in sets of texts is another one in each process.
    shared = math.fsum(vocabulary.weight(kind, word) for word in common)
    apart = math.fsum(vocabulary.weight(kind, word) for word in one ^ other)
    return _Overlap(shared / (shared + apart) if shared + apart else 0.0, shared)


def _speaks(words: Iterable[str]) -> set[str]:
    return {word for word in words if len(word) > 2 and not word.isdigit()}  # noqa: PLR2004 - no word has two letters


def contradict(one: Profile, other: Profile) -> bool:
    """Whether two failures say themselves that they have different causes.

    - Each names a status or exit code that the other does not: HTTP 500 is not HTTP 404.
    - Different exceptions, or one a check of the test, and each message says in words something else.
    """
    if (one.codes - other.codes) and (other.codes - one.codes):
        return True
    if (one.is_check and other.is_check) or (one.exception == other.exception and one.exception):
        return False
    words, others = _speaks(one.words), _speaks(other.words)
    if min(len(words), len(others)) < _WORDY:
        return False
    return len(words & others) <= _DISJOINT * min(len(words), len(others))


def compare(one: Profile, other: Profile, vocabulary: Vocabulary) -> Likeness:
    """Weigh everything. Symmetric."""
    if contradict(one, other):
        return Likeness(CONTRADICTED, contradicted=True)
    parts = (
        BASE,
        _of_test(one, other, vocabulary),
        _of_error(one, other, vocabulary),
        _of_place(one, other, vocabulary),
    )
    return Likeness(sum(parts), contradicted=False)


def _of_test(one: Profile, other: Profile, vocabulary: Vocabulary) -> float:
    score = 0.0
    is_suite = one.test_class == other.test_class and vocabulary.is_suite(one.test_class)
    if one.test_class and one.test_class == other.test_class and not is_suite:
        score += SAME_CLASS
    common = len(one.class_words & other.class_words)
    if common and not is_suite:
        plain = common / len(one.class_words | other.class_words)
        rare = _overlap(Kind.CLASS, one.class_words, other.class_words, vocabulary).share
        score += CLASS_WORDS * (plain + rare) / 2
    score += PACKAGE * _common_start(one.package, other.package)
    if one.test == other.test:
        score += SAME_NAME * min(one.telling_words, _ENOUGH_NAME) / _ENOUGH_NAME
    names = _overlap(Kind.NAME, one.name_words, other.name_words, vocabulary)
    score += NAME_WORDS * names.share + RARE_NAME_WORDS * min(names.weight, _RARE_NAME_CAP) / _RARE_NAME_CAP
    if not one.references.isdisjoint(other.references):
        score += SAME_REFERENCE
    return score


def _common_start(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    longest = max(len(one), len(other))
    if not longest:
        return 0.0
    common = 0
    for part, counterpart in zip(one, other, strict=False):
        if part != counterpart:
            break
        common += 1
    return common / longest


def _of_error(one: Profile, other: Profile, vocabulary: Vocabulary) -> float:
    score = 0.0
    if one.is_check != other.is_check:
        score += CHECK_AND_ERROR
    elif one.is_check:
        score += BOTH_CHECKS
    elif one.exception == other.exception:
        score += SAME_EXCEPTION if one.exception else 0.0
    else:
        score += OTHER_EXCEPTION
    score += MESSAGE_WORDS * _overlap(Kind.MESSAGE, one.words, other.words, vocabulary).share
    score += OTHER_MESSAGE * _different_words(one.words, other.words)
    if one.compared is not None and one.compared == other.compared:
        return score + SAME_DIFFERENCE
    return score + DIFFERENCE * _overlap(Kind.DIFFERENCE, one.difference, other.difference, vocabulary).share


def _different_words(one: frozenset[str], other: frozenset[str]) -> float:
    """0 to 1: how much of the shorter message the longer one does not say."""
    fewer = min(len(one), len(other))
    return 1 - len(one & other) / fewer if fewer >= _WORDY else 0.0


def _of_place(one: Profile, other: Profile, vocabulary: Vocabulary) -> float:
    if not one.culprit or not other.culprit:
        return ONE_CULPRIT if one.culprit or other.culprit else 0.0
    score = OTHER_CULPRIT
    if one.culprit == other.culprit:
        score = SAME_CULPRIT
        if one.exception == other.exception:
            score += SAME_CULPRIT_AND_EXCEPTION
    positions = {function: place for place, function in enumerate(other.frames)}
    nearest = min(
        (place + positions[function] for place, function in enumerate(one.frames) if function in positions),
        default=None,
    )
    if nearest is not None:
        score += NEAREST_FRAME / (1 + nearest)
        score += (
            FRAMES * _overlap(Kind.FRAME, frozenset(one.frames), frozenset(other.frames), vocabulary).share
        )
    return score + OWNERS * _overlap(Kind.OWNER, one.owners, other.owners, vocabulary).share
