"""Sums over the ledger of AI calls, made by the database."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from operator import eq, ge, le
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.store.schema import analyses, provider_calls

_calls = provider_calls.c


class Dimension(StrEnum):
    """What the database groups calls by."""

    PROVIDER = "provider"
    MODEL = "model"
    """With its provider: two providers may have models of one name."""
    CALL_TYPE = "call_type"
    DAY = "day"
    """UTC, `YYYY-MM-DD`."""
    MONTH = "month"
    """UTC, `YYYY-MM`."""
    JOB = "job"


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls count; what is None does not matter."""

    since: str | None = None
    """First moment, included."""
    until: str | None = None
    """Last moment, included."""
    provider: str | None = None
    model: str | None = None
    call_type: str | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """What some calls used. What a call did not tell counts as nothing."""

    key: tuple[str, ...] = field(default=())
    """The group: one word, or provider and model. Empty without groups."""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    duration_ms: int = 0


_SUMS = (
    func.count(_calls.id),
    *(
        func.coalesce(func.sum(column), 0)
        for column in (
            _calls.input_tokens,
            _calls.output_tokens,
            _calls.cache_read_tokens,
            _calls.cache_write_tokens,
            _calls.cost_usd,
            _calls.duration_ms,
        )
    ),
)
_GROUPS: dict[Dimension, tuple[Any, ...]] = {
    Dimension.PROVIDER: (_calls.provider,),
    Dimension.MODEL: (_calls.provider, _calls.model),
    Dimension.CALL_TYPE: (_calls.call_type,),
    Dimension.DAY: (func.substr(_calls.created_at, 1, 10),),
    Dimension.MONTH: (func.substr(_calls.created_at, 1, 7),),
    # Calls of no analysis stand under their type, as in `comment-intent`.
    Dimension.JOB: (func.coalesce(analyses.c.job_id, func.replace(_calls.call_type, "_", "-")),),
}


async def sum_calls(connection: AsyncConnection, wanted: CallFilter) -> Sums:
    """What the calls used together; zeros when there are none."""
    row = (await connection.execute(select(*_SUMS).where(*_conditions(wanted)))).one()
    return _sums((), row)


async def sum_groups(
    connection: AsyncConnection, wanted: CallFilter, dimension: Dimension, *, limit: int | None = None
) -> list[Sums]:
    """What the calls used, group by group, the dearest first."""
    key = _GROUPS[dimension]
    query = select(*key, *_SUMS).where(*_conditions(wanted)).group_by(*key)
    if dimension is Dimension.JOB:
        query = query.select_from(
            provider_calls.outerjoin(analyses, analyses.c.id == provider_calls.c.analysis_id)
        )
    cost = func.coalesce(func.sum(_calls.cost_usd), 0)
    rows = await connection.execute(query.order_by(cost.desc(), *key).limit(limit))
    return [_sums(tuple(row[: len(key)]), row[len(key) :]) for row in rows]


def _conditions(wanted: CallFilter) -> list[Any]:
    return [
        compare(column, value)
        for column, compare, value in (
            (_calls.created_at, ge, wanted.since),
            (_calls.created_at, le, wanted.until),
            (_calls.provider, eq, wanted.provider),
            (_calls.model, eq, wanted.model),
            (_calls.call_type, eq, wanted.call_type),
        )
        if value is not None
    ]


def _sums(key: tuple[str, ...], values: Iterable[Any]) -> Sums:
    calls, given, received, read, written, cost, duration = values
    # PostgreSQL adds whole numbers up to a decimal one.
    return Sums(
        key, int(calls), int(given), int(received), int(read), int(written), float(cost), int(duration)
    )
