"""Which failure of an analysis an item of Report Portal is, although no two frameworks spell a test's name alike.

pytest reports `tests/test_login.py::TestLogin::test_bad[1.5]` to Report Portal and
`tests.test_login.TestLogin.test_bad[1.5]` to JUnit XML; TestNG `testBad` with the code reference
`com.acme.LoginTest.testBad`; Playwright and Jest the file, the titles around and the title. So names are compared as
words: what separates them, a source file's ending, and upper and lower case say nothing. A name fits another when both
have the same words, or one has the last words of the other. Arguments of a parametrised test are compared apart.

What fits in more than one way is never guessed: it ends as `Unmatched` with the reason.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

WORDS_LIMIT = 60
"""Words of a name that are compared: its last ones."""
TAIL_LIMIT = 25
"""Words that an item's name may have to be found as the end of a failure's; longer ones must be the whole."""
SENTENCE = 3
"""Words from which on a title speaks for itself, whatever stands around it."""
NAMED = 3
"""Names that a reason gives."""
NAME_SHOWN = 200

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemName:
    """How an item is called."""

    item_id: int
    name: str
    code_ref: str = ""
    """Where the test stands in the code, as its framework's agent writes it."""
    path: tuple[str, ...] = ()
    """Names of the suites around it, the outermost first."""
    parameters: tuple[str, ...] = ()
    """Values of the test's arguments, where the agent reports them apart."""


@dataclass(frozen=True, slots=True)
class FailureName:
    """A failure, and what would be pushed for it."""

    test_name: str
    finding: Hashable
    """Failures that are equal in it need not be told apart."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An item that is no failure of the analysis, as far as one can tell."""

    item_id: int
    reason: str
    """Without a full stop, to stand behind the item's name."""
    is_unknown: bool = False
    """Whether no failure has its name at all."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What became of the items."""

    failure_of: Mapping[int, int]
    """Index of a failure for each item's id; the first one where several have the same finding."""
    unmatched: Sequence[Unmatched]
    missing: Sequence[int]
    """Indices of the failures that no item is."""


def match_items(items: Sequence[ItemName], failures: Sequence[FailureName]) -> Matches:
    """Find each item's failure. Several items may be one failure: a test's retries, or its sets of arguments."""
    index = _Index(failures)
    fits: dict[int, _Fit] = {}
    unmatched: list[Unmatched] = []
    for item in items:
        try:
            fits[item.item_id] = index.fit(item)
        except _NoFit as no:
            unmatched.append(Unmatched(item.item_id, str(no), is_unknown=no.is_unknown))
    by_failure: defaultdict[int, list[ItemName]] = defaultdict(list)
    for item in items:
        if item.item_id in fits:
            by_failure[fits[item.item_id].candidates[0]].append(item)
    for first, rivals in by_failure.items():
        name = _shown(failures[first].test_name)
        for item_id, reason in _doubts(rivals, fits, name):
            del fits[item_id]
            unmatched.append(Unmatched(item_id, reason))
    met = {candidate for fit in fits.values() for candidate in fit.candidates}
    return Matches(
        {item_id: fit.candidates[0] for item_id, fit in fits.items()},
        unmatched,
        [number for number in range(len(failures)) if number not in met],
    )


# --- names as words ------------------------------------------------------------------------------

_ENDINGS = frozenset(
    (
        *("py", "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "java", "kt", "kts", "groovy", "scala"),
        *("rb", "go", "cs", "php", "robot", "feature", "swift"),
    )
)
"""Of source files. Some spellings have them and some have not, so they are no words of a name."""
_NO_WORDS: Words = ("",)
_WORD = re.compile(r"\w+")
_ARGUMENTS = re.compile(r"(?:\[[^\[\]]*\]|\([^()]*\))\s*$")


@dataclass(frozen=True, slots=True)
class _Spelling:
    words: Words
    arguments: Words
    """Words of the arguments, in order; empty for none."""


@lru_cache(maxsize=50_000)
def _spelling(name: str) -> _Spelling:
    rest = name.strip()
    arguments: Words = ()
    while (bracket := _ARGUMENTS.search(rest)) and bracket.start():
        arguments = (*_words(bracket[0]), *arguments)
        rest = rest[: bracket.start()].rstrip()
    *before, last = _words(rest) or _NO_WORDS
    words = (*(word for word in before if word not in _ENDINGS), last)
    return _Spelling(_without_echo(words), arguments)


def _words(text: str) -> Words:
    return tuple(word.casefold() for word in _WORD.findall(text))[-WORDS_LIMIT:]


def _without_echo(words: Words) -> Words:
    """Without a class that only repeats the title, or the title's end, as reporters of Jest and Mocha write it."""
    for size in range(len(words) // 2, 0, -1):
        if words[:size] == words[-size:]:
            return words[size:]
        if words[-2 * size : -size] == words[-size:]:
            return words[:-size]
    return words


# --- looking one up ------------------------------------------------------------------------------


class _NoFit(Exception):
    """No failure, or none that is certain."""

    def __init__(self, reason: str, *, is_unknown: bool = False) -> None:
        super().__init__(reason)
        self.is_unknown = is_unknown


@dataclass(frozen=True, slots=True)
class _Fit:
    candidates: tuple[int, ...]
    """Indices of failures with one finding, ascending."""
    whole: bool
    """Whether both have the same words, not one of them the last words of the other."""


class _Index:
    """The failures by their names' words and by the ends of these."""

    def __init__(self, failures: Sequence[FailureName]) -> None:
        self._failures = failures
        self._spellings = [_spelling(failure.test_name) for failure in failures]
        self._verbatim: defaultdict[str, list[int]] = defaultdict(list)
        self._whole: defaultdict[Words, list[int]] = defaultdict(list)
        self._tails: defaultdict[Words, list[int]] = defaultdict(list)
        self._looked_up: dict[tuple[Words, Words, str], _Fit | str] = {}
        for number, (failure, spelling) in enumerate(zip(failures, self._spellings, strict=True)):
            self._verbatim[failure.test_name].append(number)
            self._whole[spelling.words].append(number)
            for size in range(1, min(len(spelling.words), TAIL_LIMIT + 1)):
                self._tails[spelling.words[-size:]].append(number)

    def fit(self, item: ItemName) -> _Fit:
        """The failures that it is. Raises _NoFit."""
        arguments = _arguments_of(item)
        for text in (item.name, item.code_ref):
            if text.strip() and text in self._verbatim:
                return _Fit(self._with_one_finding(self._verbatim[text]), whole=True)
        for words, place in _spellings_of(item):
            key = (words, arguments, place)
            if key not in self._looked_up:
                self._looked_up[key] = self._look_up(words, arguments, place)
            found = self._looked_up[key]
            if isinstance(found, _Fit):
                return found
            if found:
                raise _NoFit(found)
        raise _NoFit("no failure of this analysis has its name", is_unknown=True)

    def _look_up(self, words: Words, arguments: Words, place: str) -> _Fit | str:
        """What fits, the reason why none of those that do can be taken, or an empty text where none does."""
        candidates, whole = self._candidates(words)
        if place and len(words) < SENTENCE:
            candidates = [number for number in candidates if self._is_in_place(words, place, number)]
        if not candidates:
            return ""
        try:
            return _Fit(self._with_one_finding(self._with_arguments(candidates, arguments)), whole)
        except _NoFit as no:
            return str(no)

    def _candidates(self, words: Words) -> tuple[Sequence[int], bool]:
        """The failures that fit, and whether as a whole."""
        if words == _NO_WORDS:
            return (), False
        if words in self._whole:
            return self._whole[words], True
        if words in self._tails:
            return self._tails[words], False
        for start in range(1, len(words)):
            if words[start:] in self._whole:
                return self._whole[words[start:]], False
        return (), False

    def _with_arguments(self, candidates: Sequence[int], arguments: Words) -> Sequence[int]:
        """Those with the same arguments, or those that name none where the item has some."""
        if not arguments:
            return candidates
        own = [(number, self._spellings[number].arguments) for number in candidates]
        return (
            [number for number, theirs in own if theirs == arguments]
            or [number for number, theirs in own if theirs and _has_end(theirs, arguments)]
            or [number for number, theirs in own if not theirs]
            or _raise(_NoFit("no failure of its name has its arguments"))
        )

    def _with_one_finding(self, candidates: Sequence[int]) -> tuple[int, ...]:
        if len({self._failures[number].finding for number in candidates}) > 1:
            names = dict.fromkeys(_shown(self._failures[number].test_name) for number in candidates)
            raise _NoFit(f"it fits several failures with different findings: {_listed(names)}")
        return tuple(candidates)

    def _is_in_place(self, words: Words, place: str, number: int) -> bool:
        """Whether what stands around the item does not speak against a failure that its bare name fits.

        `testBad` of the class OtherTest is not `com.acme.LoginTest.testBad`.
        """
        around = self._spellings[number].words[: -len(words)]
        return not around or place in around


def _has_end(one: Words, other: Words) -> bool:
    """Whether the shorter is the end of the longer; some reports put a count before the arguments."""
    size = min(len(one), len(other))
    return one[-size:] == other[-size:]


def _raise(error: Exception) -> NoReturn:
    raise error


def _arguments_of(item: ItemName) -> Words:
    own = _spelling(item.name).arguments or _spelling(item.code_ref).arguments
    return own or tuple(word for value in item.parameters for word in _words(value))


def _spellings_of(item: ItemName) -> Iterator[tuple[Words, str]]:
    """The words of its names, the most specific first; with its bare name the last word of what stands around it."""
    place = _NO_WORDS
    if item.code_ref:
        words = _spelling(item.code_ref).words
        place = words[:-1] or place
        yield words, ""
    if item.path:
        if place == _NO_WORDS:
            place = _spelling(item.path[-1]).words
        yield _spelling("/".join((*item.path, item.name))).words, ""
    yield _spelling(item.name).words, place[-1]


# --- telling items apart -------------------------------------------------------------------------


def _doubts(rivals: Sequence[ItemName], fits: Mapping[int, _Fit], failure: str) -> Iterator[tuple[int, str]]:
    """Of the items that fit one failure, those that cannot be said to be it, each with the reason.

    Items with the same name are one test. Of others, those that fit as a whole are right; where none does, there must
    not be more of them than failures.
    """
    partly = [item for item in rivals if not fits[item.item_id].whole]
    if len(partly) < len(rivals):
        for item in partly:
            yield item.item_id, f"another item fits the failure {failure} better"
        return
    identities = {next(_spellings_of(item)) for item in partly}
    room = max(len(fits[item.item_id].candidates) for item in partly)
    if len(identities) > room:
        for item in partly:
            yield item.item_id, f"several tests of the launch fit the failure {failure}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - NAMED
    return ", ".join(every[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _shown(name: str) -> str:
    return name if len(name) <= NAME_SHOWN else name[: NAME_SHOWN - 1] + "…"
