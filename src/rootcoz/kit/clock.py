"""Time as the product writes it: UTC, ISO 8601, milliseconds, `Z`."""

from datetime import UTC, datetime


def utc_now() -> str:
    """The present moment, for example `2026-03-01T07:15:02.113Z`. Sorts as text in order of time."""
    return utc_text(datetime.now(UTC))


def utc_day() -> str:
    """The present day of UTC, for example `2026-03-01`."""
    return utc_now()[:10]


def utc_text(moment: datetime) -> str:
    """`moment` (which must know its zone) in the product's spelling."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_moment(text: str) -> float:
    """Seconds since 1970-01-01 UTC of a moment in the product's spelling."""
    return datetime.fromisoformat(text).timestamp()
