"""Section Results of the reference: reading and deleting stored results."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from rootcoz.api.auth import Administrator, Requester, ServicesOf, Writer, services_of
from rootcoz.api.links import base_url, result_url
from rootcoz.api.openapi import NEEDS_KEY
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.requests import BulkDeleteRequest
from rootcoz.api.schemas.results import (
    AbortedResponse,
    BulkDeleteResponse,
    Capabilities,
    DeletedResponse,
    FailedDeletion,
    ResultListItem,
    ResultResponse,
    ReviewStatus,
)
from rootcoz.domain.analysis import StoredAnalysis
from rootcoz.domain.audit import Action, AuditEntry
from rootcoz.domain.errors import NoSuchAnalysis, NotFound
from rootcoz.features.results import FinishedResult
from rootcoz.wiring import Services

router = APIRouter(tags=["Results"])

JSON = "application/json"
ABORT_PATIENCE_S = 10.0
"""Seconds that the reply to an abort waits for the work to end."""


@router.get("/results", responses=error_responses(401, 422))
async def list_results(
    services: ServicesOf,
    limit: Annotated[int, Query(ge=0, le=100, description="Maximum results to return.")] = 50,
) -> list[ResultListItem]:
    """List recent analysis jobs, the newest first."""
    return [
        ResultListItem(
            job_id=item.job_id,
            jenkins_url=item.jenkins_url,
            status=item.status,
            created_at=item.created_at,
        )
        for item in await services.results.recent(limit)
    ]


@router.get(
    "/results/{job_id}",
    response_model=ResultResponse,
    responses={
        202: {
            "model": ResultResponse,
            "description": "The analysis is still in progress; result is partial.",
        },
        **error_responses(401, 404, 422),
    },
)
async def get_result(job_id: str, request: Request) -> Response:
    """Return the stored result wrapper for an analysis job.

    The result was written in the shape of the response model when the analysis ended; its bytes are sent as they are.
    """
    services = services_of(request)
    remembered = services.results.remembered(job_id)
    if remembered is not None:
        return _whole(services, remembered)
    analysis = await services.results.find(job_id)
    if analysis is None:
        raise NoSuchAnalysis(job_id)
    if not analysis.status.is_final:
        partial = await services.results.partial(analysis)
        return Response(_wrapped(services, analysis, partial), 202, media_type=JSON)
    result = await services.results.finished(analysis)
    return _whole(services, result) if result.whole is not None else _streamed(services, result)


@router.get("/results/{job_id}/review-status", responses=error_responses(401, 422))
async def get_review_status(job_id: str, services: ServicesOf) -> ReviewStatus:
    """Return a compact review summary. Missing jobs return zero counts."""
    counts = await services.results.review_counts(job_id)
    return ReviewStatus(
        total_failures=counts.total_failures,
        reviewed_count=counts.reviewed,
        comment_count=counts.comments,
    )


@router.post("/results/{job_id}/abort", responses=error_responses(403, 404, 409, 422))
async def abort(job_id: str, services: ServicesOf, who: Writer) -> AbortedResponse:
    """Stop an analysis. It is recorded as failed and keeps the answers it had.

    Once this is accepted, no restart brings the analysis back. Aborting it again changes nothing.
    """
    if await services.results.mark_aborted(job_id, who.name):
        services.engine.abort(job_id)
    with suppress(TimeoutError):  # what was said is on disk; a program that will not end must not keep us
        async with asyncio.timeout(ABORT_PATIENCE_S):
            await services.engine.wait(job_id)
    analysis = await services.results.find(job_id)
    if analysis is None:
        raise NotFound(f"The analysis {job_id} was deleted.")
    return AbortedResponse(
        status="aborted",
        job_id=job_id,
        aborted_by=analysis.aborted_by or "",
        result_url=result_url(services.settings, job_id),
    )


@router.delete("/results/{job_id}", responses=error_responses(401, 403, 404, 422), openapi_extra=NEEDS_KEY)
async def delete_result(job_id: str, services: ServicesOf, who: Administrator) -> DeletedResponse:
    """Delete one stored result and all related rows. A running analysis is stopped first. Admin-only."""
    await services.engine.cancel(job_id)
    if not await services.results.delete([job_id]):
        raise NoSuchAnalysis(job_id)
    await _note_deletions(services, who, [job_id])
    return DeletedResponse(status="deleted", job_id=job_id)


@router.delete(
    "/api/results/bulk", responses=error_responses(400, 401, 403, 413, 422), openapi_extra=NEEDS_KEY
)
async def delete_results(
    body: BulkDeleteRequest, services: ServicesOf, who: Administrator
) -> BulkDeleteResponse:
    """Delete multiple stored results in one request. Admin-only."""
    job_ids = list(dict.fromkeys(body.job_ids))
    for job_id in job_ids:
        await services.engine.cancel(job_id)
    deleted = await services.results.delete(job_ids)
    await _note_deletions(services, who, deleted)
    missing = set(job_ids).difference(deleted)
    return BulkDeleteResponse(
        deleted=deleted,
        failed=[FailedDeletion(job_id=job_id, reason="not found") for job_id in job_ids if job_id in missing],
        total=len(job_ids),
    )


async def _note_deletions(services: Services, who: Requester, job_ids: Sequence[str]) -> None:
    await services.audit.record(
        *(AuditEntry(Action.RESULT_DELETED, who.name, who.address, target=job_id) for job_id in job_ids)
    )


def capabilities(services: Services) -> Capabilities:
    """What this server can do."""
    settings = services.settings
    return Capabilities(
        github_issues_enabled=settings.enable_github_issues is not False,
        jira_issues_enabled=settings.enable_jira_issues is not False and bool(settings.jira_url),
        server_github_token=settings.github_token is not None,
        server_jira_token=bool(settings.jira_api_token or settings.jira_pat),
        server_jira_email=bool(settings.jira_email),
        server_jira_project_key=settings.jira_project_key,
        reportportal=settings.pushes_to_reportportal,
        reportportal_project=settings.reportportal_project,
        feedback_enabled=False,
    )


def _whole(services: Services, result: FinishedResult) -> Response:
    if result.whole is None:
        raise ValueError("only results that are held whole are sent whole")
    return Response(_wrapped(services, result.analysis, result.whole), media_type=JSON)


def _streamed(services: Services, result: FinishedResult) -> StreamingResponse:
    head, tail = _wrapper(services, result.analysis)

    async def body() -> AsyncIterator[bytes]:
        yield head
        async for piece in services.results.pieces(result):
            yield piece
        yield tail

    size = len(head) + result.size + len(tail)
    return StreamingResponse(body(), media_type=JSON, headers={"Content-Length": str(size)})


def _wrapped(services: Services, analysis: StoredAnalysis, result: bytes) -> bytes:
    head, tail = _wrapper(services, analysis)
    return b"".join((head, result, tail))


def _wrapper(services: Services, analysis: StoredAnalysis) -> tuple[bytes, bytes]:
    """What stands before and after the result's own bytes."""
    before = {
        "job_id": analysis.job_id,
        "jenkins_url": analysis.jenkins_url,
        "status": analysis.status,
        "created_at": analysis.created_at,
        "analysis_started_at": analysis.started_at,
        "completed_at": analysis.completed_at,
        "capabilities": capabilities(services).model_dump(),
        "base_url": base_url(services.settings),
        "result_url": result_url(services.settings, analysis.job_id),
    }
    return orjson.dumps(before)[:-1] + b',"result":', b"}"
