"""The audit log. Lines are added and read; there is no function that changes or removes one."""

from dataclasses import dataclass
from operator import eq, ge, le, lt

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.audit import Action, AuditEntry, AuditRecord, Outcome
from rootcoz.kit.clock import utc_now
from rootcoz.store.schema import audit_log

_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines are wanted; what is None does not matter."""

    actor: str | None = None
    action: Action | None = None
    target: str | None = None
    outcome: Outcome | None = None
    address: str | None = None
    since: str | None = None
    """First moment, included."""
    until: str | None = None
    """Last moment, included."""
    before_id: int | None = None
    """Only lines older than this one."""


async def record(connection: AsyncConnection, entry: AuditEntry) -> None:
    """Add a line, in the transaction of what it tells about."""
    await connection.execute(
        insert(audit_log).values(
            at=utc_now(),
            actor=entry.actor[:_TEXT_LIMIT],
            action=entry.action,
            target=entry.target[:_TEXT_LIMIT],
            outcome=entry.outcome,
            address=entry.address[:_TEXT_LIMIT],
            detail=entry.detail[:_TEXT_LIMIT],
        )
    )


async def list_records(connection: AsyncConnection, wanted: AuditFilter, limit: int) -> list[AuditRecord]:
    """The newest lines that fit."""
    log = audit_log.c
    conditions = [
        compare(column, value)
        for column, compare, value in (
            (log.actor, eq, wanted.actor),
            (log.action, eq, wanted.action),
            (log.target, eq, wanted.target),
            (log.outcome, eq, wanted.outcome),
            (log.address, eq, wanted.address),
            (log.at, ge, wanted.since),
            (log.at, le, wanted.until),
            (log.id, lt, wanted.before_id),
        )
        if value is not None
    ]
    rows = await connection.execute(select(audit_log).where(*conditions).order_by(log.id.desc()).limit(limit))
    return [
        AuditRecord(
            row.id,
            row.at,
            AuditEntry(
                action=Action(row.action),
                actor=row.actor,
                address=row.address,
                target=row.target,
                outcome=Outcome(row.outcome),
                detail=row.detail,
            ),
        )
        for row in rows
    ]
