"""The ranking of past failures as plain callables, for programs that measure it on recorded failures."""

from typing import Any

from rootcoz.domain.failure import Failure
from rootcoz.grouping import memory


def _as_failure(failure: dict[str, Any]) -> Failure:
    """A failure given with the keys test_class, test_name, error_message, stack_trace."""
    test_class = failure.get("test_class") or ""
    return Failure(
        test_name=f"{test_class}.{failure.get('test_name', '')}".strip("."),
        class_name=test_class,
        error_message=failure.get("error_message") or "",
        stack_trace=failure.get("stack_trace") or "",
    )


def rank(failure: dict[str, Any], past: list[dict[str, Any]]) -> list[int]:
    """Positions of the past failures, the most similar first."""
    return [
        found.position for found in memory.rank(_as_failure(failure), [_as_failure(other) for other in past])
    ]


def rank_found(failure: dict[str, Any], past: list[dict[str, Any]]) -> list[int]:
    """The same among those that share a memory key, as a store finds them."""
    new, read = _as_failure(failure), [_as_failure(other) for other in past]
    keys = set(memory.memory_keys(new))
    found = [
        position for position, other in enumerate(read) if not keys.isdisjoint(memory.memory_keys(other))
    ]
    ranked = memory.rank(new, [read[position] for position in found])
    return [found[one.position] for one in ranked]
