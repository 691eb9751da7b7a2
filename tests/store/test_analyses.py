from dataclasses import replace

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from tests.support.analyses import OPTIONS, added, new_analysis

from rootcoz.domain.analysis import AnalysisStatus, ProgressMark, ProviderCall
from rootcoz.domain.budget import Spending
from rootcoz.domain.debate import Participant
from rootcoz.domain.errors import NotFound, TakenOver
from rootcoz.domain.failure import ErrorSignature
from rootcoz.domain.finding import NoVerdict, NoVerdictReason
from rootcoz.kit.chunks import chunked
from rootcoz.kit.sealed import Seal
from rootcoz.store.analyses import (
    Standing,
    add_analysis,
    analysis_status,
    count_attempt,
    delete_analysis,
    find_analysis,
    finish_analysis,
    list_analyses,
    mark_aborted,
    mark_running,
    note_new_answers,
    progress_of,
    save_progress,
    standings,
    take,
    unfinished_analyses,
    writing,
)
from rootcoz.store.calls import save_call
from rootcoz.store.documents import save_document
from rootcoz.store.engine import Database
from rootcoz.store.findings import GroupAnswer, save_answers
from rootcoz.store.history import HistoryRow, save_history
from rootcoz.store.review import review_counts
from rootcoz.store.schema import (
    analyses,
    comments,
    deliveries,
    metadata,
    overrides,
    reviews,
    test_classifications,
    tracker_items,
)
from rootcoz.store.secrets import save_secrets
from rootcoz.store.spending import add_spending
from rootcoz.store.workers import beat

ABSTAINED = NoVerdict(NoVerdictReason.ABSTAINED, "It cannot tell.")


async def test_a_new_analysis_is_pending_and_comes_back_as_it_was_put_in(database: Database) -> None:
    analysis_id = await added(database)
    async with database.read() as connection:
        found = await find_analysis(connection, "job-1")

    assert found is not None
    assert (found.id, found.status, found.options) == (analysis_id, AnalysisStatus.PENDING, OPTIONS)
    assert found.request_params == {"ai_provider": "builtin"}
    assert (found.started_at, found.completed_at, found.groups_total) == (None, None, None)
    assert found.created_at.endswith("Z")


async def test_an_unknown_analysis_is_none(database: Database) -> None:
    async with database.read() as connection:
        assert await find_analysis(connection, "nobody") is None
        assert await analysis_status(connection, "nobody") is None


async def test_a_job_id_is_used_once(database: Database) -> None:
    await added(database)

    with pytest.raises(IntegrityError):
        await added(database)


async def test_each_start_is_counted_and_new_answers_begin_the_count_anew(database: Database) -> None:
    analysis_id = await added(database)
    async with database.write() as connection:
        counts = [await count_attempt(connection, analysis_id) for _ in range(3)]
        await note_new_answers(connection, analysis_id)
        counts.append(await count_attempt(connection, analysis_id))

    assert counts == [1, 2, 3, 2]


async def test_the_first_start_is_the_one_that_is_kept(database: Database) -> None:
    analysis_id = await added(database)
    started = []
    for _ in range(2):
        async with database.write() as connection:
            await mark_running(connection, analysis_id)
            found = await find_analysis(connection, "job-1")
            started.append(found.started_at if found else "")

    assert started[0]
    assert started[0] == started[1]


async def test_progress_is_replaced(database: Database) -> None:
    analysis_id = await added(database)
    marks = [ProgressMark("analyzing_failures", 1.5), ProgressMark("saving", 2.0)]
    async with database.write() as connection:
        await save_progress(connection, analysis_id, marks[:1], None)
        await save_progress(connection, analysis_id, marks, 7)
        found = await find_analysis(connection, "job-1")

    assert found is not None
    assert (found.progress_log, found.groups_total) == (tuple(marks), 7)


async def test_the_list_has_the_newest_first_and_no_more_than_asked_for(database: Database) -> None:
    for number in range(5):
        await added(database, f"job-{number}")
    async with database.read() as connection:
        newest = await list_analyses(connection, 2)
        none = await list_analyses(connection, 0)

    assert [item.job_id for item in newest] == ["job-4", "job-3"]
    assert none == []


async def test_unfinished_analyses_are_listed_oldest_first(database: Database) -> None:
    ids = [await added(database, f"job-{number}") for number in range(4)]
    async with database.write() as connection:
        await mark_running(connection, ids[2])
        await finish_analysis(connection, ids[0], AnalysisStatus.FAILED)
        await finish_analysis(connection, ids[3], AnalysisStatus.COMPLETED)
        unfinished = await unfinished_analyses(connection)

    assert unfinished == ["job-1", "job-2"]


async def test_a_status_that_nobody_knows_is_refused_by_the_database(database: Database) -> None:
    analysis_id = await added(database)

    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await connection.execute(
                analyses.update().where(analyses.c.id == analysis_id).values(status="great")
            )


HISTORY_ROW = HistoryRow(
    number=0,
    group_number=1,
    job_name="nightly",
    build_number=7,
    child_job_name="",
    child_build_number=0,
    test_name="t",
    error_message="it broke",
    error_signature="0" * 64,
    signature_version=1,
    classification="CODE ISSUE",
)


async def fill(database: Database, job_id: str) -> None:
    """Something in each table that hangs on the analysis."""
    analysis_id = await added(database, job_id)
    call = ProviderCall("primary", "command", "", duration_ms=1, prompt_chars=1, reply_chars=1)
    answer = GroupAnswer(1, ErrorSignature("0" * 64, 1), ABSTAINED)
    moment = "2026-03-01T07:15:02.113Z"
    async with database.write() as connection:
        await save_document(connection, analysis_id, "result", chunked([b"{}"]))
        await save_call(connection, analysis_id, "group 1: primary", call, None)
        await save_answers(connection, analysis_id, [answer], provider="command", model="")
        await save_call(connection, analysis_id, "group 1", call, None)
        await add_spending(connection, "2026-03-01", Spending(0.5, 100))
        await save_secrets(connection, analysis_id, {"jira_pat": "x"}, Seal("key"))
        await beat(connection, "worker")
        await connection.execute(
            insert(comments).values(analysis_id=analysis_id, test_name="t", comment="c", created_at=moment)
        )
        await save_history(connection, analysis_id, [HISTORY_ROW], analyzed_at=moment)
        await connection.execute(
            insert(test_classifications).values(
                job_id=job_id, test_key=1, test_name="t", classification="FLAKY", visible=1, created_at=moment
            )
        )
        await connection.execute(
            insert(tracker_items).values(
                analysis_id=analysis_id,
                item_key="k",
                tracker="github",
                place="shop/ui",
                state="filed",
                run="r",
                test_name="t",
                child_job_name="",
                child_build_number=0,
                error_signature="0" * 64,
                signature_version=1,
                username="alice",
                title="It fails",
                claimed_at=moment,
                touched_at=moment,
            )
        )
        await connection.execute(
            insert(deliveries).values(
                id=job_id,
                channel="slack",
                event="finished",
                once_key=job_id,
                analysis_id=analysis_id,
                body=b"",
                state="pending",
                due_at=moment,
                created_at=moment,
            )
        )
        await connection.execute(
            insert(overrides).values(
                analysis_id=analysis_id,
                child_job_name="",
                child_build_number=0,
                group_number=1,
                error_signature="0" * 64,
                signature_version=1,
                classification="PRODUCT BUG",
                replaced="CODE ISSUE",
                username="alice",
                created_at=moment,
            )
        )
        for number, reviewed in enumerate([1, 1, 0]):
            await connection.execute(
                insert(reviews).values(
                    analysis_id=analysis_id,
                    target_key=number,
                    child_job_name="",
                    child_build_number=0,
                    test_name=f"t{number}",
                    reviewed=reviewed,
                    updated_at=moment,
                )
            )


async def rows(database: Database) -> dict[str, int]:
    async with database.read() as connection:
        return {
            table.name: int(await connection.scalar(select(func.count()).select_from(table)) or 0)
            for table in metadata.sorted_tables
            if table is analyses or any(key.column.table is analyses for key in table.foreign_keys)
        }


async def test_a_deleted_analysis_takes_all_that_belongs_to_it_along_and_nothing_else(
    database: Database,
) -> None:
    await fill(database, "stays")
    before = await rows(database)
    await fill(database, "goes")
    async with database.write() as connection:
        deleted = await delete_analysis(connection, "goes")
        again = await delete_analysis(connection, "goes")

    assert (deleted, again) == (True, False)
    assert all(before.values())
    assert await rows(database) == before


async def test_the_number_of_a_deleted_analysis_s_row_does_not_bring_back_what_hung_on_it(
    database: Database,
) -> None:
    await fill(database, "goes")
    async with database.write() as connection:
        await connection.execute(delete(analyses))
    await added(database, "comes")
    async with database.read() as connection:
        counts = await review_counts(connection, "comes")

    assert (counts.reviewed, counts.comments) == (0, 0)


async def test_reviews_and_comments_are_counted(database: Database) -> None:
    await fill(database, "job-1")
    async with database.write() as connection:
        await add_analysis(connection, new_analysis("job-2", failure_count=3))
    async with database.read() as connection:
        first = await review_counts(connection, "job-1")
        second = await review_counts(connection, "job-2")
        nobody = await review_counts(connection, "nobody")

    assert (first.total_failures, first.reviewed, first.comments) == (0, 2, 1)
    assert (second.total_failures, second.reviewed, second.comments) == (3, 0, 0)
    assert (nobody.total_failures, nobody.reviewed, nobody.comments) == (0, 0, 0)


async def test_options_come_back_with_their_peers(database: Database) -> None:
    options = replace(OPTIONS, peers=(Participant("gemini", "pro"),), max_rounds=5)
    async with database.write() as connection:
        await add_analysis(connection, replace(new_analysis(), options=options))
        found = await find_analysis(connection, "job-1")

    assert found is not None
    assert found.options == options


async def test_options_that_were_stored_before_there_were_debates_still_load(database: Database) -> None:
    await added(database)
    older = {"provider": "claude", "model": "opus", "question_timeout_s": 60, "max_concurrent_questions": 3}
    async with database.write() as connection:
        await connection.execute(update(analyses).values(options=older))
        found = await find_analysis(connection, "job-1")

    assert found is not None
    assert found.options.peers == ()


async def test_whoever_takes_an_analysis_up_ends_the_writing_of_the_one_before(database: Database) -> None:
    analysis_id = await added(database)
    for run in ("first", "second"):
        async with database.write() as connection:
            assert await take(connection, "job-1", run)

    with pytest.raises(TakenOver):
        async with writing(database, analysis_id, "first"):
            raise AssertionError("it may write")
    async with writing(database, analysis_id, "second") as connection:
        await mark_running(connection, analysis_id)
    async with database.read() as connection:
        assert await analysis_status(connection, "job-1") is AnalysisStatus.RUNNING


async def test_nobody_writes_to_a_deleted_analysis(database: Database) -> None:
    analysis_id = await added(database)
    async with database.write() as connection:
        await delete_analysis(connection, "job-1")
        assert not await take(connection, "job-1", "run")

    with pytest.raises(NotFound):
        async with writing(database, analysis_id, "run"):
            raise AssertionError("it may write")


async def test_a_final_analysis_is_not_finished_again(database: Database) -> None:
    analysis_id = await added(database)
    async with database.write() as connection:
        first = await finish_analysis(connection, analysis_id, AnalysisStatus.COMPLETED)
        again = await finish_analysis(connection, analysis_id, AnalysisStatus.FAILED)

    assert (first, again) == (True, False)


async def test_others_learn_what_was_decided_about_an_analysis(database: Database) -> None:
    ids = {job_id: await added(database, job_id) for job_id in ("runs", "aborted", "over")}
    async with database.write() as connection:
        for job_id in ids:
            await take(connection, job_id, f"run of {job_id}")
        await mark_aborted(connection, "aborted", "alice")
        await finish_analysis(connection, ids["over"], AnalysisStatus.COMPLETED)
    async with database.read() as connection:
        found = await standings(connection, ["runs", "aborted", "over", "nobody"])

    assert found == {
        "runs": Standing("run of runs", aborted=False, final=False),
        "aborted": Standing("run of aborted", aborted=True, final=False),
        "over": Standing("run of over", aborted=False, final=True),
    }


async def test_progress_is_told_of_what_goes_on_and_of_what_is_asked_for(database: Database) -> None:
    for job_id in ("goes on", "over", "long over"):
        analysis_id = await added(database, job_id)
        async with database.write() as connection:
            await save_progress(connection, analysis_id, [ProgressMark("analyzing", 1.0)], 4)
            if job_id != "goes on":
                await finish_analysis(connection, analysis_id, AnalysisStatus.COMPLETED)
            answer = GroupAnswer(1, ErrorSignature("0" * 64, 1), ABSTAINED)
            await save_answers(connection, analysis_id, [answer], provider="command", model="")
    async with database.read() as connection:
        found = await progress_of(connection, {"over"})

    assert [(one.job_id, one.status, one.progress_phase) for one in found] == [
        ("goes on", AnalysisStatus.PENDING, "analyzing"),
        ("over", AnalysisStatus.COMPLETED, "analyzing"),
    ]
    assert {(one.groups_total, one.groups_answered) for one in found} == {(4, 1)}
