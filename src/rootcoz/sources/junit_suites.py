"""What a suite of JUnit XML says about itself: the failures it declares, and those it has without any case.

A suite that crashes before or between its tests often leaves no case behind: only an `error` child of its own,
or nothing but the number in its attributes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rootcoz.domain.failure import NAME_LIMIT, Failure
from rootcoz.domain.junit_words import SUITE
from rootcoz.kit.head_tail import HeadTail
from rootcoz.sources.junit_text import Case, failure_of

NAMELESS_SUITE = "suite without a name"
"""What the failure of such a suite is called."""
RERUNS = frozenset({"flakyFailure", "flakyError", "rerunFailure", "rerunError"})
"""Children of a case for its other attempts. They do not make it fail, but some suites declare them."""


@dataclass(slots=True)
class Suite:
    """What has been read of a `testsuite` or `testsuites` element."""

    tag: str
    depth: int
    attributes: Mapping[str, str]
    shown: int = 0
    """Failures and errors that elements within it show, attempts that were repeated included."""
    missing: int = 0
    """Failures and errors that suites within it declare and no element shows."""
    own: Case | None = None
    """Its own failures and errors, as if they were those of a case."""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Name it as its cases' failures do."""
        self.name = self.attributes.get("name", "").strip()[: NAME_LIMIT + 1] if self.tag == SUITE else ""

    def add_problem(self, kind: str, attributes: Mapping[str, str]) -> HeadTail | None:
        """A `failure` or `error` of its own; returns where its text goes, None for nowhere."""
        if self.own is None:
            name = self.name or self.attributes.get("name", "").strip() or NAMELESS_SUITE
            place = {key: self.attributes[key] for key in ("file", "time") if key in self.attributes}
            self.own = Case(-1, self.depth, self.name, {"name": name, **place})
        self.shown += 1
        return self.own.add_problem(kind, attributes)

    def failure(self, report: int) -> Failure | None:
        """The failure of the suite itself, which belongs to no case."""
        return replace(failure_of(self.own, report), position=None) if self.own is not None else None

    @property
    def unaccounted(self) -> int:
        """How many failures and errors it or the suites within it declare and no element shows."""
        declared = sum(_count(self.attributes.get(key, "")) for key in ("failures", "errors"))
        return max(declared - self.shown, self.missing)

    def close_into(self, outer: "Suite") -> None:
        """Tell the suite around it; a suite may declare what is in the suites within it or leave it out."""
        outer.shown += self.shown
        outer.missing += self.unaccounted


def unaccounted_note(subject: str, shown: int, unaccounted: int) -> str:
    """The sentence for the user."""
    declared = shown + unaccounted
    number = f"{declared:,} failure or error" if declared == 1 else f"{declared:,} failures or errors"
    return (
        f"{subject} declares {number}, its cases show {shown:,}: what else failed is not in the report; "
        "look for a suite that crashed in the log of the run."
    )


def _count(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text.strip()) else 0
