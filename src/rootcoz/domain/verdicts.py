"""How the verdicts of an analysis are counted, and the line for people that says so."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VerdictCounts:
    """What an analysis with failures came to. Verdicts are counted by failure group."""

    failures: int
    groups: int
    children: int = 0
    """Child builds, those of child builds included."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Groups by classification."""
    abstained: int = 0
    """Groups of which the provider honestly cannot tell."""
    unanswered: int = 0
    """Groups without an answer."""

    def summary(self) -> str:
        """One line: what failed, in how many groups, and what was found."""
        size = f"{counted(self.failures, 'failure')} in {counted(self.groups, 'group')}"
        kinds = Counter({kind: number for kind, number in self.kinds.items() if number})
        parts = [f"{number} {kind}" for kind, number in kinds.most_common()]
        if self.abstained:
            parts.append(f"{self.abstained} without a verdict")
        if self.unanswered:
            parts.append(f"{self.unanswered} could not be answered")
        where = f" ({counted(self.children, 'child build')})" if self.children else ""
        return f"{size}{where}: {', '.join(parts)}."


def counted(number: int, noun: str) -> str:
    """`1 group`, `2 groups`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
