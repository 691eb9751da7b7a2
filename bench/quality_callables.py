"""Thin adapters: the product's functions in the shape that quality measurements call."""

import io

from rootcoz.domain.errors import InvalidReport
from rootcoz.sources.junit_xml import read_junit


def junit_failures(data: bytes) -> list[dict[str, str]]:
    """Failing tests of a JUnit XML document; ValueError when it is refused."""
    try:
        report = read_junit(io.BytesIO(data))
    except InvalidReport as error:
        raise ValueError(str(error)) from error
    return [
        {
            "test_name": failure.test_name,
            "error_message": failure.error_message,
            "stack_trace": failure.stack_trace,
        }
        for failure in report.failures
    ]
