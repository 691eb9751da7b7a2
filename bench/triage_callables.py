"""Callables for measuring the built-in analyser against labelled failures.

A case is a dictionary with `error_message` and perhaps `stack_trace` and `test_name`; other keys are
not part of a failure and are not read. The answer is a classification, or None for an abstention.
"""

from collections.abc import Mapping

from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Answer, Finding
from rootcoz.triage import judge


def answer(case: Mapping[str, object]) -> Answer:
    """Judge one case."""
    test_name = str(case.get("test_name", ""))
    return judge(
        Failure(
            test_name=test_name,
            error_message=str(case.get("error_message", "")),
            stack_trace=str(case.get("stack_trace", "")),
            class_name=test_name.rpartition(".")[0],
        )
    )


def confident(case: Mapping[str, object]) -> tuple[str, float] | None:
    """Classify one case, and say how sure that is; None for an abstention."""
    judged = answer(case)
    return (judged.classification.value, judged.confidence or 0.0) if isinstance(judged, Finding) else None


def triage(case: Mapping[str, object]) -> str | None:
    """Classify one case."""
    judged = answer(case)
    return judged.classification.value if isinstance(judged, Finding) else None
