"""Questions to the history of failures, and what people and the AI say of tests.

Counting all failures with a frequent word takes longer than finding a page of them. What was counted is kept and
given again for as long as the history is the same; in a large history nobody waits for a count: the page comes with the
number of failures that are known of, and the count goes on for those who ask next.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

import structlog

from rootcoz.domain.errors import InvalidInput
from rootcoz.domain.history import (
    HistoryFilters,
    HistoryLabel,
    JobHistory,
    LabelFilters,
    NewLabel,
    PastFailure,
    SignatureHistory,
    StoredLabel,
    TestHistory,
    Trend,
    rate,
)
from rootcoz.kit.clock import utc_text
from rootcoz.store import history_facts as facts
from rootcoz.store.engine import Database
from rootcoz.store.history_facts import Connection
from rootcoz.store.labels import add_label, list_labels
from rootcoz.store.search import TextIndex

TREND_DAYS = 7
LARGE = 100_000
"""Failures of a history from which on nobody waits for a count; smaller ones are counted in a moment."""
COUNT_WAIT_S = 0.02
"""That a page of a large history waits for its count."""
COUNTS_AT_ONCE = 2
REMEMBERED = 256
"""Counts that are kept."""

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FailurePage:
    """Some of the failures, the newest first."""

    failures: list[PastFailure]
    total: int
    """Of all that were asked for."""
    total_is_exact: bool = True
    """False: there are at least so many. More than the page shows, if there are more."""


class History:
    """Reads the history, and adds labels to it."""

    def __init__(
        self,
        database: Database,
        index: TextIndex,
        *,
        large: int = LARGE,
        count_wait_s: float = COUNT_WAIT_S,
    ) -> None:
        self._database = database
        self._index = index
        self._large = large
        self._count_wait_s = count_wait_s
        self._remembered: OrderedDict[Hashable, tuple[facts.Version, object]] = OrderedDict()
        self._counting: dict[HistoryFilters, asyncio.Task[int]] = {}
        self._counts = asyncio.Semaphore(COUNTS_AT_ONCE)

    async def settle(self) -> None:
        """Give up the counts that nobody has waited for."""
        for task in (counting := list(self._counting.values())):
            task.cancel()
        await asyncio.gather(*counting, return_exceptions=True)

    async def failures(self, filters: HistoryFilters, *, limit: int, offset: int) -> FailurePage:
        """A page of failures, the newest first, and how many there are in all."""
        async with self._database.read() as connection:
            if not (filters.search or filters.classification):
                total = await facts.count_failures(connection, self._index, filters)
                rows = await self._page(connection, filters, limit, offset) if offset < total else []
                return FailurePage(rows, total)
            version = await facts.history_version(connection)
            kept = cast("tuple[facts.Version, int] | None", self._remembered.get(filters))
            if kept is not None and kept[0] == version:
                self._remembered.move_to_end(filters)
                rows = await self._page(connection, filters, limit, offset) if offset < kept[1] else []
                return FailurePage(rows, kept[1])
            # One more than is shown: whether there are more is known at once, how many is not.
            rows = await self._page(connection, filters, limit + 1, offset)
            if 0 < len(rows) <= limit or not (rows or offset):
                self._remember(filters, version, offset + len(rows))
                return FailurePage(rows, offset + len(rows))
        count = self._start_to_count(filters)
        is_large = int(version[0] or 0) >= self._large
        waits = self._count_wait_s if is_large and limit and rows else None
        done, _ = await asyncio.wait({count}, timeout=waits)
        if done:
            return FailurePage(rows[:limit], count.result())
        known = kept[1] if kept is not None else 0
        return FailurePage(rows[:limit], max(known, offset + len(rows)), total_is_exact=False)

    async def _page(
        self, connection: Connection, filters: HistoryFilters, limit: int, offset: int
    ) -> list[PastFailure]:
        if not limit:
            return []
        return await facts.page_of_failures(connection, self._index, filters, limit=limit, offset=offset)

    def _start_to_count(self, filters: HistoryFilters) -> asyncio.Task[int]:
        """The count that goes on already, or a new one."""
        known = self._counting.get(filters)
        if known is not None:
            return known

        async def count() -> int:
            async with self._counts, self._database.read() as connection:
                return await self._known(
                    connection, filters, lambda: facts.count_failures(connection, self._index, filters)
                )

        def ended(task: asyncio.Task[int]) -> None:
            del self._counting[filters]
            # Those who wait for it are told; if nobody does, the next to ask will be.
            if not task.cancelled() and (error := task.exception()) is not None:
                log.warning("count_failed", reason=str(error))

        task = asyncio.create_task(count())
        self._counting[filters] = task
        task.add_done_callback(ended)
        return task

    async def test(self, test_name: str, *, job_name: str, exclude_job_id: str, limit: int) -> TestHistory:
        """The numbers of one test; zeros for one that nobody has seen fail."""
        async with self._database.read() as connection:
            without = await _row_id(connection, exclude_job_id)
            known = await self._known(
                connection,
                ("test", test_name, job_name, without, limit),
                lambda: _of_test(connection, test_name, job_name, without, limit),
            )
            about = await facts.comments_about(
                connection,
                test_name=test_name,
                signatures=(row.error_signature for row in known.recent),
                without=without,
            )
            return replace(known, comments=tuple(about))

    async def signature(self, signature: str, *, exclude_job_id: str) -> SignatureHistory:
        """Where the signature came up."""
        async with self._database.read() as connection:
            without = await _row_id(connection, exclude_job_id)
            tests, newest = await self._known(
                connection,
                ("signature", signature, without),
                lambda: facts.tests_with_signature(connection, signature, without),
            )
            about = await facts.comments_about(connection, signatures=[signature], without=without)
        return SignatureHistory(
            signature=signature,
            total=sum(count for _, count in tests),
            tests=tuple(tests),
            last_classification=newest,
            comments=tuple(about),
        )

    async def job(self, job_name: str, *, exclude_job_id: str) -> JobHistory:
        """The numbers of one job; zeros for an unknown one."""
        async with self._database.read() as connection:
            without = await _row_id(connection, exclude_job_id)
            builds = await facts.count_builds(connection, job_name, without)
            common = await self._known(
                connection,
                ("most common", job_name, without),
                lambda: facts.most_common_failures(connection, job_name, without),
            )
            trend = await _trend(connection, job_name, without)
        return JobHistory(job_name, builds.builds, builds.failing, tuple(common), trend)

    async def classify(self, new: NewLabel) -> int:
        """Keep what somebody says of a test; the row's id. Raises InvalidInput."""
        if not new.test_name.strip():
            raise InvalidInput("test_name is blank: name the test that is classified.")
        if new.label is HistoryLabel.KNOWN_BUG and not new.references.strip():
            raise InvalidInput("KNOWN_BUG needs references: name the issue, for example its key or address.")
        if new.child_build_number and not new.job_name.strip():
            raise InvalidInput("child_build_number needs job_name: name the child job whose build it is.")
        async with self._database.write() as connection:
            return await add_label(connection, new)

    async def classifications(self, filters: LabelFilters) -> list[StoredLabel]:
        """What was said of tests, the newest first."""
        async with self._database.read() as connection:
            return await list_labels(connection, filters)

    async def _known(self, connection: Connection, key: Hashable, count: Callable[[], Awaitable[T]]) -> T:
        """What was counted before, if the history is still the same, else what is counted now."""
        version = await facts.history_version(connection)
        kept = self._remembered.get(key)
        if kept is not None and kept[0] == version:
            self._remembered.move_to_end(key)
            return cast("T", kept[1])
        counted = await count()
        self._remember(key, version, counted)
        return counted

    def _remember(self, key: Hashable, version: facts.Version, value: object) -> None:
        self._remembered[key] = (version, value)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)


async def _of_test(
    connection: Connection, test_name: str, job_name: str, without: int | None, limit: int
) -> TestHistory:
    """All but the comments."""
    counts = await facts.count_test(connection, test_name, job_name, without)
    runs = await facts.count_runs(connection, job_name, without) if job_name else counts.analyses
    known = TestHistory(
        test_name,
        failures=counts.analyses,
        total_runs=runs,
        first_seen=counts.first_seen,
        last_seen=counts.last_seen,
        classifications=counts.classifications,
        note=_note(job_name, counts.analyses, runs),
    )
    if job_name:
        passes = max(0, runs - counts.analyses)
        known = replace(known, passes=passes, failure_rate=rate(counts.analyses, runs))
    elif counts.analyses:
        known = replace(known, passes=None, failure_rate=None)
    if not counts.analyses:
        return known
    recent = await facts.recent_failures(connection, test_name, job_name, without, max(1, limit))
    said = next((row.classification for row in recent if row.classification), "")
    return replace(
        known,
        recent=tuple(recent[:limit]),
        last_classification=said or await facts.last_classification(connection, test_name, job_name, without),
        streak=await facts.failing_streak(
            connection, test_name, recent[0].job_name if recent else job_name, without
        ),
    )


async def _row_id(connection: Connection, job_id: str) -> int | None:
    return await facts.find_analysis_id(connection, job_id) if job_id else None


async def _trend(connection: Connection, job_name: str, without: int | None) -> Trend:
    """From the share of failing builds: a job that is run more often is not worse for it."""
    now = datetime.now(UTC)
    week_ago, fortnight_ago = (utc_text(now - timedelta(days=days)) for days in (TREND_DAYS, 2 * TREND_DAYS))
    recent = await facts.count_builds(connection, job_name, without, since=week_ago)
    earlier = await facts.count_builds(connection, job_name, without, since=fortnight_ago, before=week_ago)
    if not recent.builds or not earlier.builds:
        return Trend.STABLE
    # a/b < c/d without the division's rounding
    difference = recent.failing * earlier.builds - earlier.failing * recent.builds
    if not difference:
        return Trend.STABLE
    return Trend.WORSENING if difference > 0 else Trend.IMPROVING


def _note(job_name: str, failures: int, runs: int) -> str:
    if job_name:
        if not runs:
            return "No completed analysis of this job is stored."
        return (
            "Passes are estimated: each completed analysis of the job in which the test is not among the failures "
            "counts as one."
        )
    if not failures:
        return "No failure of this test is stored."
    return (
        "Only failures are stored, so passes and failure_rate are unknown. Name a job to have them estimated from its "
        "completed analyses. consecutive_failures is that of the job in which the test failed last."
    )
