"""Logs as events with fields, one line each, on standard error."""

import logging
import sys

import structlog

# Without the values of variables, which may be secrets and whole reports.
_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure_logs(level: str) -> None:
    """Send everything from `level` (DEBUG, INFO, WARNING or ERROR) on to standard error."""
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
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
