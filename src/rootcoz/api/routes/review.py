"""Section Comments and Review of the reference, and the overriding of classifications."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Response

from rootcoz.api.audit_notes import note
from rootcoz.api.auth import Anyone, Requester, ServicesOf, Writer
from rootcoz.api.schemas.errors import ErrorBody, error_responses
from rootcoz.api.schemas.review import (
    AddedComment,
    CommentIntentRequest,
    CommentIntentResponse,
    CommentRequest,
    DeletedComment,
    DiscussionResponse,
    EnrichmentRecord,
    EnrichmentsResponse,
    FailureReference,
    OverrideRequest,
    OverrideResponse,
    ReviewedRequest,
    ReviewedResponse,
    UndoneResponse,
)
from rootcoz.domain.account import Proof
from rootcoz.domain.audit import Action
from rootcoz.domain.errors import NotSignedIn
from rootcoz.domain.review import Author

router = APIRouter(tags=["Comments and Review"])

ID_LIMIT = 2**63 - 1
"""What the databases number rows with."""
OF_A_FAILURE = {
    202: {"model": ErrorBody, "description": "The analysis is still in progress: nothing was done."},
    **error_responses(400, 401, 403, 404, 409, 413, 422),
}
"""Statuses of what concerns one failure of a completed analysis."""


@router.put("/results/{job_id}/override-classification", responses=OF_A_FAILURE)
async def override_classification(
    job_id: str, body: OverrideRequest, services: ServicesOf, who: Writer
) -> OverrideResponse:
    """Override the classification of a failure group: of all failures of the same build with the same signature.

    The result shows the new classification with who set it and when; the newest override counts.
    """
    try:
        await services.reviews.override(job_id, body.target(), body.classification, who.name)
    finally:
        services.results.forget(job_id)
    await note(
        services, who, Action.CLASSIFICATION_OVERRIDDEN, job_id, f"{body.classification}: {body.test_name}"
    )
    return OverrideResponse(status="ok", classification=body.classification)


@router.delete("/results/{job_id}/override-classification", responses=OF_A_FAILURE)
async def undo_override(
    job_id: str, services: ServicesOf, who: Writer, failure: Annotated[FailureReference, Query()]
) -> UndoneResponse:
    """Take back the newest override of a failure group; what stood before stands again."""
    try:
        restored = await services.reviews.undo_override(job_id, failure.target(), who.name)
    finally:
        services.results.forget(job_id)
    await note(services, who, Action.OVERRIDE_UNDONE, job_id, failure.test_name)
    return UndoneResponse(status="ok", classification=restored)


@router.put("/results/{job_id}/reviewed", responses=OF_A_FAILURE)
async def set_reviewed(
    job_id: str, body: ReviewedRequest, services: ServicesOf, who: Writer
) -> ReviewedResponse:
    """Mark or unmark a failure as reviewed."""
    await services.reviews.mark(job_id, body.target(), who.name, reviewed=body.reviewed)
    mark = "reviewed" if body.reviewed else "not reviewed"
    await note(services, who, Action.FAILURE_MARKED, job_id, f"{mark}: {body.test_name}")
    return ReviewedResponse(status="ok", reviewed_by=who.name if body.reviewed else "")


@router.get(
    "/results/{job_id}/comments", response_model=DiscussionResponse, responses=error_responses(401, 422)
)
async def get_comments(job_id: str, services: ServicesOf) -> Response:
    """Return all comments and review states. Missing jobs return empty collections."""
    discussion = await services.reviews.discussion(job_id)
    reviews = {
        mark.key: {"reviewed": mark.reviewed, "username": mark.username, "updated_at": mark.updated_at}
        for mark in discussion.marks
    }
    # Written without the response model: there may be 20,000 marks.
    body = orjson.dumps({"comments": discussion.comments, "reviews": reviews})
    return Response(body, media_type="application/json")


@router.post("/results/{job_id}/comments", status_code=201, responses=OF_A_FAILURE)
async def add_comment(job_id: str, body: CommentRequest, services: ServicesOf, who: Writer) -> AddedComment:
    """Add a comment to one stored failure."""
    added = await services.reviews.comment(job_id, body.target(), body.comment, _author(who))
    await note(services, who, Action.COMMENT_ADDED, job_id, f"{added}: {body.test_name}")
    return AddedComment(id=added)


@router.delete("/results/{job_id}/comments/{comment_id}", responses=error_responses(401, 403, 404, 422))
async def delete_comment(
    job_id: str,
    comment_id: Annotated[int, Path(ge=0, le=ID_LIMIT)],
    services: ServicesOf,
    who: Writer,
) -> DeletedComment:
    """Delete one stored comment: one's own, or as an administrator anybody's.

    A name that is not proven deletes only what was written without proof.
    """
    if not who.is_admin and not who.name:
        raise NotSignedIn("Say who you are: only the author of a comment may delete it.")
    author = None if who.is_admin else _author(who)
    await services.reviews.delete_comment(job_id, comment_id, author=author)
    await note(services, who, Action.COMMENT_DELETED, job_id, str(comment_id))
    return DeletedComment(status="deleted")


@router.post("/results/{job_id}/enrich-comments", responses=error_responses(401, 422))
async def enrich_comments(job_id: str, services: ServicesOf, who: Anyone) -> EnrichmentsResponse:
    """Scan stored comments for GitHub and Jira references and return their current statuses.

    Whatever is wrong with a tracker makes a status `unknown`. Missing jobs return an empty map. Saved credentials of a
    signed-in user are used before those of the analysis and of the server.
    """
    saved = await services.accounts.tokens(who.account_id)
    states = await services.comment_links.states(job_id, saved)
    return EnrichmentsResponse(
        enrichments={
            str(comment): [
                EnrichmentRecord(type=one.link.kind, key=one.link.key, status=one.state, url=one.url)
                for one in links
            ]
            for comment, links in states.items()
        }
    )


@router.post("/api/analyze-comment-intent", responses=error_responses(400, 401, 403, 413, 422))
async def analyze_comment_intent(
    body: CommentIntentRequest, services: ServicesOf, _who: Writer
) -> CommentIntentResponse:
    """Decide whether a comment suggests that a failure has already been reviewed or resolved.

    Asked is the AI of the request, else of the server, else of the analysis; without any, rules answer. If the AI call
    fails or returns invalid JSON, the answer is `suggests_reviewed: false`.
    """
    intent = await services.comment_intents().read(
        body.comment, job_id=body.job_id, provider=body.ai_provider or "", model=body.ai_model or ""
    )
    return CommentIntentResponse(suggests_reviewed=intent.suggests_reviewed, reason=intent.reason)


def _author(who: Requester) -> Author:
    return Author(who.name, proven=who.proof is not Proof.NONE)
