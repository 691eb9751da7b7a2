"""The whole server with a service on loopback behind provider `openai`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.model_server import Answer, ModelServer, model_server
from tests.support.provider_stand_ins import ANSWER_TEXT, KEY
from tests.support.server import Server, running_server

FAILURES = {"failures": [{"test_name": "tests.test_a", "error_message": "expected 200, got 500"}]}


@pytest.fixture
def service() -> Iterator[ModelServer]:
    with model_server() as service:
        yield service


@pytest.fixture
def server(tmp_path: Path, service: ModelServer) -> Iterator[Server]:
    settings = {
        "AI_PROVIDER": "openai",
        "AI_MODEL": "model-a",
        "OPENAI_BASE_URL": f"{service.url}/v1",
        "OPENAI_API_KEY": KEY,
    }
    with running_server(tmp_path, settings) as server:
        yield server


def test_an_analysis_books_every_call_and_shows_no_key(
    server: Server, service: ModelServer, tmp_path: Path
) -> None:
    service.say(Answer("I think it is the server."), Answer(ANSWER_TEXT))

    result = server.client.post("/analyze-failures", json=FAILURES).json()

    assert result["failures"][0]["analysis"]["classification"] == "PRODUCT BUG"
    records = result["token_usage"]["calls"]
    assert {record["call_type"] for record in records} == {"primary", "repair"}
    assert KEY not in str(result) + (tmp_path / "server.log").read_text()


def test_a_refused_key_fails_the_analysis_with_a_sentence(server: Server, service: ModelServer) -> None:
    service.say(Answer(f"Incorrect API key: {KEY}", status=401))

    result = server.client.post("/analyze-failures", json=FAILURES).json()

    assert result["status"] == "failed"
    assert "check OPENAI_API_KEY" in str(result["failures"])
    assert KEY not in str(result)


def test_a_provider_that_is_not_set_up_is_refused_at_once(server: Server) -> None:
    reply = server.client.post(
        "/analyze-failures", json=FAILURES | {"ai_provider": "cursor", "ai_model": "auto"}
    )

    assert reply.status_code == 400
    assert "CURSOR_BINARY" in reply.json()["detail"]


def test_the_models_are_listed_for_each_provider(server: Server) -> None:
    offers = {offer["provider"]: offer for offer in server.client.get("/api/ai-models").json()}

    assert set(offers) == {"builtin", "claude", "command", "cursor", "gemini", "openai"}
    assert [model["id"] for model in offers["openai"]["models"]] == ["model-a", "model-b"]
    assert offers["openai"]["models"][0]["input_price_per_mtok"] is None
    assert not offers["cursor"]["configured"]
    assert "CURSOR_BINARY" in offers["cursor"]["error"]
