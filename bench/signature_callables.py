"""The signature as plain callables, for programs that measure grouping on recorded failures and logs."""

from typing import Any

from rootcoz.domain.failure import Failure
from rootcoz.grouping.noise import normalise_line
from rootcoz.grouping.signature import error_signature


def normalise(message: str) -> str:
    """One log line without its noise."""
    return normalise_line(message)


def signature(failure: dict[str, Any]) -> str:
    """The signature's value of a failure given with the keys test_class, test_name, error_message, stack_trace."""
    return error_signature(
        Failure(
            test_name=f"{failure.get('test_class', '')}.{failure.get('test_name', '')}",
            error_message=failure.get("error_message") or "",
            stack_trace=failure.get("stack_trace") or "",
        )
    ).value
