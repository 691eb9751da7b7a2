import pytest
from sqlalchemy import select
from tests.support.analyses import added
from tests.support.history import add_run, row

from rootcoz.domain.history import HistoryLabel, LabelFilters, NewLabel
from rootcoz.store.engine import Database
from rootcoz.store.history import save_history
from rootcoz.store.labels import add_label, list_labels
from rootcoz.store.schema import failure_history

ROWS = [
    row("t"),
    row("t", child_job_name="child", child_build_number=7),
    row("t", child_job_name="child", child_build_number=8),
    row("u"),
]


async def say(database: Database, **fields: object) -> int:
    plain: dict[str, object] = {
        "test_name": "t",
        "label": HistoryLabel.FLAKY,
        "job_id": "job-1",
        "author": "ann",
    }
    async with database.write() as connection:
        return await add_label(connection, NewLabel(**(plain | fields)))  # type: ignore[arg-type]  # fields by name


async def listed(database: Database, **filters: str) -> list[tuple[str, str, str]]:
    async with database.read() as connection:
        rows = await list_labels(connection, LabelFilters(**filters))
    return [(one.test_name, one.classification, one.created_by) for one in rows]


async def classifications(database: Database) -> list[str]:
    async with database.read() as connection:
        column = failure_history.c.classification
        return list(await connection.scalars(select(column).order_by(failure_history.c.id)))


async def test_what_the_ai_says_shows_when_its_analysis_completes(database: Database) -> None:
    analysis_id = await added(database, "job-1")
    await say(database, author="")
    before = await listed(database)
    async with database.write() as connection:
        await save_history(connection, analysis_id, ROWS[:1], analyzed_at="2026-01-01T00:00:00.000Z")

    assert before == []
    assert await listed(database) == [("t", "FLAKY", "ai")]
    assert await classifications(database) == ["FLAKY"]


async def test_what_the_ai_says_of_a_completed_analysis_shows_at_once(database: Database) -> None:
    await add_run(database, "job-1", ROWS[:1])
    await say(database, author="")

    assert await listed(database) == [("t", "FLAKY", "ai")]


async def test_what_a_person_says_shows_at_once_even_of_an_analysis_nobody_knows(database: Database) -> None:
    await say(database, job_id="nobody")
    await say(database, job_id="nobody", author="")

    assert await listed(database) == [("t", "FLAKY", "ann")]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, ["FLAKY", "CODE ISSUE", "CODE ISSUE", "CODE ISSUE"]),
        ({"job_name": "nightly"}, ["FLAKY", "CODE ISSUE", "CODE ISSUE", "CODE ISSUE"]),
        ({"job_name": "child"}, ["CODE ISSUE", "FLAKY", "FLAKY", "CODE ISSUE"]),
        (
            {"job_name": "child", "child_build_number": 8},
            ["CODE ISSUE", "CODE ISSUE", "FLAKY", "CODE ISSUE"],
        ),
        ({"job_name": "elsewhere"}, ["CODE ISSUE"] * 4),
        ({"job_id": "job-2"}, ["CODE ISSUE"] * 4),
    ],
)
async def test_a_label_stands_in_the_rows_it_speaks_of(
    database: Database, target: dict[str, object], expected: list[str]
) -> None:
    await add_run(database, "job-1", ROWS)
    await say(database, **target)

    assert await classifications(database) == expected


async def test_the_parent_is_the_analysed_job_when_a_child_is_named(database: Database) -> None:
    await add_run(database, "job-1", ROWS)
    await say(database, job_name="child")
    await say(database, job_name="nightly", label=HistoryLabel.REGRESSION)

    assert await listed(database, parent_job_name="nightly") == [("t", "FLAKY", "ann")]
    assert await listed(database, job_name="nightly") == [("t", "REGRESSION", "ann")]


async def test_all_labels_are_listed_the_newest_first_and_can_be_picked(database: Database) -> None:
    for label in HistoryLabel:
        await say(database, label=label)

    assert [label for _, label, _ in await listed(database)] == [
        label.value for label in reversed(HistoryLabel)
    ]
    for label in HistoryLabel:
        assert await listed(database, classification=label.value, test_name="t", job_id="job-1") == [
            ("t", label.value, "ann")
        ]
    assert await listed(database, test_name="u") == []
