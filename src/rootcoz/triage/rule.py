"""What a triage rule is, and where it found what it looks for."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from rootcoz.domain.finding import Classification, Severity


class Weight(float, Enum):
    """How much a rule's word counts, in log-odds. Alone, a rule gives the confidence beside its weight."""

    HINT = 0.7  # .50
    WEAK = 1.1  # .60
    FAIR = 1.9  # .77
    STRONG = 2.8  # .89


class Match(Protocol):
    """What a pattern found in a text."""

    def start(self) -> int:
        """Where in the text, in characters."""
        ...


class Pattern(Protocol):
    """A compiled expression: Python's own, or RE2's for those that people bring."""

    def search(self, text: str, /) -> Match | None:
        """The first place where it matches; None when it does not."""
        ...


def any_of(*patterns: str) -> re.Pattern[str]:
    """One expression for several, upper and lower case alike; `^` and `$` mean a line's ends."""
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A way of recognising one cause of failure. To add one, write it into the list of its classification.

    The test suite checks every rule against its own examples and counter-examples.
    """

    name: str
    """Short, unique, in kebab-case: shown to users."""
    classification: Classification
    weight: Weight
    hints: tuple[str, ...]
    """Lower-case texts; the pattern is only tried where at least one of them occurs, which is fast. Empty: always."""
    pattern: Pattern
    """Searched in the error message, in the trace except its calls, and perhaps in the output."""
    reason: str
    """Ends the sentence "This looks like … because"; no capital, no full stop."""
    advice: str
    """What to do next, as a whole sentence."""
    severity: Severity = Severity.HIGH
    """Of the bug report; only read for PRODUCT BUG."""
    reads_output: bool = False
    """Whether the test's output counts too (for half): only for what a passing test never prints."""
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...] = ()

    def find(self, text: str, lowered: str) -> Match | None:
        """Look for the rule in `text`; `lowered` is the same text in lower case, made once for all rules."""
        if self.hints and not any(hint in lowered for hint in self.hints):
            return None
        return self.pattern.search(text)
