"""The ranking of past failures as plain callables, for programs that measure it on recorded failures."""

from typing import Any

from bench.cluster_callables import as_failure
from rootcoz.domain.failure import Failure
from rootcoz.grouping.memory import memory_keys, rank


def rank_all(failure: dict[str, Any], past: list[dict[str, Any]]) -> list[int]:
    """Positions of the past failures, the most similar first."""
    return [found.position for found in rank(as_failure(failure), [as_failure(other) for other in past])]


def rank_found(failure: dict[str, Any], past: list[dict[str, Any]]) -> list[int]:
    """The same among those that share a memory key, as the store finds them."""
    read = [as_failure(other) for other in past]
    keys = set(memory_keys(as_failure(failure)))
    found = [position for position, other in enumerate(read) if not keys.isdisjoint(memory_keys(other))]
    chosen: list[Failure] = [read[position] for position in found]
    return [found[one.position] for one in rank(as_failure(failure), chosen)]
