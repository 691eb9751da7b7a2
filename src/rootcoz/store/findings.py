"""Answers of failure groups, written the moment they arrive, and the ledger of the calls that brought them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import orjson
from pydantic import TypeAdapter
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.analysis import ProviderCall
from rootcoz.domain.failure import ErrorSignature
from rootcoz.domain.finding import Answer, Finding, NoVerdict
from rootcoz.kit.clock import utc_now
from rootcoz.store.schema import findings, provider_calls

_ROWS_AT_ONCE = 200
_FINDING = TypeAdapter(Finding)
_NO_VERDICT = TypeAdapter(NoVerdict)


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """The answer of one group and the calls it took."""

    group_number: int
    signature: ErrorSignature
    answer: Answer
    calls: tuple[ProviderCall, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A kept call."""

    id: str
    call: ProviderCall
    created_at: str


async def save_answers(
    connection: AsyncConnection,
    analysis_id: int,
    answers: Sequence[GroupAnswer],
    *,
    provider: str,
    model: str,
) -> None:
    """Keep the answers and their calls. A group that has an answer already is an error of ours and fails."""
    moment = utc_now()
    await connection.execute(
        insert(findings),
        [
            {
                "analysis_id": analysis_id,
                "group_number": answer.group_number,
                "error_signature": answer.signature.value,
                "signature_version": answer.signature.version,
                "provider": provider,
                "model": model,
                "answer": encode_answer(answer.answer),
                "answered_at": moment,
            }
            for answer in answers
        ],
    )
    rows = [_call_row(analysis_id, call, moment) for answer in answers for call in answer.calls]
    if rows:
        await connection.execute(insert(provider_calls), rows)


async def load_answers(connection: AsyncConnection, analysis_id: int) -> dict[int, bytes]:
    """All answers so far, by group number, for `decode_answers`."""
    query = select(findings.c.group_number, findings.c.answer).where(findings.c.analysis_id == analysis_id)
    rows = await connection.stream(query.execution_options(yield_per=_ROWS_AT_ONCE))
    return {number: answer async for number, answer in rows}


async def answered_groups(connection: AsyncConnection, analysis_id: int) -> set[int]:
    """Numbers of the groups that have an answer."""
    query = select(findings.c.group_number).where(findings.c.analysis_id == analysis_id)
    return set(await connection.scalars(query))


async def count_answers(connection: AsyncConnection, analysis_id: int) -> int:
    """How many groups have an answer."""
    return int(
        await connection.scalar(
            select(func.count()).select_from(findings).where(findings.c.analysis_id == analysis_id)
        )
        or 0
    )


async def load_ledger(connection: AsyncConnection, analysis_id: int) -> list[LedgerEntry]:
    """All calls of the analysis, in the order in which they ended."""
    rows = await connection.execute(
        select(provider_calls)
        .where(provider_calls.c.analysis_id == analysis_id)
        .order_by(provider_calls.c.created_at, provider_calls.c.id)
    )
    return [_entry(row) for row in rows]


def decode_answers(kept: Mapping[int, bytes]) -> dict[int, Answer]:
    """The answers by group number. Takes a while for many: call it in a thread."""
    return {number: decode_answer(answer) for number, answer in kept.items()}


def encode_answer(answer: Answer) -> bytes:
    """The answer as tagged JSON."""
    match answer:
        case Finding():
            return orjson.dumps({"finding": answer})
        case NoVerdict():
            return orjson.dumps({"no_verdict": answer})
        case _:
            assert_never(answer)


def decode_answer(raw: bytes) -> Answer:
    """The reverse of encode_answer."""
    tagged = orjson.loads(raw)
    if "finding" in tagged:
        return _FINDING.validate_python(tagged["finding"])
    return _NO_VERDICT.validate_python(tagged["no_verdict"])


def _call_row(analysis_id: int, call: ProviderCall, moment: str) -> dict[str, object]:
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
        "created_at": moment,
    }


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
