from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.analyses import added

from rootcoz.domain.analysis import AnalysisStatus, ProgressMark
from rootcoz.features.elsewhere import Elsewhere
from rootcoz.features.events import EventHub, Subscription
from rootcoz.store.analyses import delete_analysis, finish_analysis, save_progress
from rootcoz.store.engine import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


async def heard(subscription: Subscription) -> list[tuple[str, str | None]]:
    """What waits for the watcher: status and phase; "end" when nothing more will come."""
    events: list[tuple[str, str | None]] = []
    async for event in subscription.paced(0.01):
        if event is None:
            return events
        events.append((event.progress.status, event.progress.progress_phase))
    return [*events, ("end", None)]


async def enter(database: Database, analysis_id: int, phase: str) -> None:
    async with database.write() as connection:
        await save_progress(connection, analysis_id, [ProgressMark(phase, 1.0)], None)


async def finish(database: Database, analysis_id: int) -> None:
    async with database.write() as connection:
        await finish_analysis(connection, analysis_id, AnalysisStatus.COMPLETED)


@pytest.mark.parametrize("watched", [None, "job-1"])
async def test_a_watcher_hears_each_change_once_and_the_end(database: Database, watched: str | None) -> None:
    hub = EventHub()
    elsewhere = Elsewhere(database, hub, lambda _: False)
    analysis_id = await added(database)
    with hub.subscribed(watched) as subscription:
        for _ in range(2):
            await elsewhere.look()
        first = await heard(subscription)
        await enter(database, analysis_id, "analyzing")
        for _ in range(2):
            await elsewhere.look()
        second = await heard(subscription)
        await finish(database, analysis_id)
        for _ in range(2):
            await elsewhere.look()
        last = await heard(subscription)

    assert first == [("pending", None)]
    assert second == [("pending", "analyzing")]
    assert last[0] == ("completed", "analyzing")
    assert last[1:] == ([("end", None)] if watched else [])


async def test_an_end_between_two_looks_is_heard_by_whoever_watches_that_one(database: Database) -> None:
    hub = EventHub()
    elsewhere = Elsewhere(database, hub, lambda _: False)
    analysis_id = await added(database)
    with hub.subscribed("job-1") as subscription:
        await finish(database, analysis_id)
        await elsewhere.look()

        assert await heard(subscription) == [("completed", None), ("end", None)]


async def test_a_deletion_ends_the_watching(database: Database) -> None:
    hub = EventHub()
    elsewhere = Elsewhere(database, hub, lambda _: False)
    await added(database)
    with hub.subscribed("job-1") as subscription:
        await elsewhere.look()
        async with database.write() as connection:
            await delete_analysis(connection, "job-1")
        await elsewhere.look()

        assert await heard(subscription) == [("pending", None), ("end", None)]


async def test_what_this_process_does_is_left_to_it(database: Database) -> None:
    hub = EventHub()
    elsewhere = Elsewhere(database, hub, lambda job_id: job_id == "job-1")
    await added(database)
    with hub.subscribed() as subscription:
        await elsewhere.look()

        assert await heard(subscription) == []


async def test_a_watcher_who_comes_after_the_end_is_not_told_of_an_older_state(database: Database) -> None:
    hub = EventHub()
    elsewhere = Elsewhere(database, hub, lambda _: False)
    analysis_id = await added(database)
    with hub.subscribed():
        await elsewhere.look()
    await finish(database, analysis_id)
    with hub.subscribed() as subscription:
        await elsewhere.look()
        await heard(subscription)
    with hub.subscribed() as subscription:
        await elsewhere.look()

        assert await heard(subscription) == []
