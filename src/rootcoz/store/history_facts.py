"""What is asked of the history of failures.

Numbers are counted over indexes and by the keys of names; whatever is shown is compared by its name, too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import ColumnElement, and_, case, distinct, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.history import HistoryFilters, PastComment, PastFailure
from rootcoz.kit.text_key import text_key
from rootcoz.store.schema import (
    analyses,
    comments,
    failure_history,
    history_runs,
    overrides,
    test_classifications,
)
from rootcoz.store.search import TextIndex, count_found, find_page

_RUNS_AT_ONCE = 100
MOST_COMMON = 10

Version = tuple[int | str | None, ...]
Connection = AsyncConnection
"""For those who hand it on and know no SQL."""
_ROWS = failure_history.c
_RUNS = history_runs.c


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """Rows of one test."""

    analyses: int
    first_seen: str | None
    last_seen: str | None
    classifications: dict[str, int]
    """Without the empty one."""


@dataclass(frozen=True, slots=True)
class BuildCounts:
    """Builds of one job."""

    builds: int
    failing: int


async def history_version(connection: AsyncConnection) -> Version:
    """Differs whenever a row of history was added, removed or classified anew. The first entry is the newest row's id.

    Each part is the end of an index or a count that needs no row: it is asked for with every question. Whoever removes
    a run and adds another one changes the newest moment.
    """
    undone = select(func.count()).select_from(overrides).where(overrides.c.undone_at.is_not(None))
    query = select(
        select(func.max(_ROWS.id)).scalar_subquery(),
        select(func.count()).select_from(history_runs).scalar_subquery(),
        select(func.max(_RUNS.completed_at)).scalar_subquery(),
        select(func.max(overrides.c.id)).scalar_subquery(),
        undone.scalar_subquery(),
        select(func.max(test_classifications.c.id)).scalar_subquery(),
        select(func.count()).select_from(test_classifications).scalar_subquery(),
    )
    return tuple((await connection.execute(query)).one())


async def find_analysis_id(connection: AsyncConnection, job_id: str) -> int | None:
    """The row id; None when there is no such analysis."""
    found = await connection.scalar(select(analyses.c.id).where(analyses.c.job_id == job_id))
    return None if found is None else int(found)


async def page_of_failures(
    connection: AsyncConnection, index: TextIndex, filters: HistoryFilters, *, limit: int, offset: int
) -> list[PastFailure]:
    """The newest first."""
    where = _filtered(filters, by_name=True)
    if filters.search:
        ids: Sequence[int] = await find_page(
            connection, index, filters.search, where, limit=limit, offset=offset
        )
    else:
        query = select(_ROWS.id).where(*where).order_by(_ROWS.id.desc()).limit(limit).offset(offset)
        ids = list(await connection.scalars(query))
    return await _failures(connection, ids)


async def count_failures(connection: AsyncConnection, index: TextIndex, filters: HistoryFilters) -> int:
    """All that the filters let through."""
    where = _filtered(filters, by_name=False)
    if filters.search:
        return await count_found(connection, index, filters.search, where)
    if filters.classification:
        query = select(func.count()).select_from(failure_history).where(*where)
    else:
        of_job = [_RUNS.job_key == text_key(filters.job_name)] if filters.job_name else []
        query = select(func.sum(_RUNS.failures)).where(*of_job)
    return int(await connection.scalar(query) or 0)


def _filtered(filters: HistoryFilters, *, by_name: bool) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.job_name:
        conditions.append(_ROWS.job_key == text_key(filters.job_name))
        if by_name:
            conditions.append(_ROWS.job_name == filters.job_name)
    if filters.classification:
        conditions.append(_ROWS.classification == filters.classification)
    return conditions


async def _failures(connection: AsyncConnection, ids: Sequence[int]) -> list[PastFailure]:
    if not ids:
        return []
    query = (
        select(
            _ROWS.id,
            analyses.c.job_id,
            _ROWS.job_name,
            _ROWS.build_number,
            _ROWS.test_name,
            _ROWS.error_message,
            _ROWS.error_signature,
            _ROWS.classification,
            _ROWS.child_job_name,
            _ROWS.child_build_number,
            _ROWS.analyzed_at,
        )
        .join(analyses, analyses.c.id == _ROWS.analysis_id)
        .where(_ROWS.id.in_(ids))
        .order_by(_ROWS.id.desc())
    )
    return [PastFailure(*row) for row in await connection.execute(query)]


def _of_test(test_name: str, job_name: str, without: int | None) -> list[ColumnElement[bool]]:
    conditions = [_ROWS.test_key == text_key(test_name)]
    if job_name:
        conditions.append(_ROWS.job_key == text_key(job_name))
    return conditions if without is None else [*conditions, _ROWS.analysis_id != without]


async def count_test(
    connection: AsyncConnection, test_name: str, job_name: str, without: int | None
) -> FailureCounts:
    """The test's rows, of all jobs unless one is named, `without` those of one analysis."""
    where = _of_test(test_name, job_name, without)
    rows = (
        await connection.execute(
            select(
                _ROWS.classification, func.count(), func.min(_ROWS.analyzed_at), func.max(_ROWS.analyzed_at)
            )
            .where(*where)
            .group_by(_ROWS.classification)
        )
    ).all()
    if not rows:
        return FailureCounts(0, None, None, {})
    failed = await connection.scalar(select(func.count(distinct(_ROWS.analysis_id))).where(*where))
    return FailureCounts(
        analyses=int(failed or 0),
        first_seen=min(first for _, _, first, _ in rows),
        last_seen=max(last for _, _, _, last in rows),
        classifications={
            name: count for name, count, _, _ in sorted(rows, key=lambda row: (-row[1], row[0])) if name
        },
    )


async def last_classification(
    connection: AsyncConnection, test_name: str, job_name: str, without: int | None
) -> str:
    """The newest of the test that is not empty; empty when there is none."""
    return await _newest_classification(connection, _of_test(test_name, job_name, without))


async def recent_failures(
    connection: AsyncConnection, test_name: str, job_name: str, without: int | None, limit: int
) -> list[PastFailure]:
    """The test's newest rows."""
    where = [*_of_test(test_name, job_name, without), _ROWS.test_name == test_name]
    query = select(_ROWS.id).where(*where).order_by(_ROWS.id.desc()).limit(limit)
    return await _failures(connection, list(await connection.scalars(query)))


async def count_runs(connection: AsyncConnection, job_name: str, without: int | None) -> int:
    """Completed analyses of the job."""
    query = select(func.count()).select_from(history_runs).where(*_of_job(job_name, without))
    return int(await connection.scalar(query) or 0)


async def failing_streak(
    connection: AsyncConnection, test_name: str, job_name: str, without: int | None
) -> int:
    """Builds of the job in a row in which the test failed, up to the newest that was analysed.

    The runs are the completed analyses of the job, also those that found no failure at all. They are walked from the
    highest build number down, until the first build in whose analyses the test is not among the failures. Several
    analyses of one build are one build, which failed if any of them says so. Builds that nobody had analysed neither
    prolong nor end the streak. Direct analyses have no build number: each is a build, in the order they came.
    """
    failed = exists().where(
        _ROWS.test_key == text_key(test_name),
        _ROWS.job_key == _RUNS.job_key,
        _ROWS.analysis_id == _RUNS.analysis_id,
    )
    query = (
        select(_RUNS.build_number, _RUNS.analysis_id, failed)
        .where(*_of_job(job_name, without))
        .order_by(_RUNS.build_number.desc(), _RUNS.analysis_id.desc())
    )
    seen: list[tuple[object, bool]] = []
    while True:
        page = (await connection.execute(query.limit(_RUNS_AT_ONCE).offset(len(seen)))).all()
        seen += [(build or ("direct", run), bool(bad)) for build, run, bad in page]
        streak, ended = _leading_failures(seen)
        # The last build of a page may go on in the next one.
        if len(page) < _RUNS_AT_ONCE or ended:
            return streak


def _leading_failures(runs: Iterable[tuple[object, bool]]) -> tuple[int, bool]:
    """How many builds from the first on failed, and whether a good one that has been seen to its end comes then."""
    streak = 0
    builds = [any(bad for _, bad in group) for _, group in groupby(runs, key=lambda run: run[0])]
    for number, failed in enumerate(builds, start=1):
        if not failed:
            return streak, number < len(builds)
        streak += 1
    return streak, False


def _of_job(job_name: str, without: int | None) -> list[ColumnElement[bool]]:
    conditions = [_RUNS.job_key == text_key(job_name)]
    return conditions if without is None else [*conditions, _RUNS.analysis_id != without]


async def count_builds(
    connection: AsyncConnection,
    job_name: str,
    without: int | None,
    *,
    since: str = "",
    before: str | None = None,
) -> BuildCounts:
    """Builds of the job with a completed analysis, by the time of their analysis; several of one build count once."""
    where = [*_of_job(job_name, without), _RUNS.completed_at >= since]
    if before is not None:
        where.append(_RUNS.completed_at < before)
    failing = case((_RUNS.failures > 0, _RUNS.build_number))
    query = select(func.count(distinct(_RUNS.build_number)), func.count(distinct(failing))).where(*where)
    return BuildCounts(*(await connection.execute(query)).one())


async def most_common_failures(
    connection: AsyncConnection, job_name: str, without: int | None
) -> list[tuple[str, str, int]]:
    """Test, classification and number of rows of the job's most frequent ones."""
    conditions = [_ROWS.job_key == text_key(job_name)]
    if without is not None:
        conditions.append(_ROWS.analysis_id != without)
    count = func.count().label("count")
    top = (
        select(func.max(_ROWS.id).label("id"), _ROWS.classification, count)
        .where(*conditions)
        .group_by(_ROWS.test_key, _ROWS.classification)
        .order_by(count.desc(), func.max(_ROWS.id).desc())
        .limit(MOST_COMMON)
        .subquery()
    )
    query = (
        select(_ROWS.test_name, top.c.classification, top.c.count)
        .join(top, top.c.id == _ROWS.id)
        .order_by(top.c.count.desc(), _ROWS.test_name, top.c.classification)
    )
    return [
        (name, classification, int(number))
        for name, classification, number in await connection.execute(query)
    ]


async def tests_with_signature(
    connection: AsyncConnection, signature: str, without: int | None
) -> tuple[list[tuple[str, int]], str]:
    """Tests by how often they failed with the signature, and the newest classification that is not empty."""
    where = [_ROWS.error_signature == signature]
    if without is not None:
        where.append(_ROWS.analysis_id != without)
    tests = (
        select(func.max(_ROWS.id).label("id"), func.count().label("count"))
        .where(*where)
        .group_by(_ROWS.test_key)
        .subquery()
    )
    query = (
        select(_ROWS.test_name, tests.c.count)
        .join(tests, tests.c.id == _ROWS.id)
        .order_by(tests.c.count.desc(), _ROWS.test_name)
    )
    found = [(name, int(count)) for name, count in await connection.execute(query)]
    return found, await _newest_classification(connection, where)


async def _newest_classification(connection: AsyncConnection, where: Sequence[ColumnElement[bool]]) -> str:
    """That of the newest row, which an index finds, or else of the newest that has one."""
    newest = select(func.max(_ROWS.id)).where(*where).scalar_subquery()
    found = await connection.scalar(select(_ROWS.classification).where(_ROWS.id == newest))
    if found != "":
        return str(found or "")
    query = select(_ROWS.classification).where(*where, _ROWS.classification != "")
    return str(await connection.scalar(query.order_by(_ROWS.id.desc()).limit(1)) or "")


async def comments_about(
    connection: AsyncConnection, *, test_name: str = "", signatures: Iterable[str] = (), without: int | None
) -> list[PastComment]:
    """What was written about the test or about a failure with one of the signatures, in order."""
    about: list[ColumnElement[bool]] = [comments.c.test_name == test_name] if test_name else []
    wanted = {signature for signature in signatures if signature}
    if wanted:
        about.append(comments.c.error_signature.in_(sorted(wanted)))
    if not about:
        return []
    others = [] if without is None else [comments.c.analysis_id != without]
    query = (
        select(comments.c.comment, comments.c.username, comments.c.created_at)
        .where(and_(or_(*about), *others))
        .order_by(comments.c.id)
    )
    return [PastComment(*row) for row in await connection.execute(query)]
