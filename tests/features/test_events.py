"""The hub that tells watchers what happens to analyses."""

import asyncio

from rootcoz.domain.analysis import AnalysisProgress, AnalysisStatus
from rootcoz.features.events import BUFFER_LIMIT, EventHub, Subscription


def progress(
    job_id: str = "a", answered: int = 0, status: AnalysisStatus = AnalysisStatus.RUNNING
) -> AnalysisProgress:
    return AnalysisProgress(job_id, status, "analyzing_failures", 9, answered, "2026-03-01T07:15:02.113Z")


async def everything(subscription: Subscription) -> list[tuple[str, int]]:
    return [
        (event.progress.job_id, event.progress.groups_answered)
        async for event in subscription.paced(5)
        if event is not None
    ]


async def test_who_comes_late_begins_with_the_present_state_of_what_goes_on() -> None:
    hub = EventHub()
    for job_id, answered in [("a", 1), ("b", 0), ("a", 2)]:
        hub.tell(progress(job_id, answered))
    hub.tell(progress("over", 9, AnalysisStatus.COMPLETED))
    with hub.subscribed() as all_of_them, hub.subscribed("a") as one:
        hub.tell(progress("a", 3))
        hub.close()
        seen = await everything(all_of_them), await everything(one)

    assert seen == ([("b", 0), ("a", 2), ("a", 3)], [("a", 2), ("a", 3)])


async def test_watching_one_analysis_ends_with_it_and_watching_all_does_not() -> None:
    hub = EventHub()
    with hub.subscribed("a") as one, hub.subscribed() as all_of_them:
        hub.tell(progress("a", 4, AnalysisStatus.FAILED))
        hub.tell(progress("b", 1))
        seen = await everything(one)
        hub.close()
        rest = await everything(all_of_them)

    assert seen == [("a", 4)]
    assert rest == [("a", 4), ("b", 1)]


async def test_watching_a_deleted_analysis_ends() -> None:
    hub = EventHub()
    hub.tell(progress("a", 1))
    with hub.subscribed("a") as one:
        hub.forget("a")
        seen = await everything(one)
    with hub.subscribed("a") as nothing:
        left = nothing.has_news()

    assert seen == [("a", 1)]
    assert not left


async def test_a_slow_watcher_is_dropped_and_the_others_miss_nothing() -> None:
    hub = EventHub()
    with hub.subscribed() as slow, hub.subscribed() as quick:
        for number in range(BUFFER_LIMIT + 1):
            hub.tell(progress("a", number))
            event = await quick.next(1)
            assert event is not None
            assert event.progress.groups_answered == number
        left = hub.watchers
        seen = await everything(slow)

    assert slow.was_dropped
    assert not quick.was_dropped
    assert (left, seen) == (1, [])


async def test_silence_is_told_apart_from_the_end() -> None:
    hub = EventHub()
    with hub.subscribed() as subscription:
        nothing = await subscription.next(0.01)
        asyncio.get_running_loop().call_later(0.01, hub.tell, progress("a", 1))
        event = await subscription.next(5)

    assert nothing is None
    assert event is not None
    assert event.progress.groups_answered == 1


async def test_numbers_rise_over_all_analyses() -> None:
    hub = EventHub()
    with hub.subscribed() as subscription:
        for job_id in "abab":
            hub.tell(progress(job_id))
        hub.close()
        numbers = [event.number async for event in subscription.paced(1) if event is not None]

    assert numbers == sorted(set(numbers))
