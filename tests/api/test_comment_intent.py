"""Does a comment say that the failure has been dealt with, over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process import ADMIN, Api, running_api
from tests.support.model_server import Answer, ModelServer, model_server

URL = "/api/analyze-comment-intent"
FILED, OPEN = "Filed OCPBUGS-12345 for this failure.", "Is somebody looking at this?"
YES = json.dumps({"suggests_reviewed": True, "reason": "A bug was filed."})
FAILURES = {"failures": [{"test_name": "a.one", "error_message": "ValueError: alpha"}]}
FINDING = json.dumps({"classification": "CODE ISSUE", "details": "d", "evidence": []})
USED_UP = {"ai_budget_per_day_tokens": 1}


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with model_server() as server:
        server.say(Answer(YES))
        yield server


@asynccontextmanager
async def with_ai(data_dir: Path, models: ModelServer, **settings: object) -> AsyncIterator[Api]:
    given: dict[str, object] = {
        "openai_base_url": f"{models.url}/v1",
        "openai_api_key": "key",
        "ai_provider": "openai",
        "ai_model": "model-a",
    }
    async with running_api(data_dir, **{**given, **settings}) as api:
        yield api


async def intent(api: Api, comment: str, **fields: Any) -> tuple[bool, str]:  # noqa: ANN401 - as JSON has it
    reply = await api.post(URL, json={"comment": comment, **fields})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body.keys() == {"suggests_reviewed", "reason"}
    return body["suggests_reviewed"], body["reason"]


async def test_rules_answer_when_there_is_no_ai(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        filed = await intent(api, FILED)
        asked = await intent(api, OPEN, ai_provider="builtin")
        empty = await intent(api, "", job_id="no-such-job")
        missing = await api.post(URL, json={})

    assert filed == (True, "It names where the failure is tracked: OCPBUGS-12345")
    assert asked == (False, f"It asks: {OPEN}")
    assert empty == (False, "")
    assert missing.status_code == 422


async def test_an_ai_answers_once_and_its_call_is_booked(tmp_path: Path, models: ModelServer) -> None:
    models.say(Answer(f"```json\n{YES}\n```", input_tokens=100, cached_tokens=0))
    async with with_ai(tmp_path, models) as api:
        answers = [await intent(api, f"{FILED} password=hunter2hunter2") for _ in range(2)]
        usage = (await api.get("/api/admin/token-usage?group_by=job", headers=ADMIN)).json()
        kinds = (await api.get("/api/admin/token-usage?group_by=call_type", headers=ADMIN)).json()
        records = (await api.get("/api/admin/token-usage/comment-intent", headers=ADMIN)).json()["records"]
        summary = (await api.get("/api/admin/token-usage/summary", headers=ADMIN)).json()

    assert answers == [(True, "A bug was filed.")] * 2
    assert len(models.requests) == 1
    assert "hunter2" not in json.dumps(models.requests[0].body)
    assert [(one["group_key"], one["call_count"]) for one in usage["breakdown"]] == [("comment-intent", 1)]
    assert [one["group_key"] for one in kinds["breakdown"]] == ["comment_intent"]
    assert [(one["ai_provider"], one["call_type"], one["input_tokens"]) for one in records] == [
        ("openai", "comment_intent", 100)
    ]
    assert [one["job_id"] for one in summary["top_jobs"]] == ["comment-intent"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer("I think that it was reviewed."),
        Answer("Incorrect key", status=401),
        Answer("Overloaded", status=500),
        Answer(raw=b"<html/>", headers={"content-type": "text/html"}),
    ],
    ids=["prose", "refused", "failed", "page"],
)
async def test_an_ai_that_fails_suggests_nothing(tmp_path: Path, models: ModelServer, answer: Answer) -> None:
    models.say(answer)
    async with with_ai(tmp_path, models) as api:
        assert await intent(api, FILED) == (False, "")


async def test_a_spent_budget_leaves_it_to_the_rules(tmp_path: Path, models: ModelServer) -> None:
    async with with_ai(tmp_path, models, **USED_UP) as api:
        first = await intent(api, FILED)
        second = await intent(api, "Known issue.")

    assert first == (True, "A bug was filed.")
    assert second == (True, "It says that the failure has been dealt with: Known issue.")
    assert len(models.requests) == 1


async def test_nobody_waits_for_a_place_that_analyses_have_taken(tmp_path: Path, models: ModelServer) -> None:
    models.say(Answer(FINDING, delay_s=3))
    async with with_ai(tmp_path, models, server_max_concurrent_ai_calls=1) as api:
        job_id = await api.submit(FAILURES)
        async with asyncio.timeout(20):
            while not models.requests:  # noqa: ASYNC110 - another thread's list
                await asyncio.sleep(0.02)
        answer = await intent(api, FILED)
        await api.post(f"/results/{job_id}/abort")

    assert answer == (True, "It names where the failure is tracked: OCPBUGS-12345")


async def test_the_request_s_ai_goes_before_the_server_s_and_that_before_the_analysis_s(
    tmp_path: Path, models: ModelServer
) -> None:
    models.say(Answer(FINDING), Answer(YES))
    async with with_ai(tmp_path, models, ai_provider="", ai_model="") as api:
        job_id = (await api.analyze({**FAILURES, "ai_provider": "openai", "ai_model": "of-the-job"})).json()[
            "job_id"
        ]
        await intent(api, "Known issue 1")
        nobody = len(models.requests)
        await intent(api, "Known issue 2", job_id=job_id)
        await intent(api, "Known issue 3", job_id=job_id, ai_provider="openai", ai_model="of-the-request")
        await intent(api, "Known issue 4", job_id=job_id, ai_provider="openai")
        await intent(api, "Known issue 5", job_id=job_id, ai_provider="builtin")
        refused = [
            await api.post(URL, json={"comment": FILED, **fields})
            for fields in ({"ai_provider": "oracle"}, {"ai_provider": "openai"})
        ]
    asked = [request.body["model"] for request in models.requests[nobody:]]

    assert nobody == 1
    assert asked == ["of-the-job", "of-the-request", "of-the-job"]
    assert [reply.status_code for reply in refused] == [400, 400]
    assert "oracle" in refused[0].json()["detail"]
    assert "AI_MODEL" in refused[1].json()["detail"]


async def test_the_server_s_ai_is_asked_even_about_another_s_analysis(
    tmp_path: Path, models: ModelServer
) -> None:
    async with with_ai(tmp_path, models) as api:
        job_id = (await api.analyze({**FAILURES, "ai_provider": "builtin"})).json()["job_id"]
        await intent(api, FILED, job_id=job_id)

    assert [request.body["model"] for request in models.requests] == ["model-a"]


async def test_only_who_may_write_may_spend(tmp_path: Path, models: ModelServer) -> None:
    async with with_ai(tmp_path, models, allowed_users="alice") as api:
        bob = await api.post(URL, json={"comment": FILED}, headers={"Cookie": "rootcoz_username=bob"})
        alice = await api.post(URL, json={"comment": FILED}, headers={"Cookie": "rootcoz_username=alice"})

    assert (bob.status_code, alice.status_code) == (403, 200)
    assert len(models.requests) == 1
