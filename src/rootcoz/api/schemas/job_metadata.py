"""Requests and replies about jobs' metadata."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

JobName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Word = Annotated[str, StringConstraints(max_length=500)]
Labels = Annotated[list[Word], Field(max_length=200)]


class JobMetadataItem(BaseModel):
    """What is known about one job."""

    job_name: str = Field(description="Jenkins job name.")
    team: str | None = Field(description="Team owner.")
    tier: str | None = Field(description="Service tier.")
    version: str | None = Field(description="Version or release label.")
    labels: list[str] = Field(description="Arbitrary labels.")


class JobMetadataChange(BaseModel):
    """New values. Fields that are left out stay as they are; null clears one, [] clears the labels."""

    team: Word | None = None
    tier: Word | None = None
    version: Word | None = None
    labels: Labels = []


class JobMetadataImport(BaseModel):
    """All that is to be known about one job."""

    job_name: JobName
    team: Word | None = None
    tier: Word | None = None
    version: Word | None = None
    labels: Labels = []


class JobMetadataBulkRequest(BaseModel):
    """Jobs to import. Each item replaces what was known about its job; of several for one job the last counts."""

    items: list[JobMetadataImport] = Field(min_length=1, max_length=1000)


class JobMetadataBulkResponse(BaseModel):
    """What was imported."""

    updated: int = Field(description="Number of imported metadata rows.")


class JobMetadataDeleted(BaseModel):
    """What was forgotten."""

    status: Literal["deleted"]
    job_name: str


class MetadataRuleItem(BaseModel):
    """A rule as it is written; fields that it does not name are absent."""

    pattern: str = Field(description="Glob pattern or full regex with named groups.")
    team: str | None = None
    tier: str | None = None
    version: str | None = None
    labels: list[str] | None = None


class MetadataRulesResponse(BaseModel):
    """The rules as they are loaded now."""

    rules_file: str | None = Field(description="Basename of the configured rules file, or null.")
    rules: list[MetadataRuleItem]


class RulesPreviewRequest(BaseModel):
    """A name to try the rules on."""

    job_name: JobName


class RulesPreviewResponse(BaseModel):
    """What the rules would assign."""

    job_name: str
    matched: bool = Field(description="Whether at least one rule matched.")
    metadata: JobMetadataItem | None
