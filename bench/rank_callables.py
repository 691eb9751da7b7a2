"""The ranking of past failures as plain callables, for programs that measure it on recorded failures."""

from functools import lru_cache
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


# The measuring programs give the same failures again and again.
_remember = lru_cache(maxsize=20_000)(memory.remember)
_keys = lru_cache(maxsize=20_000)(memory.memory_keys)


def rank(failure: dict[str, Any], past: list[dict[str, Any]]) -> list[int]:
    """Positions of the past failures, the most similar first."""
    read = [_remember(_as_failure(other)) for other in past]
    return [found.position for found in memory.rank_remembered(_remember(_as_failure(failure)), read)]


def rank_found(failure: dict[str, Any], past: list[dict[str, Any]]) -> list[int]:
    """The same among those that share a memory key, as a store finds them."""
    keys = set(_keys(_as_failure(failure)))
    shares = [not keys.isdisjoint(_keys(_as_failure(other))) for other in past]
    found = [position for position, is_found in enumerate(shares) if is_found]
    return [found[place] for place in rank(failure, [past[position] for position in found])]
