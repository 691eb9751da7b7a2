"""Failures without their secrets."""

from dataclasses import replace

from rootcoz.domain.failure import Failure
from rootcoz.evidence.secrets import redact


def without_secrets(failure: Failure) -> Failure:
    """The failure with known shapes of secrets removed from its texts; lines keep their numbers."""
    return replace(
        failure,
        error_message=redact(failure.error_message).text,
        stack_trace=redact(failure.stack_trace).text,
        output=redact(failure.output).text,
    )
