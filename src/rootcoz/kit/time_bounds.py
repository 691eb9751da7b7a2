"""The ends of a span of time as people write them: a date or a moment, in the product's spelling of moments."""

import re
from datetime import UTC, date, datetime

from rootcoz.kit.clock import utc_text

_LOST_PLUS = re.compile(r"(\d[T ]\d\d:?\d\d\S*) (\d\d:?\d\d)")
"""`+02:00` arrives as ` 02:00` from a query string that was not encoded."""


def first_moment(text: str) -> str:
    """The beginning of a day (UTC), or a moment. Raises ValueError with a sentence."""
    day = _day(text)
    return f"{day.isoformat()}T00:00:00.000Z" if day else _moment(text)


def last_moment(text: str) -> str:
    """The end of a day (UTC), or a moment; one without fractions means its whole second. Raises ValueError."""
    day = _day(text)
    if day:
        return f"{day.isoformat()}T23:59:59.999Z"
    moment = _moment(text)
    return moment if re.search(r"[.,]\d", text) else moment.replace(".000Z", ".999Z")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _moment(text: str) -> str:
    try:
        parsed = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text.strip()))
        return utc_text(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise ValueError(
            "must be a date such as 2026-05-31 or a moment such as 2026-05-31T12:00:00Z or 2026-05-31T14:00:00+02:00"
        ) from None
