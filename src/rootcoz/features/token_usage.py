"""What the AI cost."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from rootcoz.domain.analysis import LedgerEntry
from rootcoz.domain.errors import NotFound
from rootcoz.kit.clock import utc_text
from rootcoz.store import token_usage as usage_store
from rootcoz.store.analyses import find_analysis
from rootcoz.store.calls import load_calls_of_none, load_ledger
from rootcoz.store.engine import Database
from rootcoz.store.token_usage import CallFilter, Dimension, Sums

TOP = 5
"""Models and jobs in the summary."""
RECORDS = 1000
"""Of calls that belong to no analysis, which are never all deleted with one."""


class GroupBy(StrEnum):
    """What a breakdown is made by: what the database groups by, and the ISO week."""

    PROVIDER = "provider"
    MODEL = "model"
    CALL_TYPE = "call_type"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a breakdown."""

    label: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Summary:
    """What the last day, week and month cost. The last two are 7 and 30 times 24 hours."""

    today: Sums
    this_week: Sums
    this_month: Sums
    top_models: Sequence[Sums]
    """Of the last 30 days, by provider and model."""
    top_jobs: Sequence[Sums]


def _now() -> datetime:
    return datetime.now(UTC)


class TokenUsage:
    """Reads the ledger of AI calls."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._clock = clock

    async def totals(self, wanted: CallFilter, group_by: GroupBy | None) -> tuple[Sums, Sequence[Group]]:
        """The sums of all calls that fit, and of each group, the dearest first."""
        async with self._database.read() as connection:
            whole = await usage_store.sum_calls(connection, wanted)
            if group_by is None:
                return whole, ()
            if group_by is GroupBy.WEEK:
                days = await usage_store.sum_groups(connection, wanted, Dimension.DAY)
                return whole, _weeks(days)
            groups = await usage_store.sum_groups(connection, wanted, Dimension(group_by))
        return whole, [Group(" / ".join(one.key), one) for one in groups]

    async def summary(self) -> Summary:
        """What the last day, week and month cost, and what cost most."""
        now = self._clock()
        today = CallFilter(since=utc_text(now.replace(hour=0, minute=0, second=0, microsecond=0)))
        week, month = (CallFilter(since=utc_text(now - timedelta(days=days))) for days in (7, 30))
        async with self._database.read() as connection:
            return Summary(
                today=await usage_store.sum_calls(connection, today),
                this_week=await usage_store.sum_calls(connection, week),
                this_month=await usage_store.sum_calls(connection, month),
                top_models=await usage_store.sum_groups(connection, month, Dimension.MODEL, limit=TOP),
                top_jobs=await usage_store.sum_groups(connection, month, Dimension.JOB, limit=TOP),
            )

    async def records(self, job_id: str) -> Sequence[LedgerEntry]:
        """The calls of one analysis, or the newest of those that belong to none, under the name of their type.

        Raises NotFound when there is none.
        """
        async with self._database.read() as connection:
            analysis = await find_analysis(connection, job_id)
            if analysis is not None:
                ledger = await load_ledger(connection, analysis.id)
            else:
                ledger = await load_calls_of_none(connection, job_id.replace("-", "_"), RECORDS)
        if not ledger:
            raise NotFound(f"No AI calls are recorded for {job_id}.")
        return ledger


def _weeks(days: Iterable[Sums]) -> list[Group]:
    """The days put together by ISO week. The two databases have no common word for it."""
    weeks: dict[str, Sums] = {}
    for day in days:
        year, week, _ = date.fromisoformat(day.key[0]).isocalendar()
        label = f"{year}-W{week:02}"
        weeks[label] = _together((label,), weeks.get(label, Sums()), day)
    return [
        Group(label, sums)
        for label, sums in sorted(weeks.items(), key=lambda one: (-one[1].cost_usd, one[0]))
    ]


def _together(key: tuple[str, ...], one: Sums, other: Sums) -> Sums:
    return Sums(
        key,
        calls=one.calls + other.calls,
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cache_read_tokens=one.cache_read_tokens + other.cache_read_tokens,
        cache_write_tokens=one.cache_write_tokens + other.cache_write_tokens,
        cost_usd=one.cost_usd + other.cost_usd,
        duration_ms=one.duration_ms + other.duration_ms,
    )
