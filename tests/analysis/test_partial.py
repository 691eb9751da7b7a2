"""The result of an analysis that is still going on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from rootcoz.analysis.intake import Submission, accept, accept_again
from rootcoz.analysis.partial import CHARS_SHOWN, FAILURES_SHOWN, partial_result
from rootcoz.domain.analysis import AnalysisOptions, StoredAnalysis
from rootcoz.domain.errors import NotFound
from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import NoVerdict, NoVerdictReason
from rootcoz.grouping.groups import group_failures
from rootcoz.kit.chunks import chunked
from rootcoz.kit.sealed import Seal
from rootcoz.store import builds
from rootcoz.store.analyses import delete_analysis, find_analysis
from rootcoz.store.documents import document_kinds, load_document, save_document
from rootcoz.store.engine import Database
from rootcoz.store.findings import GroupAnswer, save_answers
from rootcoz.store.secrets import load_secrets

OPTIONS = AnalysisOptions("builtin", "", 60, 1)
SEAL = Seal("for these tests")
WORDS = ["red", "green", "blue"]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path)
    yield opened
    await opened.close()


async def running(database: Database, failures: list[Failure], answered: set[int]) -> StoredAnalysis:
    """An analysis whose groups of these numbers have an answer."""
    submission = Submission(OPTIONS, {}, failures=failures, secrets={"jira_pat": "x"})
    job_id = await accept(database, submission, SEAL)
    groups = group_failures(failures)
    answer = NoVerdict(reason=NoVerdictReason.ABSTAINED, message="Too little is known.")
    answers = [
        GroupAnswer(group.number, group.signature, answer) for group in groups if group.number in answered
    ]
    async with database.write() as connection:
        analysis = await find_analysis(connection, job_id)
        assert analysis is not None
        packed = chunked(builds.encode_groups(groups))
        await save_document(connection, analysis.id, builds.GROUPS, packed)
        if answers:
            await save_answers(connection, analysis.id, answers, provider="builtin", model="")
    return analysis


async def shown(database: Database, analysis: StoredAnalysis) -> dict[str, Any]:
    result: dict[str, Any] = orjson.loads(await partial_result(database, analysis))
    return result


def failing(copies: int, size: int = 0) -> list[Failure]:
    return [
        Failure(f"test_{word}_{copy}", f"ValueError: {word} is wrong{' ' * size}", "trace " * 50)
        for copy in range(copies)
        for word in WORDS
    ]


async def test_only_failures_with_an_answer_are_shown_in_the_build_s_order(database: Database) -> None:
    analysis = await running(database, failing(2), {1, 3})
    result = await shown(database, analysis)

    assert [item["test_name"] for item in result["failures"]] == [
        "test_red_0",
        "test_blue_0",
        "test_red_1",
        "test_blue_1",
    ]
    assert result["failures"][0]["analysis"]["affected_tests"] == ["test_red_1"]
    assert {item["group_size"] for item in result["failures"]} == {2}
    assert (result["groups_answered"], result["notes"]) == (2, [])


async def test_before_the_first_answer_there_are_none(database: Database) -> None:
    result = await shown(database, await running(database, failing(1), set()))

    assert (result["failures"], result["groups_answered"]) == ([], 0)


async def test_of_very_many_the_first_are_shown_with_a_note(database: Database) -> None:
    result = await shown(database, await running(database, failing(1000), {1, 2}))

    assert len(result["failures"]) == FAILURES_SHOWN
    assert result["failures"][-1]["test_name"] == "test_green_499"
    assert result["notes"] == ["Only the first 1,000 failures with an answer are shown until the end."]
    assert {item["group_size"] for item in result["failures"]} == {1000}


async def test_long_texts_are_bounded_altogether(database: Database) -> None:
    result = await shown(database, await running(database, failing(100, 19_000), {1, 2, 3}))

    assert 100 < len(result["failures"]) < 110
    assert sum(len(item["error"]) for item in result["failures"]) <= CHARS_SHOWN
    assert len(result["notes"]) == 1


async def test_a_repeated_analysis_has_the_same_failures_and_no_answers(database: Database) -> None:
    first = await running(database, failing(2), {1, 2, 3})
    job_id = await accept_again(
        database, first, order=None, options=OPTIONS, request_params={}, secrets={"jira_pat": "y"}, seal=SEAL
    )
    async with database.read() as connection:
        second = await find_analysis(connection, job_id)
        assert second is not None
        kinds = await document_kinds(connection, second.id)
        failures = [
            builds.decode_failures(await load_document(connection, each.id, builds.FAILURES))
            for each in (first, second)
        ]
        secrets = await load_secrets(connection, second.id, SEAL)

    assert kinds == [builds.FAILURES]
    assert failures[0] == failures[1]
    assert (second.failure_count, second.reanalysis_of) == (6, first.job_id)
    assert secrets == {"jira_pat": "y"}


async def test_a_deleted_analysis_cannot_be_repeated(database: Database) -> None:
    first = await running(database, failing(1), set())
    async with database.write() as connection:
        await delete_analysis(connection, first.job_id)
    with pytest.raises(NotFound):
        await accept_again(
            database, first, order=None, options=OPTIONS, request_params={}, secrets={}, seal=SEAL
        )
