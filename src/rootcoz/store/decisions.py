"""What people decided of failures, across all analyses: the team's memory."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.failure import ErrorSignature
from rootcoz.domain.review import PastDecision
from rootcoz.store.schema import analyses, overrides

DECISIONS_SHOWN = 5
"""Decisions on one signature that are told, the newest; more say nothing new."""
_SIGNATURES_AT_ONCE = 500

Decisions = dict[ErrorSignature, list[PastDecision]]
"""The newest decision first; a signature that nobody has judged is missing."""


async def past_decisions(
    connection: AsyncConnection, signatures: Collection[ErrorSignature], *, but: int | None = None
) -> Decisions:
    """The standing overrides of failures with these signatures, whichever rules made them.

    `but` is the row id of an analysis whose own are left out.
    """
    found: Decisions = {}
    wanted = list(dict.fromkeys(signatures))
    for start in range(0, len(wanted), _SIGNATURES_AT_ONCE):
        await _look_up(connection, wanted[start : start + _SIGNATURES_AT_ONCE], but, found)
    return found


async def _look_up(
    connection: AsyncConnection, signatures: Collection[ErrorSignature], but: int | None, found: Decisions
) -> None:
    query = (
        select(overrides, analyses.c.job_id)
        .join(analyses, analyses.c.id == overrides.c.analysis_id)
        .where(
            overrides.c.error_signature.in_({signature.value for signature in signatures}),
            overrides.c.undone_at.is_(None),
        )
        .order_by(overrides.c.created_at.desc(), overrides.c.id.desc())
    )
    if but is not None:
        query = query.where(overrides.c.analysis_id != but)
    overtaken = set()
    for row in await connection.execute(query):
        signature = ErrorSignature(row.error_signature, row.signature_version)
        group = (row.analysis_id, row.child_job_name, row.child_build_number, row.group_number)
        known = found.setdefault(signature, [])
        if group in overtaken or len(known) == DECISIONS_SHOWN:
            continue
        overtaken.add(group)
        known.append(PastDecision(row.classification, row.username, row.created_at, row.job_id))
