"""What those who watch analyses are told."""

from pydantic import BaseModel, Field

from rootcoz.api.schemas.results import StatusName


class ProgressEvent(BaseModel):
    """How far an analysis is. The `data` of a server-sent event."""

    job_id: str
    status: StatusName
    progress_phase: str | None = Field(description="Null until the first phase has begun.")
    groups_total: int | None = Field(description="Null until the failures are grouped.")
    groups_answered: int
    at: str = Field(description="When it got there, UTC, ISO 8601.")
