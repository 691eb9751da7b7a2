"""Section Analysis of the reference: starting analyses."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from rootcoz.analysis.intake import Submission, accept, accept_again, accept_order, stored_secrets
from rootcoz.api.auth import ServicesOf, Writer
from rootcoz.api.links import base_url, result_url
from rootcoz.api.options import merged_options, merged_order, repeated_order
from rootcoz.api.reanalysis import merged_request
from rootcoz.api.request_record import request_params, request_secrets
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.requests import AnalyzeFailuresRequest, AnalyzeRequest, ReAnalyzeRequest
from rootcoz.api.schemas.results import AnalyzeFailuresResponse, QueuedResponse
from rootcoz.api.submission import read_body
from rootcoz.domain.errors import NoSuchAnalysis, NotFound
from rootcoz.wiring import Services

router = APIRouter(tags=["Analysis"])

ANALYZE_FAILURES = "/analyze-failures"
STREAMING_PATHS = frozenset({ANALYZE_FAILURES})
JSON = "application/json"


def _body_of(model: type[AnalyzeFailuresRequest]) -> dict[str, Any]:
    """The OpenAPI entry of a body that the route reads by itself."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


@router.post("/analyze", status_code=202, responses=error_responses(400, 401, 403, 413, 422))
async def analyze(body: AnalyzeRequest, services: ServicesOf, who: Writer) -> QueuedResponse:
    """Queue a Jenkins build for analysis and return a new job ID immediately."""
    job_id = await accept_order(
        services.database,
        merged_order(services, body),
        options=merged_options(services, body),
        request_params=request_params(body),
        secrets=request_secrets(body),
        seal=services.directory.seal,
        created_by=who.name,
    )
    await services.engine.start(job_id)
    return _queued(services, job_id)


@router.post(
    ANALYZE_FAILURES,
    response_model=AnalyzeFailuresResponse,
    responses={
        202: {
            "model": QueuedResponse,
            "description": "Accepted; only with the header Prefer: respond-async.",
        },
        **error_responses(400, 401, 403, 404, 413, 415, 422),
    },
    openapi_extra=_body_of(AnalyzeFailuresRequest),
)
async def analyze_failures(request: Request, services: ServicesOf, who: Writer) -> Response:
    """Analyze raw failures or JUnit XML without Jenkins, and answer with the result.

    Send exactly one of failures, raw_xml and reports. With the header `Prefer: respond-async` the reply is 202 at once,
    and GET /results/{job_id} tells how far the analysis is. A client that hangs up does not stop it.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != JSON and not content_type.endswith("+json"):
        return JSONResponse({"detail": f"Send the body as Content-Type: {JSON}."}, 415)
    async with read_body(request, services.directory.spool) as body:
        submission = Submission(
            options=merged_options(services, body.fields),
            request_params=request_params(body.fields),
            failures=body.failures,
            reports=body.reports,
            secrets=request_secrets(body.fields),
            created_by=who.name,
        )
        job_id = await accept(services.database, submission, services.directory.seal)
    await services.engine.start(job_id)
    if "respond-async" in request.headers.get("prefer", ""):
        queued = _queued(services, job_id)
        return JSONResponse(queued.model_dump(), 202, {"Preference-Applied": "respond-async"})
    await services.engine.wait(job_id)
    return await _finished(services, job_id)


@router.post("/re-analyze/{job_id}", status_code=202, responses=error_responses(400, 403, 404, 413, 422))
async def re_analyze(
    job_id: str, services: ServicesOf, who: Writer, body: ReAnalyzeRequest | None = None
) -> QueuedResponse:
    """Queue a new analysis of what a stored one was about, with the overrides of the body.

    What is not overridden is as in the stored request, credentials included, except where they would go to another
    server. A Jenkins build is fetched again; failures and documents that were sent are used as they were read.
    """
    analysis = await services.results.find(job_id)
    if analysis is None:
        raise NoSuchAnalysis(job_id)
    secrets, notes = await stored_secrets(services.database, analysis, services.directory.seal)
    fields = merged_request(analysis, secrets, body or ReAnalyzeRequest(), services.settings)
    options = merged_options(services, fields)
    new_id = await accept_again(
        services.database,
        analysis,
        order=repeated_order(services, analysis.order),
        options=replace(options, notes=(*options.notes, *notes)),
        request_params=request_params(fields),
        secrets=request_secrets(fields),
        seal=services.directory.seal,
        created_by=who.name,
    )
    await services.engine.start(new_id)
    return _queued(services, new_id)


def _queued(services: Services, job_id: str) -> QueuedResponse:
    return QueuedResponse(
        status="queued",
        job_id=job_id,
        message=f"The analysis goes on; ask GET /results/{job_id} for its result.",
        base_url=base_url(services.settings),
        result_url=result_url(services.settings, job_id),
    )


async def _finished(services: Services, job_id: str) -> Response:
    """The stored result with the three fields that tell where it is."""
    analysis = await services.results.find(job_id)
    if analysis is None:
        raise NotFound(f"The analysis {job_id} was deleted while it ran.")
    result = await services.results.finished(analysis)
    where = {
        "job_id": job_id,
        "base_url": base_url(services.settings),
        "result_url": result_url(services.settings, job_id),
    }
    head = orjson.dumps(where)[:-1] + b","  # the result's own opening brace is dropped
    if result.whole is not None:
        return Response(b"".join((head, memoryview(result.whole)[1:])), media_type=JSON)

    async def body() -> AsyncIterator[bytes]:
        yield head
        skip = 1
        async for piece in services.results.pieces(result):
            yield piece[skip:]
            skip = 0

    size = len(head) + result.size - 1
    return StreamingResponse(body(), media_type=JSON, headers={"Content-Length": str(size)})
