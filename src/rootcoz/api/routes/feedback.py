"""Section Feedback of the reference: what users say of rootcoz, as issues of its repository."""

from fastapi import APIRouter

from rootcoz.api.auth import ServicesOf, Writer
from rootcoz.api.schemas.drafts import (
    FeedbackDraftResponse,
    FeedbackRequest,
    FiledFeedback,
    FileFeedbackRequest,
)
from rootcoz.api.schemas.errors import error_responses
from rootcoz.domain.draft import FailedCall, Feedback

router = APIRouter(tags=["Feedback"])


@router.post("/api/feedback/preview", responses=error_responses(401, 403, 413, 422, 503))
async def preview_feedback(
    body: FeedbackRequest, services: ServicesOf, _who: Writer
) -> FeedbackDraftResponse:
    """Build a preview GitHub issue from end-user feedback without creating the issue.

    Secrets and e-mail addresses are removed. Needs GITHUB_TOKEN and an AI.
    """
    draft = await services.drafts.feedback.draft(
        Feedback(
            description=body.description,
            kind=body.feedback_type,
            console_errors=body.console_errors,
            failed_calls=[
                FailedCall(call.status, call.endpoint, call.error) for call in body.failed_api_calls
            ],
            page_url=body.page_state.url,
            active_filters=body.page_state.active_filters,
            report_id=body.page_state.report_id,
            user_agent=body.user_agent,
        )
    )
    return FeedbackDraftResponse.model_validate(
        {"title": draft.title, "body": draft.body, "labels": draft.labels, "notes": draft.notes}
    )


@router.post(
    "/api/feedback/create", status_code=201, responses=error_responses(400, 401, 403, 413, 422, 502, 503)
)
async def create_feedback(body: FileFeedbackRequest, services: ServicesOf, _who: Writer) -> FiledFeedback:
    """Create a GitHub issue from a feedback preview.

    Secrets and e-mail addresses are removed. The same issue once more within ten minutes is the one that is there.
    Needs GITHUB_TOKEN.
    """
    filed = await services.drafts.feedback.file(body.title, body.body, body.labels)
    return FiledFeedback(issue_url=filed.url, issue_number=filed.number, title=filed.title)
