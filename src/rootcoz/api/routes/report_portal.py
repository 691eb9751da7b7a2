"""Pushing classifications into Report Portal, of section Results of the reference."""

from typing import Annotated

from fastapi import APIRouter, Query

from rootcoz.api.audit_notes import note
from rootcoz.api.auth import ServicesOf, Writer
from rootcoz.api.schemas.errors import ErrorBody, error_responses
from rootcoz.api.schemas.report_portal import PushResponse, PushTarget
from rootcoz.domain.audit import Action

router = APIRouter(tags=["Results"])


@router.post(
    "/results/{job_id}/push-reportportal",
    responses={
        202: {"model": ErrorBody, "description": "The analysis is still in progress: nothing was pushed."},
        **error_responses(400, 401, 403, 404, 409, 422),
    },
)
async def push_reportportal(
    job_id: str, services: ServicesOf, who: Writer, target: Annotated[PushTarget, Query()]
) -> PushResponse:
    """Push stored classifications into Report Portal: defect types, comments and links of a launch's failed items.

    What goes wrong at Report Portal is told in errors, with status 200.
    """
    report = await services.report_portal().push(
        job_id,
        child_job_name=target.child_job_name or "",
        child_build_number=target.child_build_number or 0,
        launch=target.launch(),
    )
    await note(
        services, who, Action.RESULT_PUSHED, job_id, f"launch {report.launch_id}: {report.pushed} pushed"
    )
    return PushResponse(
        pushed=report.pushed,
        unchanged=report.unchanged,
        unmatched=report.unmatched,
        not_in_launch=report.missing,
        errors=report.errors,
        launch_id=report.launch_id,
    )
