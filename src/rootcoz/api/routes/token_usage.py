"""Section Admin of the reference: what the AI cost."""

from typing import Annotated

from fastapi import APIRouter, Query

from rootcoz.api.auth import Administrator, ServicesOf
from rootcoz.api.openapi import NEEDS_KEY
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.requests import Text
from rootcoz.api.schemas.token_usage import (
    JobTokenUsage,
    JobUsage,
    ModelUsage,
    PeriodUsage,
    TokenUsage,
    TokenUsageGroup,
    TokenUsageRecord,
    TokenUsageSummary,
)
from rootcoz.api.spans import span
from rootcoz.domain.analysis import LedgerEntry
from rootcoz.features.token_usage import Group, GroupBy
from rootcoz.store.token_usage import CallFilter, Sums

router = APIRouter(prefix="/api/admin/token-usage", tags=["Admin"])


@router.get("", responses=error_responses(403, 422), openapi_extra=NEEDS_KEY)
async def token_usage(
    services: ServicesOf,
    _who: Administrator,
    start_date: Annotated[
        str | None, Query(description="First date or moment, included. Without a zone: UTC.")
    ] = None,
    end_date: Annotated[
        str | None,
        Query(
            description="Last date or moment, included; a date includes the full day. Without a zone: UTC."
        ),
    ] = None,
    ai_provider: Annotated[Text | None, Query(description="AI provider filter.")] = None,
    ai_model: Annotated[Text | None, Query(description="AI model filter.")] = None,
    call_type: Annotated[Text | None, Query(description="Call-type filter.")] = None,
    group_by: Annotated[
        GroupBy | None, Query(description="Breakdown dimension. Weeks are ISO weeks.")
    ] = None,
) -> TokenUsage:
    """Return aggregated AI token usage. Calls of deleted analyses are not counted."""
    since, until = span(start_date, end_date)
    wanted = CallFilter(since, until, ai_provider or None, ai_model or None, call_type or None)
    whole, groups = await services.token_usage.totals(wanted, group_by)
    return TokenUsage(
        total_input_tokens=whole.input_tokens,
        total_output_tokens=whole.output_tokens,
        total_cache_read_tokens=whole.cache_read_tokens,
        total_cache_write_tokens=whole.cache_write_tokens,
        total_cost_usd=whole.cost_usd,
        total_calls=whole.calls,
        total_duration_ms=whole.duration_ms,
        breakdown=[_group(group) for group in groups],
    )


@router.get("/summary", responses=error_responses(403), openapi_extra=NEEDS_KEY)
async def token_usage_summary(services: ServicesOf, _who: Administrator) -> TokenUsageSummary:
    """Return rolling token-usage summary cards."""
    summary = await services.token_usage.summary()
    return TokenUsageSummary(
        today=_period(summary.today),
        this_week=_period(summary.this_week),
        this_month=_period(summary.this_month),
        top_models=[
            ModelUsage(provider=one.key[0], model=one.key[1], calls=one.calls, cost_usd=one.cost_usd)
            for one in summary.top_models
        ],
        top_jobs=[
            JobUsage(job_id=one.key[0], calls=one.calls, cost_usd=one.cost_usd) for one in summary.top_jobs
        ],
    )


@router.get("/{job_id}", responses=error_responses(403, 404, 422), openapi_extra=NEEDS_KEY)
async def job_token_usage(job_id: Text, services: ServicesOf, _who: Administrator) -> JobTokenUsage:
    """Return raw token-usage records for one analysis job."""
    records = await services.token_usage.records(job_id)
    return JobTokenUsage(job_id=job_id, records=[_record(job_id, entry) for entry in records])


def _group(group: Group) -> TokenUsageGroup:
    sums = group.sums
    return TokenUsageGroup(
        group_key=group.label,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cache_read_tokens=sums.cache_read_tokens,
        cache_write_tokens=sums.cache_write_tokens,
        cost_usd=sums.cost_usd,
        call_count=sums.calls,
        avg_duration_ms=sums.duration_ms // sums.calls,
    )


def _period(sums: Sums) -> PeriodUsage:
    return PeriodUsage(
        calls=sums.calls,
        tokens=sums.input_tokens + sums.output_tokens,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost_usd=sums.cost_usd,
    )


def _record(job_id: str, entry: LedgerEntry) -> TokenUsageRecord:
    call = entry.call
    given, received = call.input_tokens or 0, call.output_tokens or 0
    return TokenUsageRecord(
        id=entry.id,
        job_id=job_id,
        ai_provider=call.provider,
        ai_model=call.model,
        call_type=call.call_type,
        input_tokens=given,
        output_tokens=received,
        cache_read_tokens=call.cache_read_tokens or 0,
        cache_write_tokens=call.cache_write_tokens or 0,
        total_tokens=given + received,
        cost_usd=call.cost_usd,
        duration_ms=call.duration_ms,
        prompt_chars=call.prompt_chars,
        response_chars=call.reply_chars,
        created_at=entry.created_at,
    )
