"""Clusters as a plain callable, for programs that measure them on recorded failures of known root causes."""

from typing import Any

from rootcoz.domain.failure import Failure
from rootcoz.grouping.cluster import with_clusters
from rootcoz.grouping.groups import group_failures


def as_failure(failure: dict[str, Any]) -> Failure:
    """A failure given with the keys test_class, test_name, error_message, stack_trace."""
    test_class = failure.get("test_class") or ""
    return Failure(
        test_name=f"{test_class}.{failure.get('test_name', '')}".strip("."),
        class_name=test_class,
        error_message=failure.get("error_message") or "",
        stack_trace=failure.get("stack_trace") or "",
    )


def cluster_batch(failures: list[dict[str, Any]]) -> list[str]:
    """For each failure of a build the key of its cluster; of its group when it has no cluster."""
    read = [as_failure(failure) for failure in failures]
    keys = [""] * len(read)
    for group in with_clusters(group_failures(read), read):
        for member in group.members:
            keys[member] = group.cluster.id if group.cluster else f"group {group.number}"
    return keys
