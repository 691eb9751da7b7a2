"""Section Notifications and Mentions of the reference: Web Push. Beside it, the operator's channels."""

from typing import Annotated

from fastapi import APIRouter, Query

from rootcoz.api.auth import Administrator, ServicesOf
from rootcoz.api.openapi import NEEDS_KEY
from rootcoz.api.routes.mentions import Myself
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.notifications import (
    ChannelPayload,
    ChannelsResponse,
    ChannelTest,
    ChannelTestResult,
    DeliveriesResponse,
    DeliveryPayload,
    Subscribed,
    SubscribeRequest,
    Unsubscribed,
    UnsubscribeRequest,
    VapidPublicKey,
)
from rootcoz.api.schemas.requests import Text
from rootcoz.domain.notification import PUSH, Delivery, DeliveryState

router = APIRouter(tags=["Notifications and Mentions"])

DELIVERIES_LIMIT = 200


@router.get("/api/notifications/vapid-public-key", responses=error_responses(401, 404, 503))
async def vapid_public_key(services: ServicesOf) -> VapidPublicKey:
    """Return the public VAPID key used by the browser push subscription flow."""
    return VapidPublicKey(vapid_public_key=await services.web_push.public_key())


@router.post("/api/notifications/subscribe", responses=error_responses(400, 401, 403, 404, 413, 422, 503))
async def subscribe(body: SubscribeRequest, services: ServicesOf, who: Myself) -> Subscribed:
    """Register a Web Push subscription for the current user, whose 10 newest are kept.

    An endpoint that somebody else had is the requester's from now on. One that leads to a private address is refused.
    """
    await services.web_push.subscribe(
        who.name, endpoint=body.endpoint, p256dh_key=body.p256dh_key, auth_key=body.auth_key
    )
    return Subscribed(status="subscribed")


@router.post("/api/notifications/unsubscribe", responses=error_responses(400, 401, 403, 404, 413, 422, 503))
async def unsubscribe(body: UnsubscribeRequest, services: ServicesOf, who: Myself) -> Unsubscribed:
    """Remove one Web Push subscription of the current user."""
    await services.web_push.unsubscribe(who.name, body.endpoint)
    return Unsubscribed(status="unsubscribed")


@router.get(
    "/api/admin/notifications/channels",
    responses=error_responses(403),
    openapi_extra=NEEDS_KEY,
)
async def list_channels(services: ServicesOf, _who: Administrator) -> ChannelsResponse:
    """List the channels that are told of analyses, without their addresses and secrets."""
    return ChannelsResponse(
        channels=[
            ChannelPayload(
                name=one.name,
                kind=one.kind,
                events=list(one.events),
                only_new=one.only_new,
                jobs=list(one.jobs),
                teams=list(one.teams),
                tiers=list(one.tiers),
                labels=list(one.labels),
            )
            for one in services.notifications.channels
        ]
    )


@router.post(
    "/api/admin/notifications/test",
    responses=error_responses(400, 403, 404, 413, 422),
    openapi_extra=NEEDS_KEY,
)
async def test_channel(body: ChannelTest, services: ServicesOf, who: Administrator) -> ChannelTestResult:
    """Send a test message to a channel, once, and say what became of it. The audit log tells of it."""
    sent = await services.notifications.test(body.channel, who.actor)
    return ChannelTestResult(
        delivery_id=sent.id, delivered=sent.state is DeliveryState.DELIVERED, detail=sent.last_error
    )


@router.get(
    "/api/admin/notifications/deliveries",
    responses=error_responses(403, 422),
    openapi_extra=NEEDS_KEY,
)
async def list_deliveries(
    services: ServicesOf,
    _who: Administrator,
    channel: Annotated[Text | None, Query(max_length=64, description="push: to people's browsers.")] = None,
    state: DeliveryState | None = None,
    before: Annotated[
        Text | None, Query(max_length=32, description="Only messages older than this one.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=DELIVERIES_LIMIT, description="Messages of a page.")] = 50,
) -> DeliveriesResponse:
    """List what was sent to channels and browsers, and what became of it; the newest first.

    A message that was delivered or given up is kept for 30 days.
    """
    found = await services.notifications.recent(limit + 1, channel=channel, state=state, before=before)
    page = found[:limit]
    return DeliveriesResponse(
        deliveries=[_payload(one) for one in page],
        next_before=page[-1].id if len(found) > limit else None,
    )


def _payload(one: Delivery) -> DeliveryPayload:
    return DeliveryPayload(
        id=one.id,
        channel=one.channel,
        event=one.event,
        state=one.state,
        title="" if one.channel == PUSH else one.announcement.title,
        job_id=one.job_id,
        attempts=one.attempts,
        due_at=one.due_at if one.state is DeliveryState.PENDING else None,
        last_error=one.last_error,
        created_at=one.created_at,
        finished_at=one.finished_at,
    )
