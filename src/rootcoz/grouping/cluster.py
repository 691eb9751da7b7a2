"""Groups of one analysis that look like one root cause although their signatures differ.

    groups ─ a profile each ─ bundles of the obvious ─ pairs worth comparing ─ likeness ─ average linkage ─ clusters

A cluster is shown to people with its reason and merges nothing: each group keeps its own answer. It depends on what the
groups are and not on their order. Reading the profiles apart, the time grows with the groups and not with their pairs:
see `_candidates`.
"""

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, islice
from typing import TypeVar

from rootcoz.domain.failure import Cluster, Failure, FailureGroup
from rootcoz.grouping.likeness import CountedVocabulary, Kind, Vocabulary, compare
from rootcoz.grouping.profile import Profile, read_profile

CLUSTER_VERSION: int = 1
"""Raised with every change of the rules that changes any cluster; part of each cluster's id."""

JOINED_FROM = 0.4
"""Average probability of one cause between two clusters from which on they are joined."""
COMPARE_ALL = 200
"""Bundles up to which every pair is compared."""
MOST_PAIRS = 120_000
"""Pairs that are compared at most; the most promising ones come first."""
_NEIGHBOURS = 8
"""How many followers of its own a bundle is compared with in a block that is too large for all pairs."""


def with_clusters(groups: Sequence[FailureGroup], failures: Sequence[Failure]) -> tuple[FailureGroup, ...]:
    """The same groups in the same order, those that have company with their cluster."""
    members = {group.number: _spokesman(group, failures) for group in groups}
    ordered = sorted(groups, key=lambda group: (group.signature.value, _content(members[group.number])))
    profiles = [read_profile(members[group.number]) for group in ordered]
    vocabulary = CountedVocabulary(profiles)
    clusters: dict[int, Cluster] = {}
    for positions in _link(profiles, vocabulary):
        if len(positions) > 1:
            together = [ordered[position] for position in positions]
            cluster = Cluster(
                _identity(together, members),
                explain([profiles[position] for position in positions], vocabulary),
            )
            clusters.update((group.number, cluster) for group in together)
    return tuple(replace(group, cluster=clusters.get(group.number)) for group in groups)


def _content(failure: Failure) -> tuple[str, ...]:
    return (failure.class_name, failure.test_name, failure.error_message, failure.stack_trace)


def _spokesman(group: FailureGroup, failures: Sequence[Failure]) -> Failure:
    """The member that stands for the group wherever it stands in the build; the representative is the first one."""
    return min((failures[member] for member in group.members), key=_content)


def _identity(groups: Iterable[FailureGroup], members: dict[int, Failure]) -> str:
    parts = sorted(f"{group.signature.value} {members[group.number].test_name}" for group in groups)
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{CLUSTER_VERSION}-{digest[:12]}"


# --- bundles -------------------------------------------------------------------------------------


def _bundle_keys(profile: Profile, vocabulary: Vocabulary) -> Iterator[Hashable]:
    """Keys that two failures cannot share without looking like one cause: they need not be compared."""
    if not profile.exception:
        return
    if profile.test_class and not vocabulary.is_suite(profile.test_class):
        yield "class", profile.test_class, profile.exception, profile.culprit, profile.codes
    if profile.culprit:
        yield "culprit", profile.exception, profile.culprit, profile.codes, profile.message


def _bundles(profiles: Sequence[Profile], vocabulary: Vocabulary) -> list[list[int]]:
    """Positions of the profiles that share a key, directly or through others; ascending."""
    parents = list(range(len(profiles)))

    def top(position: int) -> int:
        while parents[position] != position:
            parents[position] = position = parents[parents[position]]
        return position

    first: dict[Hashable, int] = {}
    for position, profile in enumerate(profiles):
        for key in _bundle_keys(profile, vocabulary):
            one, other = sorted((top(first.setdefault(key, position)), top(position)))
            parents[other] = one
    bundles: defaultdict[int, list[int]] = defaultdict(list)
    for position in range(len(profiles)):
        bundles[top(position)].append(position)
    return list(bundles.values())


# --- pairs worth comparing -----------------------------------------------------------------------

_Keys = Callable[[Profile], Iterable[Hashable]]
_BLOCKS: tuple[tuple[_Keys, int, bool], ...] = (
    (lambda profile: [profile.culprit] if profile.culprit else [], 40, True),
    (lambda profile: [profile.test_class] if profile.test_class else [], 40, True),
    (lambda profile: [profile.test] if profile.telling_words else [], 40, True),
    (lambda profile: profile.references, 20, False),
    (lambda profile: profile.frames[1:4], 20, False),
    (lambda profile: profile.owners, 20, False),
    (lambda profile: [profile.class_words] if profile.class_words else [], 20, False),
    (lambda profile: profile.name_words, 10, False),
    (lambda profile: profile.class_words, 10, False),
    (lambda profile: profile.words, 5, False),
)
"""What two bundles may have in common, the most telling first; how many may have it for all pairs to be compared; and
whether neighbours are compared when there are more."""


def _candidates(profiles: Sequence[Profile]) -> Iterator[tuple[int, int]]:
    """Pairs of positions, the lower one first, without repetition."""
    if len(profiles) <= COMPARE_ALL:
        return combinations(range(len(profiles)), 2)
    pairs = chain.from_iterable(_pairs_of(profiles, *block) for block in _BLOCKS)
    return islice(_distinct(pairs), MOST_PAIRS)


def _distinct(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    seen: set[tuple[int, int]] = set()
    for pair in pairs:
        if pair not in seen:
            seen.add(pair)
            yield pair


def _pairs_of(
    profiles: Sequence[Profile],
    keys: _Keys,
    most: int,
    has_neighbours: bool,  # noqa: FBT001 - a row of _BLOCKS
) -> Iterator[tuple[int, int]]:
    blocks: defaultdict[Hashable, list[int]] = defaultdict(list)
    for position, profile in enumerate(profiles):
        for key in keys(profile):
            blocks[key].append(position)
    # Smallest first: what few have in common says most. Positions follow the content, and so does the order.
    for block in sorted(blocks.values(), key=lambda block: (len(block), block)):
        if len(block) <= most:
            yield from combinations(block, 2)
        elif has_neighbours:
            yield from _neighbours(block, profiles)
        else:
            break


def _neighbours(block: Sequence[int], profiles: Sequence[Profile]) -> Iterator[tuple[int, int]]:
    def likely(position: int) -> tuple[str, str, str, str, int]:
        profile = profiles[position]
        return (profile.exception, profile.culprit, profile.test_class, profile.test, position)

    ordered = sorted(block, key=likely)
    for place, position in enumerate(ordered):
        for other in ordered[place + 1 : place + 1 + _NEIGHBOURS]:
            yield (position, other) if position < other else (other, position)


# --- linkage -------------------------------------------------------------------------------------


def _link(profiles: Sequence[Profile], vocabulary: Vocabulary) -> list[list[int]]:
    """Clusters as ascending positions, those with one group too, in the order of their first ones."""
    bundles = _bundles(profiles, vocabulary)
    linkage = _Linkage([len(bundle) for bundle in bundles])
    first = [profiles[bundle[0]] for bundle in bundles]
    for one, other in _candidates(first):
        likeness = compare(first[one], first[other], vocabulary)
        linkage.add(one, other, likeness.probability, contradicted=likeness.contradicted)
    return sorted(
        sorted(position for bundle in joined for position in bundles[bundle]) for joined in linkage.run()
    )


class _Linkage:
    """Average linkage over the pairs that were compared; others count as unlike.

    Ties go to the lower positions, and two clusters with a contradicted pair between them are never joined.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = list(sizes)
        self._members = [[position] for position in range(len(sizes))]
        self._sums: list[dict[int, float]] = [{} for _ in sizes]
        self._apart: list[set[int]] = [set() for _ in sizes]

    def add(self, one: int, other: int, probability: float, *, contradicted: bool) -> None:
        """Make a compared pair known."""
        if contradicted:
            self._apart[one].add(other)
            self._apart[other].add(one)
        if contradicted or probability >= _NEGLIGIBLE:
            self._sums[one][other] = self._sums[other][one] = (
                probability * self._sizes[one] * self._sizes[other]
            )

    def run(self) -> list[list[int]]:
        """Join as long as anything is like enough."""
        heap = [
            self._entry(one, other) for one, sums in enumerate(self._sums) for other in sums if one < other
        ]
        heapq.heapify(heap)
        while heap:
            average, one, other = heapq.heappop(heap)
            if -average < JOINED_FROM:
                break
            if (
                other in self._sums[one]
                and self._entry(one, other)[0] == average
                and other not in self._apart[one]
            ):
                for entry in self._join(one, other):
                    heapq.heappush(heap, entry)
        return [members for members in self._members if members]

    def _entry(self, one: int, other: int) -> tuple[float, int, int]:
        # Rounded, so that the last bit of a sum, which depends on the order of joining, decides nothing.
        average = self._sums[one][other] / (self._sizes[one] * self._sizes[other])
        return (-round(average, 9), one, other)

    def _join(self, one: int, other: int) -> list[tuple[float, int, int]]:
        """Add `other` to `one`; the pairs whose average changed."""
        self._members[one] += self._members[other]
        self._members[other] = []
        self._sizes[one] += self._sizes[other]
        sums = self._sums[one]
        sums.pop(other)
        for third, weight in self._sums[other].items():
            if third != one:
                self._sums[third].pop(other)
                sums[third] = self._sums[third][one] = sums.get(third, 0.0) + weight
        self._sums[other] = {}
        for third in self._apart[other]:
            self._apart[third].add(one)
        self._apart[one] |= self._apart[other]
        return [self._entry(*sorted((one, third))) for third in sums]


_NEGLIGIBLE = 0.02
"""Probability below which a pair is not remembered."""

# --- reasons -------------------------------------------------------------------------------------

_WORDS_TOLD = 3
_TELLING = 1.0
"""Weight from which on a shared word is worth telling."""
_LONGEST_VALUE = 40
_Value = TypeVar("_Value")


def explain(profiles: Sequence[Profile], vocabulary: Vocabulary) -> str:
    """What the groups of a cluster have in common, in words."""
    facts = [*_error_facts(profiles), *_test_facts(profiles, vocabulary)]
    if not facts:
        facts = _facts_of_most(profiles, vocabulary)
    return ", ".join([*facts, f"{len(profiles)} groups"])


_NAMES: tuple[Callable[[Profile], str], ...] = (
    lambda profile: profile.culprit,
    lambda profile: profile.test_class,
    lambda profile: profile.test,
    lambda profile: profile.exception,
)


def _facts_of_most(profiles: Sequence[Profile], vocabulary: Vocabulary) -> list[str]:
    """What more than half of them have in common."""
    for value in _NAMES:
        counts = Counter(filter(None, map(value, profiles)))
        common = min(counts.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
        if common[1] * 2 > len(profiles):
            some = [profile for profile in profiles if value(profile) == common[0]]
            facts = [*_error_facts(some), *_test_facts(some, vocabulary)]
            if facts:
                return [f"{len(some)} of them: {facts[0]}", *facts[1:], "the others resemble them"]
    return ["similar errors and test names"]


def _common(values: Iterable[_Value]) -> _Value | None:
    """The value that all have, if they do and it is not empty."""
    distinct = set(values)
    value = distinct.pop() if len(distinct) == 1 else None
    return value or None


def _error_facts(profiles: Sequence[Profile]) -> list[str]:
    exception = _common(profile.exception for profile in profiles)
    error = (
        f"same exception {exception}"
        if exception and not all(profile.is_check for profile in profiles)
        else ""
    )
    culprit = _common(profile.culprit for profile in profiles)
    if culprit:
        return [f"{error or 'errors'} raised at {short_function(culprit)}"]
    shared = set(profiles[0].frames).intersection(*(profile.frames for profile in profiles))
    if shared:
        nearest = min(
            shared, key=lambda function: (sum(p.frames.index(function) for p in profiles), function)
        )
        return [f"{error or 'errors'} raised below {short_function(nearest)}"]
    compared = _common(profile.compared for profile in profiles)
    if compared and max(len(compared.expected), len(compared.actual)) <= _LONGEST_VALUE:
        return [
            f"same difference: {compared.expected or 'nothing'} expected, {compared.actual or 'nothing'} found"
        ]
    return [error] if error else []


def _test_facts(profiles: Sequence[Profile], vocabulary: Vocabulary) -> list[str]:
    test_class = _common(profile.test_class for profile in profiles)
    if test_class:
        return [f"all in tests of {short_function(test_class)}"]
    test = _common(profile.test for profile in profiles)
    if test:
        return [f"all in tests called {test}"]
    for told, kind, sets in (
        ("the tests' names share", Kind.NAME, [profile.name_words for profile in profiles]),
        ("the tests' classes share", Kind.CLASS, [profile.class_words for profile in profiles]),
        ("the messages share", Kind.MESSAGE, [profile.words for profile in profiles]),
    ):
        shared = frozenset.intersection(*sets)
        weighed = sorted((-vocabulary.weight(kind, word), word) for word in shared)
        words = [word for weight, word in weighed if -weight >= _TELLING][:_WORDS_TOLD]
        if words:
            return [f"{told} {', '.join(words)}"]
    return []


def short_function(name: str) -> str:
    """A function or class as people call it: `OrderService.total` for `com.acme.OrderService.total`."""
    if name.endswith(")") or "::" in name:
        return name
    parts = name.rpartition("/")[2].split(".")
    return ".".join(parts[-2:])
