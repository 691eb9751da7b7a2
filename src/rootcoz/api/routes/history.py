"""Section History of the reference: what failed before, and what people and the AI said of it."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Response

from rootcoz.api.auth import ServicesOf, Writer
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.history import (
    NAME_LIMIT,
    ClassificationRow,
    ClassificationsResponse,
    ClassifyRequest,
    ClassifyResponse,
    CommonFailure,
    FailurePage,
    FailureRow,
    HistoryComment,
    JobStatsResponse,
    SignatureResponse,
    TestHistoryResponse,
)
from rootcoz.domain.errors import InvalidInput
from rootcoz.domain.history import HistoryFilters, HistoryLabel, LabelFilters, NewLabel

router = APIRouter(tags=["History"])

OFFSET_LIMIT = 2**62
"""More than any table has rows, and still a number that databases can hold."""

Filter = Annotated[str, Query(max_length=NAME_LIMIT)]
Without = Annotated[str, Query(max_length=NAME_LIMIT, description="Leaves one analysis out.")]
NamePath = Annotated[str, Path(max_length=NAME_LIMIT)]


@router.get("/history/failures", responses=error_responses(401, 422))
async def list_failures(
    services: ServicesOf,
    search: Annotated[
        str,
        Query(
            max_length=NAME_LIMIT, description="A part of test name, error message or job name, as it stands."
        ),
    ] = "",
    job_name: Filter = "",
    classification: Filter = "",
    limit: Annotated[int, Query(ge=0, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=OFFSET_LIMIT)] = 0,
) -> FailurePage:
    """Return paginated failure history across analyzed jobs, the newest first.

    A search term of one or two characters looks through the newest 20,000 failures.
    """
    filters = HistoryFilters(search=search, job_name=job_name, classification=classification)
    page = await services.history.failures(filters, limit=limit, offset=offset)
    return FailurePage(
        failures=[FailureRow.model_validate(row, from_attributes=True) for row in page.failures],
        total=page.total,
        total_is_exact=page.total_is_exact,
    )


@router.get("/history/test/{test_name:path}", responses=error_responses(401, 422))
async def get_test_history(
    test_name: NamePath,
    services: ServicesOf,
    limit: Annotated[int, Query(ge=0, le=100)] = 20,
    job_name: Filter = "",
    exclude_job_id: Without = "",
) -> TestHistoryResponse:
    """Return historical data for one test; zeros when there is none."""
    history = await services.history.test(
        test_name, job_name=job_name, exclude_job_id=exclude_job_id, limit=limit
    )
    return TestHistoryResponse.of(history)


@router.get("/history/search", response_model=SignatureResponse, responses=error_responses(401, 422))
async def search_signature(
    services: ServicesOf,
    signature: Annotated[str, Query(max_length=NAME_LIMIT)],
    exclude_job_id: Without = "",
) -> Response:
    """Find tests that failed with the same error signature."""
    found = await services.history.signature(signature, exclude_job_id=exclude_job_id)
    # Written without the model, which a test holds it against: to check thousands of tests takes 20 ms.
    document = {
        "signature": found.signature,
        "total_occurrences": found.total,
        "unique_tests": len(found.tests),
        "tests": [{"test_name": name, "occurrences": count} for name, count in found.tests],
        "last_classification": found.last_classification,
        "comments": [
            HistoryComment.model_validate(one, from_attributes=True).model_dump() for one in found.comments
        ],
    }
    return Response(orjson.dumps(document), media_type="application/json")


@router.get("/history/stats/{job_name:path}", responses=error_responses(401, 422))
async def get_job_stats(
    job_name: NamePath, services: ServicesOf, exclude_job_id: Without = ""
) -> JobStatsResponse:
    """Return aggregate statistics for one Jenkins job; zeros when nothing is known of it."""
    job = await services.history.job(job_name, exclude_job_id=exclude_job_id)
    return JobStatsResponse(
        job_name=job.job_name,
        total_builds_analyzed=job.builds,
        builds_with_failures=job.failing_builds,
        overall_failure_rate=job.failure_rate,
        most_common_failures=[
            CommonFailure(test_name=name, count=count, classification=classification)
            for name, classification, count in job.common
        ],
        recent_trend=job.trend.value,
    )


@router.post("/history/classify", status_code=201, responses=error_responses(400, 401, 403, 413, 422))
async def classify(body: ClassifyRequest, services: ServicesOf, who: Writer) -> ClassifyResponse:
    """Create a history classification record for one test.

    One without an author is the AI's: it is shown once its analysis has completed.
    """
    label = next((one for one in HistoryLabel if one == body.classification.strip().upper()), None)
    if label is None:
        raise InvalidInput(f"classification must be one of {', '.join(HistoryLabel)}.")
    new = NewLabel(
        test_name=body.test_name,
        label=label,
        job_id=body.job_id,
        reason=body.reason,
        job_name=body.job_name,
        references=body.references,
        child_build_number=body.child_build_number,
        author=who.name,
    )
    return ClassifyResponse(id=await services.history.classify(new))


@router.get("/history/classifications", responses=error_responses(401, 422))
async def list_classifications(
    services: ServicesOf,
    test_name: Filter = "",
    classification: Filter = "",
    job_name: Filter = "",
    parent_job_name: Filter = "",
    job_id: Filter = "",
) -> ClassificationsResponse:
    """Return stored classification records, the newest first."""
    filters = LabelFilters(
        test_name=test_name,
        classification=classification,
        job_name=job_name,
        parent_job_name=parent_job_name,
        job_id=job_id,
    )
    rows = await services.history.classifications(filters)
    return ClassificationsResponse(
        classifications=[ClassificationRow.model_validate(row, from_attributes=True) for row in rows]
    )
