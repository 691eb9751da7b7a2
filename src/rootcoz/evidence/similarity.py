"""How alike two short texts are: a failure and an issue of a tracker.

The measure works on *words*: what stands between signs, with `camelCase` and `snake_case` taken apart, in lower
case, without a plural's or verb's `s`. Words that nearly every failure or issue has (`test`, `error`, `the`), numbers
and words of fewer than three letters do not count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rootcoz.domain.issue import TrackerIssue

RELEVANT = 0.5
"""An issue with this score or a higher one is shown where nobody can judge its meaning.

Between the two kinds of pairs of `tests/corpus/issues`: issues about the failure score 0.6 or more there, others
0.46 or less. The corpus is small and written for the purpose; in the field expect mistakes of both kinds.
"""
FEWEST_WORDS = 3
"""A text of fewer words is too little to be called covered, or alike in earnest: the score is scaled down."""
TEXT_LIMIT = 4_000
"""Characters of a text that are read."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked for, in its own words."""

    title: str
    """What an issue about it might be called."""
    error: str
    """What was said when it happened: the first lines of the error message."""


def issue_score(subject: Subject, issue: TrackerIssue) -> float:
    """0 to 1: how much the issue looks as if it were about the subject.

    The best of three looks: the titles are alike; the error and the issue's title are alike; the error stands in
    the issue, whatever else does. The last counts a little less, since a long issue has many words, and much less
    when the issue has nothing of our title: then the error is likely a library's phrase that many failures share.
    """
    title, error = words(subject.title), words(subject.error)
    theirs = words(issue.title)
    whole = theirs | words(" ".join(issue.labels)) | words(issue.excerpt)
    in_text = _IN_LONG_TEXT if title & whole else _LIBRARY_PHRASE
    return round(max(likeness(title, theirs), likeness(error, theirs), in_text * coverage(error, whole)), 3)


_IN_LONG_TEXT = 0.9
_LIBRARY_PHRASE = 0.4


def likeness(ours: frozenset[str], theirs: frozenset[str]) -> float:
    """Dice's coefficient: twice the common words, divided by the words of both. 1 for equal texts, 0 for nothing.

    L. R. Dice, Measures of the amount of ecologic association between species, Ecology 26 (1945).
    """
    common = len(ours & theirs)
    return 2 * common / (len(ours) + len(theirs)) * _weight(common) if common else 0.0


def coverage(ours: frozenset[str], theirs: frozenset[str]) -> float:
    """The share of our words that they have too."""
    common = len(ours & theirs)
    return common / len(ours) * _weight(common) if common else 0.0


def _weight(common: int) -> float:
    """A single common word is a coincidence more often than two or three are."""
    return min(1.0, common / FEWEST_WORDS)


# --- words ---------------------------------------------------------------------------------------

_RUN = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[^\WA-Z\d_])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = 3
_EMPTY = frozenset(
    (
        "the", "and", "for", "with", "from", "that", "this", "was", "are", "has", "have", "had", "been", "not",
        "but", "into", "when", "then", "than", "while", "after", "before", "does", "did", "doe", "will", "would",
        "should", "could", "can", "cannot", "must", "may", "its", "out", "get", "got", "all", "any", "our", "own",
        "one", "two", "too", "see", "use", "used", "using", "there", "which", "where", "because", "during", "via",
        "test", "tests", "testing", "error", "exception", "fail", "fails", "failed", "failing", "failure", "bug",
        "issue", "expected", "actual", "actually", "assert", "assertion", "assertionerror", "true", "false",
        "null", "none", "nil", "java", "lang", "org", "com", "net", "util", "python", "line", "file", "call",
        "called", "traceback", "message", "value", "wrong", "problem", "sometime", "sometimes", "seem", "give",
        "new", "old", "last", "most", "recent", "found", "caused", "cause", "raise", "raised", "thrown", "throw",
    )
)  # fmt: skip


@lru_cache(maxsize=1_024)  # an error is compared with many issues, and an issue with many errors
def words(text: str) -> frozenset[str]:
    """The text's words, as the module's text says."""
    return frozenset(_words(text[:TEXT_LIMIT]))


def _words(text: str) -> Iterator[str]:
    for part in (part.lower() for run in _RUN.findall(text) for part in _HUMP.split(run)):
        word = part[:-1] if len(part) > _LETTERS and part.endswith("s") and not part.endswith("ss") else part
        if len(word) >= _LETTERS and word not in _EMPTY:
            yield word
