"""Spans of time in query strings."""

from collections.abc import Callable

from rootcoz.api.errors import InvalidFields
from rootcoz.kit.time_bounds import first_moment, last_moment


def span(start_date: str | None, end_date: str | None) -> tuple[str | None, str | None]:
    """First and last moment, both included; a blank one is no limit. Raises InvalidFields."""
    since = _moment("start_date", start_date, first_moment)
    until = _moment("end_date", end_date, last_moment)
    if since and until and since > until:
        raise _wrong("end_date", "must not be before start_date")
    return since, until


def _moment(name: str, text: str | None, read: Callable[[str], str]) -> str | None:
    if text is None or not text.strip():
        return None
    try:
        return read(text)
    except ValueError as error:
        raise _wrong(name, str(error)) from None


def _wrong(name: str, message: str) -> InvalidFields:
    return InvalidFields([{"type": "value_error", "loc": ["query", name], "msg": message}])
