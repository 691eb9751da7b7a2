import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.model_server import Answer as Said
from tests.support.model_server import ModelServer, model_server

from rootcoz.analysis.ask import Asker
from rootcoz.analysis.ledger import Ledger
from rootcoz.domain.analysis import AnalysisOptions, ProviderCall
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.domain.finding import Answer, Finding, NoVerdict, NoVerdictReason
from rootcoz.providers.base import Access
from rootcoz.providers.openai import OpenAIProvider
from rootcoz.store.analyses import NewAnalysis, add_analysis, find_analysis
from rootcoz.store.calls import load_ledger
from rootcoz.store.engine import Database
from rootcoz.store.findings import GroupAnswer

FAILURE = Failure("tests.test_a", error_message="AssertionError: expected 200, got 500")
GROUP = FailureGroup(1, ErrorSignature("0" * 64, 1), FAILURE, (0,))
GOOD = json.dumps(
    {
        "classification": "PRODUCT BUG",
        "confidence": 0.9,
        "details": "The server answers 500.",
        "evidence": [{"quote": "expected 200, got 500", "source": "error.txt"}],
    }
)
PROSE = "I believe that the server is at fault."


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@dataclass(frozen=True)
class Answered:
    """What came of the group, and the calls that the ledger holds afterwards."""

    answer: Answer
    calls: list[ProviderCall]


async def answer_of(server: ModelServer, folder: Path) -> Answered:
    """Ask about the group with the server's answers. Called again in the same folder, it is the same analysis."""
    options = AnalysisOptions("openai", "m-1", question_timeout_s=20, max_concurrent_questions=1)
    provider = OpenAIProvider(Access(base_url=f"{server.url}/v1"))
    database = await Database.open(folder)
    saved: list[GroupAnswer] = []

    async def save(answers: Sequence[GroupAnswer]) -> None:
        await asyncio.sleep(0)
        saved.extend(answers)

    try:
        async with database.write() as connection:
            found = await find_analysis(connection, "job")
            analysis = found.id if found else await add_analysis(connection, new_analysis(options))
        ledger = await Ledger.open(database, analysis)
        asker = Asker(provider, options, asyncio.Semaphore(1), folder / "workspace", ledger)
        await asker.ask_groups([GROUP], [FAILURE], save)
        async with database.read() as connection:
            entries = await load_ledger(connection, analysis)
    finally:
        await database.close()
    (answer,) = saved
    return Answered(answer.answer, [entry.call for entry in entries])


def new_analysis(options: AnalysisOptions) -> NewAnalysis:
    return NewAnalysis(
        job_id="job",
        source="failures",
        options=options,
        request_params={},
        reports=(),
        notes=(),
        failure_count=1,
    )


async def test_a_usable_answer_takes_one_call(server: ModelServer, tmp_path: Path) -> None:
    server.say(Said(GOOD))

    answered = await answer_of(server, tmp_path)

    assert isinstance(answered.answer, Finding)
    assert [call.call_type for call in answered.calls] == ["primary"]
    assert answered.answer.evidence[0].verified


async def test_an_unusable_answer_is_asked_for_once_more(server: ModelServer, tmp_path: Path) -> None:
    server.say(Said(PROSE), Said(GOOD))

    answered = await answer_of(server, tmp_path)

    assert isinstance(answered.answer, Finding)
    assert [(call.call_type, call.input_tokens, call.error) for call in answered.calls] == [
        ("primary", 60, ""),
        ("repair", 60, ""),
    ]


async def test_the_repair_shows_the_model_its_answer(server: ModelServer, tmp_path: Path) -> None:
    reading = Said(tool="read_file", arguments={"path": "group-1/earlier-answer.txt"})
    server.say(Said(PROSE), reading, Said(GOOD))

    await answer_of(server, tmp_path)

    assert server.tool_results() == [f"1: {PROSE}"]
    assert "no readable JSON object" in str(server.requests[-1].body["messages"][0])


async def test_after_one_repair_it_is_no_verdict_with_the_text_kept(
    server: ModelServer, tmp_path: Path
) -> None:
    server.say(Said(PROSE))

    answered = await answer_of(server, tmp_path)

    assert isinstance(answered.answer, NoVerdict)
    assert answered.answer.reason is NoVerdictReason.UNUSABLE_ANSWER
    assert answered.answer.raw_text == PROSE
    assert len(answered.calls) == 2


async def test_a_repair_that_fails_leaves_the_first_text(server: ModelServer, tmp_path: Path) -> None:
    server.say(Said(PROSE), Said("bad key", status=401))

    answered = await answer_of(server, tmp_path)

    assert isinstance(answered.answer, NoVerdict)
    assert answered.answer.raw_text == PROSE
    assert answered.calls[1].error


async def test_an_answer_that_was_cut_short_says_so(server: ModelServer, tmp_path: Path) -> None:
    server.say(Said(GOOD[:60], cut=True))

    answered = await answer_of(server, tmp_path)

    assert isinstance(answered.answer, NoVerdict)
    assert "limit of output" in answered.answer.message


async def test_a_provider_that_refuses_is_not_asked_again(server: ModelServer, tmp_path: Path) -> None:
    server.say(Said("no", status=401))

    answered = await answer_of(server, tmp_path)

    assert isinstance(answered.answer, NoVerdict)
    assert answered.answer.reason is NoVerdictReason.PROVIDER_FAILED
    assert len(answered.calls) == 1


async def test_a_call_that_was_answered_before_a_crash_is_not_made_again(
    server: ModelServer, tmp_path: Path
) -> None:
    server.say(Said(PROSE), Said(GOOD))
    first = await answer_of(server, tmp_path)
    asked = len(server.requests)
    again = await answer_of(server, tmp_path)

    assert len(server.requests) == asked
    assert again == first
