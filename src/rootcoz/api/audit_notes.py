"""Lines of the audit log about results."""

from rootcoz.api.auth import Requester
from rootcoz.domain.audit import Action, AuditEntry
from rootcoz.kit.head_tail import shortened
from rootcoz.wiring import Services

DETAIL_LIMIT = 300
"""Characters of a line's detail."""


async def note(services: Services, who: Requester, action: Action, job_id: str, detail: str) -> None:
    """Write down who did what to a result."""
    entry = AuditEntry(action, who.name, who.address, target=job_id, detail=shortened(detail, DETAIL_LIMIT))
    await services.audit.record(entry)
