"""The failures of one analysis, grouped by their signature."""

from collections.abc import Sequence

from rootcoz.domain.failure import Failure, FailureGroup
from rootcoz.grouping.signature import error_signature


def says_nothing(failure: Failure) -> bool:
    """Whether there is no text by which it could be known again."""
    return not failure.error_message.strip() and not failure.stack_trace.strip()


def group_failures(failures: Sequence[Failure]) -> tuple[FailureGroup, ...]:
    """The groups in the order of their first members, numbered from 1.

    Failures with neither message nor stack trace share a signature but tell nothing about being the same failure: they
    are one group for each test name.
    """
    members: dict[tuple[str, str], list[int]] = {}
    signatures = [error_signature(failure) for failure in failures]
    for index, (failure, signature) in enumerate(zip(failures, signatures, strict=True)):
        name = failure.test_name if says_nothing(failure) else ""
        members.setdefault((signature.value, name), []).append(index)
    return tuple(
        FailureGroup(number, signatures[indices[0]], failures[indices[0]], tuple(indices))
        for number, indices in enumerate(members.values(), start=1)
    )
