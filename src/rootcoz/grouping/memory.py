"""Past failures that resemble a new one: what people decided about them is the team's memory.

    new failure ─ memory_keys ─ the store finds past failures that share a key ─ rank ─ best first

A past failure is kept with its keys, a few short texts in an indexed table. One that resembles the new one shares at
least one of them, so that a million past failures cost a handful of look-ups, and only what they find is compared.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rootcoz.domain.failure import ErrorSignature, Failure
from rootcoz.grouping.likeness import CountedVocabulary, PlainVocabulary, Vocabulary, compare
from rootcoz.grouping.profile import Profile, read_profile
from rootcoz.grouping.signature import SIGNATURE_VERSION, error_signature

MEMORY_VERSION: int = 1
"""Raised with every change of the rules that changes any key or profile; part of each key."""

RULES = f"{MEMORY_VERSION}.{SIGNATURE_VERSION}"
"""Names the rules by which a remembered failure was read. What other rules made is made anew."""

MOST_KEYS = 24
FOUND_BY_KEY = 50
"""Newest past failures that one key finds: a key that more have in common tells little."""
CANDIDATES = 80
"""Past failures that are compared with one new failure. Of recorded failures, twice as many found no more."""
_FRAME_KEYS = 3
_WORD_KEYS = 6
_NAME_KEYS = 4
_LONG_WORD = 7
"""Letters from which on a word is taken for rare when nothing is known about its frequency."""

SURE = 0.9
"""Similarity of two failures that are not the same one is never higher: of recorded failures that looked even more
alike, one in seven had another cause."""

NEAR = 0.7
"""Similarity from which on a past failure is told of. Of the most similar ones found among recorded failures, four of
five had the same cause, and so it was found for 57 of 100 failures whose cause had come before."""
NEAR_SHOWN = 3
"""Past failures that are told of at most."""


def memory_keys(failure: Failure) -> tuple[str, ...]:
    """At most MOST_KEYS texts of at most 40 ASCII characters under which the failure is found again, best first.

    Two failures with a key in common may resemble each other; `similarity` tells how much. Keys start with
    MEMORY_VERSION, or with that of the signature; keys of different versions are never equal.
    """
    signature = error_signature(failure)
    profile = read_profile(failure)
    keys = [f"{SIGNATURE_VERSION}s:{signature.value[:32]}"]
    keys += (f"{MEMORY_VERSION}{kind}:{_digest(text)}" for kind, text in _key_texts(profile))
    return tuple(dict.fromkeys(keys))[:MOST_KEYS]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _key_texts(profile: Profile) -> Iterator[tuple[str, str]]:
    for place, function in enumerate(profile.frames[:_FRAME_KEYS]):
        yield ("c" if place == 0 else "f"), function
    if profile.test_class:
        yield "t", profile.test_class
    if profile.telling_words:
        yield "n", profile.test
    if profile.message:
        yield "m", f"{profile.exception} {profile.message}"
    for reference in sorted(profile.references):
        yield "r", reference
    if profile.class_words:
        yield "k", " ".join(sorted(profile.class_words))
    for owner in sorted(profile.owners)[:_FRAME_KEYS]:
        yield "o", owner
    for word in _rarest(profile.name_words, _NAME_KEYS):
        yield "w", word
    for word in _rarest(profile.words, _WORD_KEYS):
        yield "w", word


def _rarest(words: frozenset[str], most: int) -> list[str]:
    """By their looks: the longest, and those that are names rather than words."""
    long = [word for word in words if len(word) >= _LONG_WORD and not word.isdigit()]
    return sorted(long, key=lambda word: (-len(word) - 4 * ("_" in word or "$" in word), word))[:most]


def best_candidates(found: Sequence[tuple[int, int]]) -> list[int]:
    """At most CANDIDATES ids of past failures, those first that share more and rarer keys with the new one.

    `found` are pairs of a key and the id of a past failure that has it, at most FOUND_BY_KEY of a key. Higher ids are
    newer.
    """
    holders = Counter(key for key, _ in found)
    worth: dict[int, float] = {}
    for key, past in found:
        worth[past] = worth.get(past, 0.0) + math.log(2 * FOUND_BY_KEY / holders[key])
    return sorted(worth, key=lambda past: (-worth[past], -past))[:CANDIDATES]


# --- similarity ----------------------------------------------------------------------------------

_PLAIN = PlainVocabulary()
_SLOPE, _OFFSET = 0.75, -1.5
"""From a score to the log-odds of one cause among past failures that share a key: 2 is even odds. History holds more
that looks alike than one build does. Rounded; leaving out one project of recorded failures gave 0.67 to 1.1 and -1.5 to
-1.9."""


def similarity(one: Failure, other: Failure) -> float:
    """0 to 1: how probable it is that both have one root cause; 1 only for equal signatures. Symmetric."""
    if error_signature(one) == error_signature(other):
        return 1.0
    return _calibrated(compare(read_profile(one), read_profile(other), _PLAIN).score)


def _calibrated(score: float) -> float:
    return min(1 / (1 + math.exp(-(_SLOPE * score + _OFFSET))), SURE)


@dataclass(frozen=True, slots=True)
class Resembling:
    """A past failure that resembles the new one."""

    position: int
    """Among the past failures that were given."""
    similarity: float


_SHOWN_APART = 5
"""First places that are given to past failures that differ from each other."""
_LOOKED_AT = 40
"""Best past failures of which the first places are chosen."""
_REPETITION = 0.3
"""What a past failure loses for each point by which it resembles one that stands before it."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A failure that was read for comparison with many others."""

    profile: Profile
    signature: ErrorSignature


def remember(failure: Failure) -> Remembered:
    """Read a failure once."""
    return Remembered(read_profile(failure), error_signature(failure))


def rank(failure: Failure, past: Sequence[Failure]) -> list[Resembling]:
    """All of `past`, the most similar first; equally similar ones in their own order.

    The first places go to failures that differ from each other, even if one is a little less similar: five decisions
    about one past failure tell less than decisions about five. Words are weighed by how rare they are among `past`.
    """
    return rank_remembered(remember(failure), [remember(other) for other in past])


def rank_remembered(failure: Remembered, past: Sequence[Remembered]) -> list[Resembling]:
    """`rank` of failures that were read before."""
    vocabulary = CountedVocabulary(other.profile for other in past)
    scores = [compare(failure.profile, other.profile, vocabulary).score for other in past]
    same = [other.signature == failure.signature for other in past]
    order = sorted(range(len(past)), key=lambda position: (not same[position], -scores[position], position))
    return [
        Resembling(position, 1.0 if same[position] else _calibrated(scores[position]))
        for position in _varied(order, scores, past, vocabulary)
    ]


def _varied(
    order: list[int], scores: Sequence[float], past: Sequence[Remembered], vocabulary: Vocabulary
) -> list[int]:
    """The order with repetitions moved out of the first places."""
    left = order[:_LOOKED_AT]
    chosen: list[int] = []
    losses = dict.fromkeys(left, 0.0)
    while left and len(chosen) < _SHOWN_APART:
        best = left[0] if not chosen else max(left, key=lambda position: scores[position] - losses[position])
        left.remove(best)
        chosen.append(best)
        for position in left:
            score = compare(past[best].profile, past[position].profile, vocabulary).score
            losses[position] = max(losses[position], _REPETITION * score)
    return [*chosen, *left, *order[_LOOKED_AT:]]
