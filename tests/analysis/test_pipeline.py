import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import select
from tests.support.scripted_provider import ScriptedProvider, finding

from rootcoz.analysis.intake import ReportFile, Submission, accept
from rootcoz.analysis.parts import Parts, Work
from rootcoz.analysis.pipeline import MAX_ATTEMPTS, analyse, give_up
from rootcoz.api.schemas.results import AnalyzeFailuresResponse, StoredResult
from rootcoz.domain.analysis import AnalysisOptions, JenkinsOrder
from rootcoz.domain.budget import Budget, Budgets
from rootcoz.domain.errors import Conflict, InvalidReport, NotFound, Refused, Unavailable
from rootcoz.domain.failure import Failure
from rootcoz.features.events import EventHub
from rootcoz.kit.chunks import chunked, open_chunks
from rootcoz.kit.sealed import Seal
from rootcoz.providers.base import Question, Usage
from rootcoz.sources.jenkins.client import JenkinsAccess
from rootcoz.store.analyses import find_analysis
from rootcoz.store.builds import ANSWER_PLACES, GROUPS, RESULT, decode_places, report_kind
from rootcoz.store.documents import load_document, save_document
from rootcoz.store.engine import Database
from rootcoz.store.schema import failure_history

OPTIONS = AnalysisOptions("scripted", "", question_timeout_s=60, max_concurrent_questions=2)
WORDS = ("alpha", "bravo", "charlie")
FAILURES = tuple(
    Failure(f"{word}.test_{copy}", f"ValueError: the {word} is wrong") for word in WORDS for copy in range(2)
)
ABSTENTION = json.dumps({"no_verdict": {"reason": "abstained", "message": "It cannot tell."}})
XML = """<?xml version='1.0'?>
<testsuites><testsuite name="s">
<testcase classname="m.x" name="t[1.5]"><failure message="ValueError: alpha"/></testcase>
<testcase classname="m.x" name="t[1.5]"/>
<testcase classname="m.x" name="t[1.5]"><error message="ValueError: bravo">trace</error></testcase>
<testcase name="a.b.c"><failure message="ValueError: alpha"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
def parts(database: Database, provider: ScriptedProvider, tmp_path: Path) -> Parts:
    def nowhere(_order: JenkinsOrder, _secrets: Mapping[str, str]) -> JenkinsAccess:
        raise AssertionError("direct submissions have no Jenkins")

    return Parts(
        database=database,
        provider_named=lambda _: provider,
        server_gate=asyncio.Semaphore(4),
        workspaces=tmp_path / "workspaces",
        scratch=tmp_path,
        public_base_url="https://ci.test",
        seal=Seal("secret"),
        jenkins_access=nowhere,
        repository_tokens=lambda _orders, _secrets: {},
        desks=lambda _analysis, _secrets: ({}, ()),
        audience=EventHub(),
    )


class Killed(BaseException):
    """The process ends here."""


async def step(_name: str, work: Work) -> None:
    await work()


async def accepted(parts: Parts, failures: Sequence[Failure] = FAILURES) -> str:
    return await accept(
        parts.database, Submission(OPTIONS, {"raw_prompt": "be kind"}, failures=failures), parts.seal
    )


async def accepted_reports(parts: Parts, folder: Path, *documents: str, names: Sequence[str] = ("",)) -> str:
    reports = []
    for number, (name, document) in enumerate(zip(names, documents, strict=True)):
        path = folder / f"{number}.xml"
        path.write_text(document, encoding="utf-8")
        reports.append(ReportFile(name, path))
    return await accept(parts.database, Submission(OPTIONS, {}, reports=reports), parts.seal)


async def stored(parts: Parts, job_id: str) -> dict[str, Any]:
    """The result, after it was held against the types of the wire."""
    async with parts.database.read() as connection:
        analysis = await find_analysis(connection, job_id)
        assert analysis is not None
        document = open_chunks(await load_document(connection, analysis.id, RESULT)).read()
    result: dict[str, Any] = json.loads(document)
    StoredResult.model_validate_json(document, strict=True)
    AnalyzeFailuresResponse.model_validate_json(
        json.dumps({**result, "job_id": job_id, "base_url": "", "result_url": ""}), strict=True
    )
    assert analysis.status == result["status"]
    assert analysis.completed_at is not None
    return result


async def killed_before_asking(name: str, work: Work) -> None:
    if name == "ask":
        raise Killed
    await work()


def classifications(result: dict[str, Any]) -> list[str]:
    return [failure["analysis"]["classification"] for failure in result["failures"]]


async def test_each_group_is_asked_once_and_every_member_gets_the_answer(
    parts: Parts, provider: ScriptedProvider
) -> None:
    job_id = await accepted(parts)
    await analyse(job_id, parts, step)
    result = await stored(parts, job_id)

    assert sorted(provider.asked) == [1, 2, 3]
    assert classifications(result) == ["PRODUCT BUG"] * 6
    assert [failure["group"] for failure in result["failures"]] == [1, 1, 2, 2, 3, 3]
    assert result["failures"][0]["analysis"]["evidence"][0]["verified"]
    assert result["token_usage"]["total_calls"] == 3
    assert result["summary"] == "6 failures in 3 groups: 3 PRODUCT BUG."


async def test_one_group_s_trouble_is_its_own(parts: Parts, provider: ScriptedProvider) -> None:
    def script(question: Question) -> str:
        match question.group.number:
            case 1:
                raise Unavailable("The provider is asleep.", source="scripted", timed_out=True)
            case 2:
                raise ValueError("a bug with s3cret inside")
            case _:
                return finding(question)

    provider.script = script
    job_id = await accepted(parts)
    await analyse(job_id, parts, step)
    result = await stored(parts, job_id)

    assert result["status"] == "completed"
    assert classifications(result) == ["", "", "", "", "PRODUCT BUG", "PRODUCT BUG"]
    reasons = [f["analysis"].get("no_verdict", {}).get("reason") for f in result["failures"]]
    assert reasons == ["timed_out", "timed_out", "provider_failed", "provider_failed", None, None]
    assert "s3cret" not in json.dumps(result)


async def test_an_analysis_all_of_whose_questions_failed_is_failed(
    parts: Parts, provider: ScriptedProvider
) -> None:
    def script(_question: Question) -> str:
        raise Refused("The key is wrong.", source="scripted")

    provider.script = script
    job_id = await accepted(parts)
    await analyse(job_id, parts, step)
    result = await stored(parts, job_id)

    assert result["status"] == "failed"
    assert "3 could not be answered" in result["summary"]


async def test_unusable_answers_alone_are_a_failed_analysis_with_their_text(
    parts: Parts, provider: ScriptedProvider
) -> None:
    provider.script = lambda _: "I would rather talk about the weather."
    job_id = await accepted(parts, FAILURES[:1])
    await analyse(job_id, parts, step)
    result = await stored(parts, job_id)

    assert result["status"] == "failed"
    assert "weather" in result["failures"][0]["analysis"]["no_verdict"]["raw_text"]


async def test_the_groups_are_decided_once_and_kept(parts: Parts, provider: ScriptedProvider) -> None:
    job_id = await accepted(parts)

    with pytest.raises(Killed):
        await analyse(job_id, parts, killed_before_asking)
    async with parts.database.write() as connection:
        analysis = await find_analysis(connection, job_id)
        assert analysis is not None
        kept = open_chunks(await load_document(connection, analysis.id, GROUPS)).readlines()
        merged = {**json.loads(kept[0]), "members": list(range(6))}
        await save_document(connection, analysis.id, GROUPS, chunked([json.dumps(merged).encode()]))
    await analyse(job_id, parts, step)

    assert len(kept) == 3
    assert provider.asked == [1]
    assert {failure["group_size"] for failure in (await stored(parts, job_id))["failures"]} == {6}


@pytest.mark.parametrize("answered", [0, 1, 2, 3])
async def test_a_second_run_asks_only_what_has_no_answer_yet(
    parts: Parts, provider: ScriptedProvider, answered: int
) -> None:
    def script(question: Question) -> str:
        if len(provider.asked) > answered:
            raise Killed
        return finding(question)

    provider.script = script
    job_id = await accepted(parts)

    async def interrupted(name: str, work: Work) -> None:
        await work()
        if name == "ask":
            raise Killed

    with pytest.raises((Killed, BaseExceptionGroup)):
        await analyse(job_id, parts, interrupted)
    async with parts.database.read() as connection:
        analysis = await find_analysis(connection, job_id)
    provider.script = finding
    provider.asked.clear()
    await analyse(job_id, parts, step)

    assert analysis is not None
    assert not analysis.status.is_final
    assert len(provider.asked) <= 3 - answered + 1  # the other of two at once may have been cut off
    assert classifications(await stored(parts, job_id)) == ["PRODUCT BUG"] * 6


async def test_what_the_built_in_analyser_answered_for_a_spent_budget_stays_answered(
    parts: Parts, provider: ScriptedProvider
) -> None:
    provider.usage = Usage(input_tokens=90, output_tokens=10)
    short = replace(parts, budgets=Budgets(per_analysis=Budget(tokens=200)))
    job_id = await accepted(parts)

    async def interrupted(name: str, work: Work) -> None:
        await work()
        if name == "ask":
            raise Killed

    with pytest.raises(Killed):
        await analyse(job_id, short, interrupted)
    asked = len(provider.asked)
    await analyse(job_id, parts, step)
    result = await stored(parts, job_id)
    who = [failure["analysis"]["ai_provider"] for failure in result["failures"]]

    assert asked == len(provider.asked) == 2
    assert sorted(who) == ["builtin"] * 2 + ["scripted"] * 4
    assert result["status"] == "completed"
    assert result["notes"] == [
        "The budget of 200 tokens for this analysis is spent. The built-in analyser answered 1 of 3 groups."
    ]


async def test_saving_again_changes_nothing(parts: Parts, provider: ScriptedProvider) -> None:
    job_id = await accepted(parts)
    await analyse(job_id, parts, step)
    before = await stored(parts, job_id)
    await analyse(job_id, parts, step)

    assert await stored(parts, job_id) == before
    assert len(provider.asked) == 3


async def test_cases_are_enriched_by_their_place_whatever_they_are_called(
    parts: Parts, tmp_path: Path
) -> None:
    job_id = await accepted_reports(parts, tmp_path, XML)
    await analyse(job_id, parts, step)
    result = await stored(parts, job_id)

    cases = list(ET.fromstring(result["enriched_xml"]).iter("testcase"))  # noqa: S314 - our own document
    marked = [
        [p.get("value") for p in case.iter("property") if p.get("name") == "ai_details"] for case in cases
    ]
    assert marked == [["About group 1."], [], ["About group 2."], ["About group 1."]]
    assert result["reports"] == [{"name": "", "tests": 4, "failed": 3, "skipped": 0, "enriched_xml": None}]
    assert "https://ci.test/results/" in result["enriched_xml"]


async def test_several_documents_are_enriched_each_by_its_own_places(parts: Parts, tmp_path: Path) -> None:
    good = "<testsuite><testcase name='fine'/></testsuite>"
    job_id = await accepted_reports(parts, tmp_path, good, XML, names=("good", "bad"))
    await analyse(job_id, parts, step)
    result = await stored(parts, job_id)

    assert result["enriched_xml"] is None
    assert result["reports"][0]["enriched_xml"] == good
    assert result["reports"][1]["enriched_xml"].count("ai_classification") == 3


async def test_a_document_without_failures_is_completed_without_a_question(
    parts: Parts, provider: ScriptedProvider, tmp_path: Path
) -> None:
    document = "<testsuite>\r\n<testcase name='ü'/><!-- &amp; --></testsuite>"
    job_id = await accepted_reports(parts, tmp_path, document)
    await analyse(job_id, parts, step)
    result = await stored(parts, job_id)

    assert provider.asked == []
    assert (result["status"], result["failures"], result["token_usage"]) == ("completed", [], None)
    assert result["enriched_xml"].replace("\r", "") == document.replace("\r", "")
    assert result["summary"] == "No failures in 1 test."


async def test_the_names_of_a_large_group_are_cut_and_its_size_is_told(parts: Parts) -> None:
    many = [Failure(f"test_{number}", "ValueError: all alike") for number in range(3000)]
    job_id = await accepted(parts, many)
    await analyse(job_id, parts, step)
    result = await stored(parts, job_id)

    assert {failure["group_size"] for failure in result["failures"]} == {3000}
    names = [len(failure["analysis"]["affected_tests"]) for failure in result["failures"]]
    assert 10 <= max(names) <= 200
    assert sum(names) <= 200_000


async def test_an_analysis_that_is_given_up_says_why_and_keeps_its_answers(
    parts: Parts, provider: ScriptedProvider, tmp_path: Path
) -> None:
    job_id = await accepted_reports(parts, tmp_path, XML)

    with pytest.raises(Killed):
        await analyse(job_id, parts, killed_before_asking)
    await give_up(job_id, parts, "The server is tired.")
    result = await stored(parts, job_id)

    assert (result["status"], result["summary"]) == ("failed", "The analysis failed: The server is tired.")
    assert result["failures"][0]["analysis"]["no_verdict"]["message"]


async def test_a_report_that_cannot_be_enriched_does_not_keep_the_analysis_from_its_end(
    parts: Parts, tmp_path: Path
) -> None:
    job_id = await accepted_reports(parts, tmp_path, XML)
    async with parts.database.write() as connection:
        analysis = await find_analysis(connection, job_id)
        assert analysis is not None
        await save_document(connection, analysis.id, report_kind(0), chunked([XML[:-20].encode()]))
    with pytest.raises(InvalidReport, match="cannot be enriched"):
        await analyse(job_id, parts, step)
    await give_up(job_id, parts, "The report cannot be enriched.")
    result = await stored(parts, job_id)

    assert (result["status"], result["enriched_xml"]) == ("failed", None)
    assert classifications(result) == ["PRODUCT BUG"] * 3


async def test_an_analysis_that_never_gets_anywhere_is_not_tried_for_ever(parts: Parts) -> None:
    job_id = await accepted(parts)

    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(Killed):
            await analyse(job_id, parts, killed_before_asking)
    with pytest.raises(Conflict, match="not tried again"):
        await analyse(job_id, parts, step)


async def test_what_was_deleted_is_not_found(parts: Parts) -> None:
    with pytest.raises(NotFound, match="deleted"):
        await analyse("nobody", parts, step)


async def test_no_workspace_is_left(parts: Parts) -> None:
    job_id = await accepted(parts)
    await analyse(job_id, parts, step)

    assert list(parts.workspaces.glob("*")) == []


async def test_what_a_killed_process_left_in_the_workspace_is_gone_before_the_first_question(
    parts: Parts, provider: ScriptedProvider
) -> None:
    job_id = await accepted(parts)
    half = parts.workspaces / job_id / "build-artifacts" / "half.zip.unpacked"
    half.mkdir(parents=True)
    seen: list[bool] = []

    def script(question: Question) -> str:
        seen.append(half.exists())
        return finding(question)

    provider.script = script
    await analyse(job_id, parts, step)

    assert seen == [False] * 3


async def test_a_process_that_died_after_its_last_question_leaves_no_workspace_behind(parts: Parts) -> None:
    async def killed_after_asking(name: str, work: Work) -> None:
        await work()
        if name == "ask":
            raise Killed

    job_id = await accepted(parts)
    with pytest.raises(Killed):
        await analyse(job_id, parts, killed_after_asking)
    (parts.workspaces / job_id / "repos").mkdir(parents=True)
    await analyse(job_id, parts, step)

    assert list(parts.workspaces.iterdir()) == []


async def test_a_report_that_cannot_be_read_is_named_and_nothing_is_kept(
    parts: Parts, tmp_path: Path
) -> None:
    with pytest.raises(InvalidReport, match=r"bad\.xml.* cannot be read: "):
        await accepted_reports(parts, tmp_path, XML, "<testsuite>", names=("good.xml", "bad.xml"))
    async with parts.database.read() as connection:
        assert (await find_analysis(connection, "any")) is None


async def test_each_failure_of_a_completed_analysis_becomes_a_row_of_the_history(
    parts: Parts, provider: ScriptedProvider
) -> None:
    job_id = await accepted(parts)
    await analyse(job_id, parts, step)
    await analyse(job_id, parts, step)
    async with parts.database.read() as connection:
        rows = (await connection.execute(select(failure_history).order_by(failure_history.c.number))).all()
    result = await stored(parts, job_id)

    assert [(row.number, row.test_name) for row in rows] == [
        (number, failure.test_name) for number, failure in enumerate(FAILURES)
    ]
    assert [row.classification for row in rows] == classifications(result)
    assert [row.error_signature for row in rows] == [one["error_signature"] for one in result["failures"]]


async def test_an_analysis_that_failed_is_no_history(parts: Parts) -> None:
    job_id = await accepted(parts)
    await give_up(job_id, parts, "The power went out.")
    async with parts.database.read() as connection:
        rows = (await connection.execute(select(failure_history))).all()

    assert rows == []


async def test_each_answer_of_a_result_is_found_at_its_place(parts: Parts) -> None:
    job_id = await accepted(parts)
    await analyse(job_id, parts, step)
    async with parts.database.read() as connection:
        analysis = await find_analysis(connection, job_id)
        assert analysis is not None
        document = open_chunks(await load_document(connection, analysis.id, RESULT)).read()
        places = list(decode_places(await load_document(connection, analysis.id, ANSWER_PLACES)))
    result = json.loads(document)

    (_, start, size), *places = places
    assert json.loads(document[start : start + size]) == result["summary"]
    assert [failure for failure, _, _ in places] == list(range(len(FAILURES)))
    for failure, start, size in places:
        fields = json.loads(b"{" + document[start : start + size] + b"}")
        analysis_of = result["failures"][failure]["analysis"]
        assert fields == {name: analysis_of[name] for name in analysis_of if name != "affected_tests"}


async def test_groups_with_one_cause_are_told_with_its_reason(parts: Parts) -> None:
    frames = "\n\tat com.acme.Order.total(Order.java:8)\n\tat com.acme.{}Test.adds({}.java:3)"
    failures = [
        Failure(
            f"com.acme.{name}Test.adds",
            f"java.lang.NullPointerException: {name}",
            f"java.lang.NullPointerException: {name}" + frames.format(name, name),
        )
        for name in ("Cart", "Offer")
    ]
    job_id = await accepted(parts, [*failures, Failure("alone", "Disk full")])
    await analyse(job_id, parts, step)
    found = (await stored(parts, job_id))["failures"]

    assert found[0]["cluster_id"] == found[1]["cluster_id"] is not None
    assert found[0]["group"] != found[1]["group"]
    assert found[0]["cluster_reason"] == (
        "same exception NullPointerException raised at Order.total, all in tests called adds, 2 groups"
    )
    assert (found[2]["cluster_id"], found[2]["cluster_reason"]) == (None, None)
