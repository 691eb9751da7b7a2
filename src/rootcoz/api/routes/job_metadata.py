"""Section Metadata of the reference: what is known about Jenkins jobs."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query

from rootcoz.api.auth import Administrator, Anyone, ServicesOf
from rootcoz.api.name_paths import named
from rootcoz.api.openapi import NEEDS_KEY
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.job_metadata import (
    JobMetadataBulkRequest,
    JobMetadataBulkResponse,
    JobMetadataChange,
    JobMetadataDeleted,
    JobMetadataItem,
    MetadataRuleItem,
    MetadataRulesResponse,
    RulesPreviewRequest,
    RulesPreviewResponse,
)
from rootcoz.api.schemas.requests import Text
from rootcoz.domain.job_metadata import JobMetadata

router = APIRouter(tags=["Metadata"])

JobNamePath = Annotated[
    str, Path(min_length=1, max_length=2_000, description="Jenkins job name, folders and all.")
]


@router.get("/api/jobs/metadata", responses=error_responses(401, 422))
async def list_job_metadata(
    services: ServicesOf,
    team: Annotated[Text, Query(description="Exact team filter.")] = "",
    tier: Annotated[Text, Query(description="Exact tier filter.")] = "",
    version: Annotated[Text, Query(description="Exact version filter.")] = "",
    label: Annotated[
        list[Text], Query(description="Repeated label filter. All requested labels must be present.")
    ] = [],  # noqa: B006 - the framework copies defaults
) -> list[JobMetadataItem]:
    """List stored job metadata, by name."""
    given = {"team": team, "tier": tier, "version": version}
    filters = {column: value for column, value in given.items() if value}
    return [
        _item(job) for job in await services.job_metadata.matching(filters, [one for one in label if one])
    ]


@router.put(
    "/api/jobs/metadata/bulk", responses=error_responses(400, 401, 403, 413, 422), openapi_extra=NEEDS_KEY
)
async def import_job_metadata(
    body: JobMetadataBulkRequest, services: ServicesOf, _who: Administrator
) -> JobMetadataBulkResponse:
    """Import the metadata of many jobs. Each item replaces what was known about its job. Admin-only."""
    jobs = [
        JobMetadata(item.job_name, item.team, item.tier, item.version, _labels(item.labels))
        for item in body.items
    ]
    await services.job_metadata.replace(jobs)
    return JobMetadataBulkResponse(updated=len(jobs))


@router.get(
    "/api/jobs/metadata/rules", responses=error_responses(401, 422), response_model_exclude_unset=True
)
async def list_metadata_rules(services: ServicesOf) -> MetadataRulesResponse:
    """Return the currently loaded metadata rules."""
    rules = (await services.job_metadata.rules()).rules
    return MetadataRulesResponse(
        rules_file=services.job_metadata.rules_file,
        rules=[
            MetadataRuleItem(**{name: value for name, value in asdict(rule).items() if value is not None})
            for rule in rules
        ],
    )


@router.post("/api/jobs/metadata/rules/preview", responses=error_responses(400, 401, 413, 422))
async def preview_metadata_rules(
    body: RulesPreviewRequest, services: ServicesOf, _who: Anyone
) -> RulesPreviewResponse:
    """Return the metadata that the current rules would assign to one job name. Nothing is stored."""
    found = await services.job_metadata.preview(body.job_name)
    return RulesPreviewResponse(
        job_name=body.job_name, matched=found is not None, metadata=None if found is None else _item(found)
    )


@router.get(f"/api/jobs/{named('job_name')}/metadata", responses=error_responses(401, 404, 422))
async def get_job_metadata(job_name: JobNamePath, services: ServicesOf) -> JobMetadataItem:
    """Return the metadata of one job."""
    return _item(await services.job_metadata.of(job_name))


@router.put(
    f"/api/jobs/{named('job_name')}/metadata",
    responses=error_responses(400, 401, 403, 413, 422),
    openapi_extra=NEEDS_KEY,
)
async def change_job_metadata(
    job_name: JobNamePath, body: JobMetadataChange, services: ServicesOf, _who: Administrator
) -> JobMetadataItem:
    """Create or update the metadata of one job; what is left out stays as it is. Admin-only."""
    changes: dict[str, object] = body.model_dump(include=body.model_fields_set)
    if "labels" in changes:
        changes["labels"] = list(_labels(body.labels))
    return _item(await services.job_metadata.change(job_name, changes))


@router.delete(
    f"/api/jobs/{named('job_name')}/metadata",
    responses=error_responses(401, 403, 404, 422),
    openapi_extra=NEEDS_KEY,
)
async def delete_job_metadata(
    job_name: JobNamePath, services: ServicesOf, _who: Administrator
) -> JobMetadataDeleted:
    """Delete the metadata of one job. Admin-only."""
    await services.job_metadata.delete(job_name)
    return JobMetadataDeleted(status="deleted", job_name=job_name)


def _labels(labels: list[str]) -> tuple[str, ...]:
    """Each once, in the order given."""
    return tuple(dict.fromkeys(labels))


def _item(job: JobMetadata) -> JobMetadataItem:
    return JobMetadataItem(
        job_name=job.job_name, team=job.team, tier=job.tier, version=job.version, labels=list(job.labels)
    )
