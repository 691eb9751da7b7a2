"""Watching analyses while they go on: server-sent events."""

from collections.abc import AsyncIterator
from contextlib import ExitStack

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from rootcoz.api.auth import ServicesOf
from rootcoz.api.event_stream import encoded, encoded_event, event_stream, event_stream_responses
from rootcoz.api.schemas.errors import error_responses
from rootcoz.domain.analysis import AnalysisProgress, StoredAnalysis
from rootcoz.domain.errors import NoSuchAnalysis
from rootcoz.features.events import Event, Subscription
from rootcoz.kit.clock import utc_now
from rootcoz.wiring import Services

router = APIRouter(tags=["Events"])


@router.get(
    "/api/events", response_class=StreamingResponse, responses=event_stream_responses("ProgressEvent")
)
async def watch_all(services: ServicesOf) -> StreamingResponse:
    """Stream an event for each change of any analysis, beginning with the state of those that go on now.

    A watcher that reads too slowly is cut off. Last-Event-ID may be sent and changes nothing: whoever comes back starts
    from the present state.
    """

    async def events() -> AsyncIterator[bytes]:
        with services.events.subscribed() as subscription:
            async for piece in encoded(subscription):
                yield piece

    return event_stream(events())


@router.get(
    "/results/{job_id}/events",
    response_class=StreamingResponse,
    responses={**event_stream_responses("ProgressEvent"), **error_responses(404, 422)},
)
async def watch_one(job_id: str, services: ServicesOf) -> StreamingResponse:
    """Stream an event for each change of one analysis, beginning with its present state, until it is final."""
    if await services.results.find(job_id) is None:
        raise NoSuchAnalysis(job_id)

    async def events() -> AsyncIterator[bytes]:
        with ExitStack() as stack:
            subscription = stack.enter_context(services.events.subscribed(job_id))
            stored = await _not_yet_told(services, job_id, subscription)
            if stored is not None:
                yield encoded_event(stored)
                if stored.progress.status.is_final:
                    return
            async for piece in encoded(subscription):
                yield piece

    return event_stream(events())


async def _not_yet_told(services: Services, job_id: str, subscription: Subscription) -> Event | None:
    """The state as stored, for an analysis of which nobody has been told: it is final or has not begun."""
    if subscription.has_news():
        return None
    analysis = await services.results.find(job_id)
    if analysis is None:
        subscription.end()
        return None
    if not analysis.status.is_final and subscription.has_news():
        return None  # it began while we looked
    return services.events.numbered(_progress(analysis, await services.results.answered(analysis)))


def _progress(analysis: StoredAnalysis, answered: int) -> AnalysisProgress:
    return AnalysisProgress(
        job_id=analysis.job_id,
        status=analysis.status,
        progress_phase=analysis.progress_log[-1].phase if analysis.progress_log else None,
        groups_total=analysis.groups_total,
        groups_answered=answered,
        at=analysis.completed_at or utc_now(),
    )
