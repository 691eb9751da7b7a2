"""Logs as events with fields, one line each, on standard error."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# Without the values of variables, which may be secrets and whole reports.
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


_SECRET_NAME = re.compile(
    r"(?i)(^|_)(passw(or)?d|secret|token|pat|api_?key|authorization|cookie|credentials?)s?$"
)
"""Fields of these names are not written. Counts of tokens have other names: `input_tokens` is a number."""


def without_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The event without the values of fields that are named like secrets; a number is none."""
    for name, value in event.items():
        if isinstance(value, dict):
            event[name] = without_secrets(_logger, _method, dict(value))
        elif value and not isinstance(value, int | float) and _SECRET_NAME.search(name):
            event[name] = "[removed]"
    return event


def configure_logs(level: str) -> None:
    """Send everything from `level` (DEBUG, INFO, WARNING or ERROR) on to standard error."""
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            without_secrets,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_TRACEBACK)
            if level != "DEBUG"
            else structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, force=True)
