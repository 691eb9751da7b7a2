"""Who did what, when and from where."""

from collections.abc import Sequence

from rootcoz.domain.audit import AuditEntry, AuditRecord
from rootcoz.store import audit as audit_store
from rootcoz.store.audit import AuditFilter
from rootcoz.store.engine import Database


class Audit:
    """The audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, *entries: AuditEntry) -> None:
        """Add lines, in a transaction of their own. What has one already uses `store.audit.record` in it."""
        async with self._database.write() as connection:
            for entry in entries:
                await audit_store.record(connection, entry)

    async def find(self, wanted: AuditFilter, limit: int) -> Sequence[AuditRecord]:
        """The newest lines that fit."""
        async with self._database.read() as connection:
            return await audit_store.list_records(connection, wanted, limit)
