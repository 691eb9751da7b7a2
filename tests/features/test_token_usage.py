from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.support.analyses import added

from rootcoz.domain.analysis import ProviderCall
from rootcoz.features.token_usage import Group, GroupBy, TokenUsage
from rootcoz.store.calls import save_call
from rootcoz.store.engine import Database
from rootcoz.store.schema import provider_calls
from rootcoz.store.token_usage import CallFilter

NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)
CALLS = [
    # job, provider, model, type, when, tokens in and out, cost
    ("a", "claude", "opus", "primary", "2026-01-08T11:00:00.000Z", 100, 10, 1.0),
    ("a", "claude", "opus", "peer", "2026-01-04T23:59:59.999Z", 200, 20, 0.5),  # Sunday of ISO week 1
    ("a", "openai", "opus", "peer", "2026-01-05T00:00:00.000Z", 300, 30, None),  # Monday of week 2
    (
        "b",
        "gemini",
        "pro",
        "primary",
        "2025-12-29T08:00:00.000Z",
        400,
        40,
        4.0,
    ),  # Monday of ISO week 1 of 2026
    ("b", "gemini", "pro", "primary", "2025-11-01T08:00:00.000Z", None, None, 8.0),
]


@pytest.fixture
async def usage(tmp_path: Path) -> AsyncIterator[TokenUsage]:
    database = await Database.open(tmp_path)
    ids = {job: await added(database, job) for job in ("a", "b", "no-calls")}
    async with database.write() as connection:
        for number, (job, provider, model, kind, when, given, received, cost) in enumerate(CALLS):
            call = ProviderCall(
                kind,
                provider,
                model,
                1000 + number,
                5,
                6,
                input_tokens=given,
                output_tokens=received,
                cost_usd=cost,
            )
            await save_call(connection, ids[job], f"call {number}", call, None)
            await connection.execute(
                update(provider_calls)
                .where(provider_calls.c.call_key == f"call {number}")
                .values(created_at=when)
            )
    yield TokenUsage(database, lambda: NOW)
    await database.close()


def shown(groups: object) -> list[tuple[str, int, float]]:
    assert isinstance(groups, list)
    return [(one.label, one.sums.calls, one.sums.cost_usd) for one in groups if isinstance(one, Group)]


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        ("provider", [("gemini", 2, 12.0), ("claude", 2, 1.5), ("openai", 1, 0.0)]),
        ("model", [("gemini / pro", 2, 12.0), ("claude / opus", 2, 1.5), ("openai / opus", 1, 0.0)]),
        ("call_type", [("primary", 3, 13.0), ("peer", 2, 0.5)]),
        ("month", [("2025-11", 1, 8.0), ("2025-12", 1, 4.0), ("2026-01", 3, 1.5)]),
        ("job", [("b", 2, 12.0), ("a", 3, 1.5)]),
        ("week", [("2025-W44", 1, 8.0), ("2026-W01", 2, 4.5), ("2026-W02", 2, 1.0)]),
        (
            "day",
            [
                ("2025-11-01", 1, 8.0),
                ("2025-12-29", 1, 4.0),
                ("2026-01-08", 1, 1.0),
                ("2026-01-04", 1, 0.5),
                ("2026-01-05", 1, 0.0),
            ],
        ),
    ],
)
async def test_groups_come_with_the_dearest_first(
    usage: TokenUsage, dimension: str, expected: list[tuple[str, int, float]]
) -> None:
    whole, groups = await usage.totals(CallFilter(), GroupBy(dimension))

    assert shown(groups) == expected
    assert sum(group.sums.duration_ms for group in groups) == whole.duration_ms == 5010
    assert sum(group.sums.input_tokens for group in groups) == whole.input_tokens == 1000


@pytest.mark.parametrize(
    ("wanted", "calls"),
    [
        (CallFilter(), 5),
        (CallFilter(since="2026-01-05T00:00:00.000Z"), 2),
        (CallFilter(until="2026-01-04T23:59:59.999Z"), 3),
        (CallFilter(provider="claude", call_type="peer"), 1),
        (CallFilter(model="opus"), 3),
        (CallFilter(model="none"), 0),
    ],
)
async def test_filters_keep_what_fits(usage: TokenUsage, wanted: CallFilter, calls: int) -> None:
    whole, groups = await usage.totals(wanted, None)

    assert (whole.calls, groups) == (calls, ())


async def test_the_summary_is_of_today_of_seven_and_of_thirty_days(usage: TokenUsage) -> None:
    summary = await usage.summary()

    assert (summary.today.calls, summary.this_week.calls, summary.this_month.calls) == (1, 3, 4)
    assert [(one.key, one.cost_usd) for one in summary.top_jobs] == [(("b",), 4.0), (("a",), 1.5)]
    assert summary.top_models[0].key == ("gemini", "pro")
