"""What is known about a Jenkins job besides its builds: whose it is and what it is for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobMetadata:
    """Facts about one job, entered by people or assigned by a rule."""

    job_name: str
    team: str | None = None
    tier: str | None = None
    version: str | None = None
    labels: tuple[str, ...] = ()
