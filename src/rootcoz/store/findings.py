"""Answers of failure groups, written the moment they arrive."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import orjson
from pydantic import TypeAdapter
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.debate import Debate
from rootcoz.domain.failure import ErrorSignature
from rootcoz.domain.finding import Answer, Finding, NoVerdict
from rootcoz.kit.clock import utc_now
from rootcoz.store.schema import findings

_ROWS_AT_ONCE = 200
_FINDING = TypeAdapter(Finding)
_DEBATE = TypeAdapter(Debate)
_NO_VERDICT = TypeAdapter(NoVerdict)


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """The answer of one group."""

    group_number: int
    signature: ErrorSignature
    answer: Answer
    debate: Debate | None = None
    """How the peers judged it; None when none were asked."""


async def save_answers(
    connection: AsyncConnection,
    analysis_id: int,
    answers: Sequence[GroupAnswer],
    *,
    provider: str,
    model: str,
) -> None:
    """Keep the answers, given by that provider unless they say otherwise.

    A group that has an answer already is an error of ours and fails.
    """
    moment = utc_now()
    await connection.execute(
        insert(findings),
        [
            {
                "analysis_id": analysis_id,
                "group_number": answer.group_number,
                "error_signature": answer.signature.value,
                "signature_version": answer.signature.version,
                "provider": answer.answer.stand_in.provider if answer.answer.stand_in else provider,
                "model": "" if answer.answer.stand_in else model,
                "answer": encode_answer(answer.answer),
                "debate": None if answer.debate is None else orjson.dumps(answer.debate),
                "answered_at": moment,
            }
            for answer in answers
        ],
    )


async def load_answers(
    connection: AsyncConnection, analysis_id: int, groups: Container[int] | None = None
) -> dict[int, bytes]:
    """All answers so far, by group number, for `decode_answers`; `groups`: only theirs."""
    query = select(findings.c.group_number, findings.c.answer).where(findings.c.analysis_id == analysis_id)
    rows = await connection.stream(query.execution_options(yield_per=_ROWS_AT_ONCE))
    return {number: answer async for number, answer in rows if groups is None or number in groups}


async def load_debates(connection: AsyncConnection, analysis_id: int) -> dict[int, bytes]:
    """The debates so far, by group number, for `decode_debates`."""
    query = select(findings.c.group_number, findings.c.debate).where(
        findings.c.analysis_id == analysis_id, findings.c.debate.is_not(None)
    )
    rows = await connection.stream(query.execution_options(yield_per=_ROWS_AT_ONCE))
    return {number: debate async for number, debate in rows}


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


def decode_answers(kept: Mapping[int, bytes]) -> dict[int, Answer]:
    """The answers by group number. Takes a while for many: call it in a thread."""
    return {number: decode_answer(answer) for number, answer in kept.items()}


def decode_debates(kept: Mapping[int, bytes]) -> dict[int, Debate]:
    """The debates by group number. Takes a while for many: call it in a thread."""
    return {number: _DEBATE.validate_json(debate) for number, debate in kept.items()}


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
