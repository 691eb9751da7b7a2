"""The ledger of AI calls: what each cost, and what it said."""

import uuid
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.analysis import KeptReply, LedgerEntry, PromptUse, ProviderCall
from rootcoz.kit.chunks import Chunk, pack
from rootcoz.kit.clock import utc_now
from rootcoz.store.schema import provider_calls

_TOLD = [column for column in provider_calls.c if column.name != "reply"]


async def save_call(
    connection: AsyncConnection,
    analysis_id: int | None,
    key: str,
    call: ProviderCall,
    reply: KeptReply | None,
) -> None:
    """Keep a call that has just returned. `key` names it within the analysis; `reply` is None when it failed.

    A call that belongs to no analysis is found by its type alone.
    """
    await connection.execute(insert(provider_calls), [_call_row(analysis_id, key, call, reply)])


async def load_replies(connection: AsyncConnection, analysis_id: int) -> dict[str, KeptReply]:
    """What was said so far, by key. Calls that failed are left out."""
    rows = await connection.execute(
        select(
            provider_calls.c.call_key,
            provider_calls.c.reply,
            provider_calls.c.reply_size,
            provider_calls.c.truncated,
        ).where(provider_calls.c.analysis_id == analysis_id, provider_calls.c.reply.is_not(None))
    )
    return {key: KeptReply(_unpacked(reply, size), bool(truncated)) for key, reply, size, truncated in rows}


async def load_calls_of_none(connection: AsyncConnection, call_type: str, limit: int) -> list[LedgerEntry]:
    """The newest calls of that type that belong to no analysis."""
    rows = await connection.execute(
        select(*_TOLD)
        .where(provider_calls.c.analysis_id.is_(None), provider_calls.c.call_type == call_type)
        .order_by(provider_calls.c.created_at.desc(), provider_calls.c.id)
        .limit(limit)
    )
    return [_entry(row) for row in rows]


async def load_ledger(connection: AsyncConnection, analysis_id: int) -> list[LedgerEntry]:
    """All calls of the analysis, in the order in which they ended."""
    rows = await connection.execute(
        select(*_TOLD)
        .where(provider_calls.c.analysis_id == analysis_id)
        .order_by(provider_calls.c.created_at, provider_calls.c.call_key)
    )
    return [_entry(row) for row in rows]


def _call_row(
    analysis_id: int | None, key: str, call: ProviderCall, reply: KeptReply | None
) -> dict[str, object]:
    text = None if reply is None else reply.text.encode("utf-8", "replace")
    return {
        "id": str(uuid.uuid4()),
        "analysis_id": analysis_id,
        "call_type": call.call_type,
        "provider": call.provider,
        "model": call.model,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cache_read_tokens": call.cache_read_tokens,
        "cache_write_tokens": call.cache_write_tokens,
        "cost_usd": call.cost_usd,
        "duration_ms": call.duration_ms,
        "prompt_chars": call.prompt_chars,
        "response_chars": call.reply_chars,
        "error": call.error,
        "call_key": key,
        "reply": None if text is None else pack(text),
        "reply_size": 0 if text is None else len(text),
        "truncated": int(reply is not None and reply.truncated),
        "created_at": utc_now(),
        "prompts": [asdict(use) for use in call.prompts],
    }


def _unpacked(reply: bytes, size: int) -> str:
    return Chunk(reply, size, compressed=True).unpack().decode("utf-8")


def _entry(row: Any) -> LedgerEntry:  # noqa: ANN401 - a row of provider_calls
    call = ProviderCall(
        call_type=row.call_type,
        provider=row.provider,
        model=row.model,
        duration_ms=row.duration_ms,
        prompt_chars=row.prompt_chars,
        reply_chars=row.response_chars,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_tokens=row.cache_write_tokens,
        cost_usd=row.cost_usd,
        error=row.error,
        prompts=tuple(PromptUse(**use) for use in row.prompts or ()),
    )
    return LedgerEntry(row.id, call, row.created_at)


def total_cost(calls: Iterable[ProviderCall]) -> float | None:
    """The sum in US dollars; None as soon as one call's cost is unknown."""
    total = 0.0
    for call in calls:
        if call.cost_usd is None:
            return None
        total += call.cost_usd
    return total
