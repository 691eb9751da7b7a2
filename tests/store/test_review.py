import asyncio

import pytest
from sqlalchemy import select
from tests.support.analyses import added

from rootcoz.domain.failure import ErrorSignature
from rootcoz.domain.finding import Classification, Finding
from rootcoz.domain.review import Author, FailureTarget
from rootcoz.store.engine import Database
from rootcoz.store.findings import GroupAnswer, save_answers
from rootcoz.store.history import HistoryRow, save_history
from rootcoz.store.review import (
    ReviewedAnalysis,
    add_comment,
    delete_comment,
    find_failure,
    list_comments,
    list_reviews,
    lock_analysis,
    override_group,
    review_counts,
    set_reviewed,
    standing_overrides,
    undo_override,
)
from rootcoz.store.schema import failure_history, overrides, test_classifications

AT = "2026-03-01T07:15:00.000Z"
SIGNATURE = ErrorSignature("a" * 64, 2)
ROWS = [("", 0, "t"), ("", 0, "t"), ("", 0, "u"), ("smoke", 3, "t"), ("smoke", 4, "t")]


async def filled(database: Database) -> int:
    """An analysis with one group in three builds."""
    analysis_id = await added(database)
    answer = GroupAnswer(1, SIGNATURE, Finding(Classification.CODE_ISSUE, 0.5, "d"))
    rows = [
        HistoryRow(
            number=number,
            group_number=1,
            job_name="nightly",
            build_number=7,
            child_job_name=child,
            child_build_number=build,
            test_name=name,
            error_message="e",
            error_signature=SIGNATURE.value,
            signature_version=SIGNATURE.version,
            classification="CODE ISSUE",
        )
        for number, (child, build, name) in enumerate(ROWS)
    ]
    async with database.write() as connection:
        await save_answers(connection, analysis_id, [answer], provider="p", model="m")
        await save_history(connection, analysis_id, rows, analyzed_at=AT)
    return analysis_id


async def decide(database: Database, target: FailureTarget, kind: str, username: str = "alice") -> None:
    async with database.write() as connection:
        analysis, failure = await locked(connection, target)
        await override_group(connection, analysis, failure, kind, username=username, at=AT)


async def locked(connection, target: FailureTarget):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - short-hand
    analysis = await lock_analysis(connection, "job-1")
    assert isinstance(analysis, ReviewedAnalysis)
    failure = await find_failure(connection, analysis.id, target)
    assert failure is not None
    return analysis, failure


async def history(database: Database) -> list[str]:
    async with database.read() as connection:
        query = select(failure_history.c.classification).order_by(failure_history.c.number)
        return list(await connection.scalars(query))


async def test_an_override_reaches_the_members_of_the_group_in_its_build(database: Database) -> None:
    await filled(database)
    await decide(database, FailureTarget("t", "smoke", 4), "PRODUCT BUG")
    await decide(database, FailureTarget("u"), "INFRASTRUCTURE", "bob")
    table = test_classifications.c
    columns = (table.test_name, table.job_name, table.parent_job_name, table.child_build_number)
    async with database.read() as connection:
        labels = (
            await connection.execute(
                select(
                    *columns, table.classification, table.reason, table.created_by, table.visible
                ).order_by(table.id)
            )
        ).all()

    assert await history(database) == [*["INFRASTRUCTURE"] * 3, "CODE ISSUE", "PRODUCT BUG"]
    told = ("INFRASTRUCTURE", "user override", "bob", 1)
    assert [tuple(label) for label in labels] == [
        ("t", "smoke", "nightly", 4, "PRODUCT BUG", "user override", "alice", 1),
        ("t", "nightly", "", 0, *told),
        ("t", "nightly", "", 0, *told),
        ("u", "nightly", "", 0, *told),
    ]


async def test_an_undone_override_is_kept_with_who_took_it_back(database: Database) -> None:
    await filled(database)
    await decide(database, FailureTarget("t"), "PRODUCT BUG")
    async with database.write() as connection:
        analysis, failure = await locked(connection, FailureTarget("u"))
        restored = await undo_override(connection, analysis, failure, username="bob", at=AT)
        again = await undo_override(connection, analysis, failure, username="bob", at=AT)
        standing = await standing_overrides(connection, analysis.id)
        (row,) = (await connection.execute(select(overrides))).all()
        shown = list(await connection.scalars(select(test_classifications.c.visible)))

    assert (restored, again, standing) == ("CODE ISSUE", None, [])
    assert (row.username, row.classification, row.undone_by, row.undone_at) == (
        "alice",
        "PRODUCT BUG",
        "bob",
        AT,
    )
    assert shown == [0, 0, 0]
    assert await history(database) == ["CODE ISSUE"] * 5


@pytest.mark.parametrize(
    ("target", "build", "namesakes"),
    [
        (FailureTarget("t"), ("", 0), 2),
        (FailureTarget("t", "smoke"), ("smoke", 3), 1),
        (FailureTarget("t", "smoke", 4), ("smoke", 4), 1),
        (FailureTarget("u", "smoke"), None, 0),
        (FailureTarget("t", "smoke", 5), None, 0),
        (FailureTarget("T"), None, 0),
    ],
)
async def test_a_failure_is_found_by_what_people_call_it(
    database: Database, target: FailureTarget, build: tuple[str, int] | None, namesakes: int
) -> None:
    analysis_id = await filled(database)
    async with database.read() as connection:
        found = await find_failure(connection, analysis_id, target)

    assert (found and (found.child_job_name, found.child_build_number)) == build
    assert (found.namesakes if found else 0) == namesakes


async def test_people_who_act_at_once_lose_nothing(database: Database) -> None:
    await filled(database)

    async def mark(number: int) -> None:
        async with database.write() as connection:
            analysis, failure = await locked(connection, FailureTarget("t"))
            who = f"user-{number}"
            await set_reviewed(connection, analysis.id, failure, reviewed=True, username=who, at=AT)
            await add_comment(connection, analysis.id, failure, who, author=Author(who, proven=False), at=AT)

    kinds = ["PRODUCT BUG", "INFRASTRUCTURE", "CODE ISSUE"] * 3
    deciding = [decide(database, FailureTarget("t"), kind) for kind in kinds]
    await asyncio.gather(*map(mark, range(8)), *deciding)
    async with database.read() as connection:
        counts = await review_counts(connection, "job-1")
        marks = await list_reviews(connection, "job-1")
        written = await list_comments(connection, "job-1")
        made = (
            await connection.execute(
                select(overrides.c.classification, overrides.c.replaced).order_by(overrides.c.id)
            )
        ).all()

    assert (counts.reviewed, counts.comments, len(marks)) == (2, 8, 1)
    assert {one.comment for one in written} == {f"user-{number}" for number in range(8)}
    # Each took the place of the one before: none was made in ignorance of another.
    assert [row.replaced for row in made] == ["CODE ISSUE", *(row.classification for row in made[:-1])]
    assert (await history(database))[:3] == [made[-1].classification] * 3


async def test_a_comment_goes_with_its_author_alone(database: Database) -> None:
    await filled(database)
    proven, pretended = Author("alice", proven=True), Author("alice", proven=False)
    async with database.write() as connection:
        analysis, failure = await locked(connection, FailureTarget("t"))
        sure, unsure = [
            (await add_comment(connection, analysis.id, failure, "x", author=author, at=AT)).id
            for author in (proven, pretended)
        ]
        outcomes = [
            await delete_comment(connection, "job-1", sure, author=pretended),
            await delete_comment(connection, "job-1", sure, author=Author("bob", proven=True)),
            await delete_comment(connection, "job-2", sure, author=None),
            await delete_comment(connection, "job-1", sure, author=proven),
            await delete_comment(connection, "job-1", unsure, author=pretended),
            await delete_comment(connection, "job-1", unsure, author=None),
        ]

    assert outcomes == [False, False, False, True, True, False]
