"""Section Notifications and Mentions of the reference: what speaks to the requester."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from rootcoz.api.auth import Named, Requester, ServicesOf, Writer
from rootcoz.api.json_body import body_of, read_json
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.mentions import (
    ID_LIMIT,
    MarkedAllRead,
    MarkedRead,
    MarkReadRequest,
    Mentionable,
    MentionPayload,
    MentionsResponse,
    UnreadCount,
)
from rootcoz.domain.account import Proof
from rootcoz.domain.errors import InvalidInput

router = APIRouter(prefix="/api/users", tags=["Notifications and Mentions"])

PAGE_LIMIT = 200
_LONGEST_NUMBER = 20
_TRUE = frozenset({"true", "1", "yes"})


async def myself(services: ServicesOf, who: Named) -> Requester:
    """Who asks, if the name is theirs as far as anybody can tell: one with a key wants it proven."""
    await services.mentions.check_name(who.name, proven=who.proof is not Proof.NONE)
    return who


Myself = Annotated[Requester, Depends(myself)]


def _parameter(name: str, kind: str, description: str, *, default: object) -> dict[str, Any]:
    schema = {"type": kind, "default": default}
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


# Read by hand: the reference clamps what it does not accept, and answers 400, not 422, to what is no number.
_PAGE = {
    "parameters": [
        _parameter("offset", "integer", "Pagination offset. Negative values are clamped to 0.", default=0),
        _parameter("limit", "integer", "Page size. Values are clamped to the range 1-200.", default=50),
        _parameter(
            "unread_only",
            "boolean",
            "When true, 1, or yes, only unread mentions are returned.",
            default=False,
        ),
    ]
}


@router.get("/mentions", responses=error_responses(400, 401, 403), openapi_extra=_PAGE)
async def list_mentions(request: Request, services: ServicesOf, who: Myself) -> MentionsResponse:
    """Return paginated mentions for the current user."""
    page = await services.mentions.page(
        who.name,
        offset=min(max(_number(request, "offset", 0), 0), ID_LIMIT),
        limit=min(max(_number(request, "limit", 50), 1), PAGE_LIMIT),
        unread_only=request.query_params.get("unread_only", "").strip().lower() in _TRUE,
    )
    return MentionsResponse(
        mentions=[
            MentionPayload(
                id=one.id,
                job_id=one.job_id,
                test_name=one.test_name,
                child_job_name=one.child_job_name,
                child_build_number=one.child_build_number,
                comment=one.comment,
                username=one.username,
                created_at=one.created_at,
                is_read=one.is_read,
            )
            for one in page.mentions
        ],
        total=page.total,
        unread_count=page.unread,
    )


@router.post(
    "/mentions/read", responses=error_responses(400, 401, 403, 413), openapi_extra=body_of(MarkReadRequest)
)
async def mark_read(request: Request, services: ServicesOf, who: Myself) -> MarkedRead:
    """Mark specific mentions as read. Ids of comments that do not mention the requester change nothing."""
    body = await read_json(request, MarkReadRequest)
    await services.mentions.mark_read(who.name, body.comment_ids)
    return MarkedRead(ok=True)


@router.post("/mentions/read-all", responses=error_responses(401, 403))
async def mark_all_read(services: ServicesOf, who: Myself) -> MarkedAllRead:
    """Mark every unread mention as read for the current user."""
    return MarkedAllRead(marked_read=await services.mentions.mark_all_read(who.name))


@router.get("/mentions/unread-count", responses=error_responses(401, 403))
async def unread_count(services: ServicesOf, who: Myself) -> UnreadCount:
    """Return the unread mention count for the current user."""
    return UnreadCount(count=await services.mentions.unread(who.name))


@router.get("/mentionable", responses=error_responses(401, 403))
async def mentionable(services: ServicesOf, _who: Writer) -> Mentionable:
    """Return the tracked usernames that can be mentioned in comments, by name."""
    return Mentionable(usernames=[account.username for account in await services.accounts.list()])


def _number(request: Request, name: str, default: int) -> int:
    """The whole number in the query; blank counts as not sent. Raises InvalidInput."""
    text = request.query_params.get(name, "").strip()
    if not text:
        return default
    digits = text.removeprefix("-").removeprefix("+")
    if not digits.isdecimal() or not digits.isascii() or len(text) - len(digits) > 1:
        raise InvalidInput(f"{name} must be a whole number.")
    return int(text[:_LONGEST_NUMBER])
