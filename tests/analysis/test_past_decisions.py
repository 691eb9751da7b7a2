"""What people decided before, when the same failure comes again."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.support.reviewed_build import accepted_build, failing, parts_with, step
from tests.support.scripted_provider import ScriptedProvider, finding

from rootcoz.analysis.memory import catch_up
from rootcoz.analysis.pipeline import analyse
from rootcoz.domain.failure import Build, Failure
from rootcoz.domain.finding import Classification
from rootcoz.domain.review import DecisionReuse, FailureTarget
from rootcoz.features.review import Reviews
from rootcoz.grouping.memory import NEAR, SURE
from rootcoz.kit.chunks import open_chunks
from rootcoz.providers.base import Question
from rootcoz.store.analyses import find_analysis
from rootcoz.store.builds import RESULT
from rootcoz.store.documents import load_document
from rootcoz.store.engine import Database
from rootcoz.store.schema import overrides

NIGHTLY = Build(job_name="nightly", build_number=1, failures=failing("alpha", "a.one", "a.two"))
LATER = Build(
    job_name="other", build_number=9, failures=(*failing("bravo", "b.one"), *failing("alpha", "x.y", "x.z"))
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


def null_rate(test: str, rate: str) -> Failure:
    """A test that fails because one function of the product does."""
    error = f"java.lang.NullPointerException: {rate}"
    frames = (
        "com.acme.OrderService.total(OrderService.java:88)",
        f"com.acme.CartTest.{test}(CartTest.java:20)",
        "org.junit.Runner.run(Runner.java:1)",
    )
    return Failure(f"com.acme.CartTest.{test}", error, "\n\tat ".join((error, *frames)))


class Team:
    """Runs analyses, and remembers the prompts."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.prompts: list[str] = []
        self.provider = ScriptedProvider(self.answer)
        self.parts = parts_with(database, folder / "workspaces", self.provider)

    def answer(self, question: Question) -> str:
        self.prompts.append(question.prompt)
        return finding(question)

    async def analyse(self, build: Build, reuse: DecisionReuse = DecisionReuse.SUGGEST) -> str:
        self.prompts.clear()
        parts = replace(self.parts, reuse_decisions=reuse)
        job_id = await accepted_build(parts, build)
        await analyse(job_id, parts, step)
        return job_id

    async def result(self, job_id: str) -> dict[str, Any]:
        async with self.database.read() as connection:
            analysis = await find_analysis(connection, job_id)
            assert analysis is not None
            document = open_chunks(await load_document(connection, analysis.id, RESULT)).read()
        result: dict[str, Any] = json.loads(document)
        return result

    async def decide(self, job_id: str, test_name: str = "a.one") -> None:
        target = FailureTarget(test_name)
        await Reviews(self.database).override(job_id, target, Classification.INFRASTRUCTURE, "carol")


@pytest.fixture
async def team(database: Database, tmp_path: Path) -> Team:
    return Team(database, tmp_path)


async def test_a_decision_is_shown_with_the_same_failure_in_another_job_and_told_to_the_ai(
    team: Team,
) -> None:
    first = await team.analyse(NIGHTLY)
    await team.decide(first)
    result = await team.result(await team.analyse(LATER))
    known = [failure["past_decisions"] for failure in result["failures"]]

    assert known[0] == []
    assert known[1] == known[2]
    assert known[1][0].pop("decided_at").endswith("Z")
    assert known[1] == [
        {
            "classification": "INFRASTRUCTURE",
            "username": "carol",
            "job_id": first,
            "similarity": 1.0,
            "test_name": "",
        }
    ]
    assert [failure["analysis"]["classification"] for failure in result["failures"]] == ["PRODUCT BUG"] * 3
    assert [prompt.count("- INFRASTRUCTURE, on 2") for prompt in sorted(team.prompts, key=len)] == [0, 1]
    assert not any("carol" in prompt for prompt in team.prompts)


async def test_a_decision_may_be_the_answer_and_nobody_is_asked(team: Team) -> None:
    first = await team.analyse(NIGHTLY)
    await team.decide(first)
    result = await team.result(await team.analyse(LATER, DecisionReuse.ANSWER))
    (_, reused, _) = (failure["analysis"] for failure in result["failures"])

    assert len(team.prompts) == 1
    assert (reused["classification"], reused["confidence"]) == ("INFRASTRUCTURE", None)
    assert reused["ai_provider"] == "people"
    assert reused["note"].startswith("carol decided this on ")
    assert first in reused["details"]
    assert result["summary"] == "3 failures in 2 groups: 1 PRODUCT BUG, 1 INFRASTRUCTURE."
    assert not any("built-in" in note for note in result["notes"])


async def test_decisions_can_be_left_alone(team: Team) -> None:
    await team.decide(await team.analyse(NIGHTLY))
    result = await team.result(await team.analyse(LATER, DecisionReuse.OFF))

    assert all(failure["past_decisions"] == [] for failure in result["failures"])
    assert not any("decided" in prompt for prompt in team.prompts)


async def test_what_was_taken_back_is_forgotten(team: Team) -> None:
    first = await team.analyse(NIGHTLY)
    await team.decide(first)
    await Reviews(team.database).undo_override(first, FailureTarget("a.two"), "carol")
    result = await team.result(await team.analyse(LATER, DecisionReuse.ANSWER))

    assert len(team.prompts) == 2
    assert all(failure["past_decisions"] == [] for failure in result["failures"])


GIFT, HALF = null_rate("addsGift", "rate"), null_rate("takesHalf", "vat")


async def test_what_was_decided_of_a_similar_failure_is_shown_as_such_and_told_to_the_ai(team: Team) -> None:
    first = await team.analyse(Build(failures=(GIFT,)))
    await team.decide(first, GIFT.test_name)
    result = await team.result(await team.analyse(Build(failures=(HALF,))))
    (known,) = result["failures"][0]["past_decisions"]

    assert NEAR <= known["similarity"] <= SURE
    assert (known["classification"], known["job_id"]) == ("INFRASTRUCTURE", first)
    assert (known["username"], known["test_name"]) == ("carol", GIFT.test_name)
    assert "None of these is the failure you are asked about" in team.prompts[0]
    assert f'of "{GIFT.test_name}", similarity {known["similarity"]:.2f}' in team.prompts[0]
    assert "The error signature was the same" not in team.prompts[0]


async def test_a_similar_failure_s_decision_is_never_the_answer(team: Team) -> None:
    await team.decide(await team.analyse(Build(failures=(GIFT,))), GIFT.test_name)
    result = await team.result(await team.analyse(Build(failures=(HALF,)), DecisionReuse.ANSWER))

    assert len(team.prompts) == 1
    assert result["failures"][0]["analysis"]["ai_provider"] == "scripted"
    assert result["failures"][0]["past_decisions"]


async def test_where_the_same_failure_was_judged_no_similar_one_is_told(team: Team) -> None:
    job_id = await team.analyse(Build(failures=(GIFT, HALF)))
    await team.decide(job_id, GIFT.test_name)
    await team.decide(job_id, HALF.test_name)
    result = await team.result(await team.analyse(Build(failures=(GIFT,))))

    assert [one["similarity"] for one in result["failures"][0]["past_decisions"]] == [1.0]


async def test_nothing_similar_is_told_once_the_decision_is_taken_back(team: Team) -> None:
    first = await team.analyse(Build(failures=(GIFT,)))
    await team.decide(first, GIFT.test_name)
    await catch_up(team.database)
    await Reviews(team.database).undo_override(first, FailureTarget(GIFT.test_name), "carol")
    result = await team.result(await team.analyse(Build(failures=(HALF,))))

    assert result["failures"][0]["past_decisions"] == []


async def test_failures_that_say_nothing_are_never_taken_for_one_that_was_judged(team: Team) -> None:
    await team.decide(await team.analyse(Build(failures=(Failure("a.one"),))))
    result = await team.result(
        await team.analyse(Build(failures=(Failure("a.one"), Failure("b.two"))), DecisionReuse.ANSWER)
    )

    assert [failure["past_decisions"] for failure in result["failures"]] == [[], []]
    assert len(team.prompts) == 2


async def test_a_decision_about_an_older_version_s_signature_is_found_by_the_failure_s_text(
    team: Team,
) -> None:
    first = await team.analyse(NIGHTLY)
    await team.decide(first)
    async with team.database.write() as connection:
        older = {"error_signature": "0" * 64, "signature_version": 1}
        await connection.execute(update(overrides).values(older))
    result = await team.result(await team.analyse(LATER))

    assert [one["job_id"] for one in result["failures"][1]["past_decisions"]] == [first]
    assert result["failures"][1]["past_decisions"][0]["similarity"] == 1.0
