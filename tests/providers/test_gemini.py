import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.model_server import ModelServer, model_server
from tests.support.provider_stand_ins import KEY, MODEL, StandIn, question, stand_in

from rootcoz.domain.errors import NotConfigured
from rootcoz.providers.base import Access
from rootcoz.providers.gemini import GeminiProvider


@pytest.fixture
def place(tmp_path: Path) -> Iterator[StandIn]:
    with stand_in("gemini", tmp_path) as found:
        yield found


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


def made(place: StandIn) -> GeminiProvider:
    return GeminiProvider(place.config.gemini)


async def test_thoughts_are_paid_for_as_output(place: StandIn) -> None:
    usage = (await made(place).ask(question(None, model="gemini-2.5-pro"))).usage

    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (60, 20, 40)
    assert usage.cost_usd is not None


async def test_its_limits_come_from_a_file_of_ours(place: StandIn) -> None:
    await made(place).ask(question(None))

    environment = place.calls[0]["environment"]
    limits = json.loads(place.calls[0]["settings"])
    assert limits["tools"]["core"] == ["read_file", "list_directory", "grep_search", "glob"]
    assert limits["hooksConfig"] == {"enabled": False}
    assert limits["security"]["auth"]["selectedType"] == "gemini-api-key"
    assert (environment["GOOGLE_GEMINI_BASE_URL"], environment["GEMINI_API_KEY"]) == (
        place.config.gemini.base_url,
        KEY,
    )


def test_a_missing_key_is_named(place: StandIn) -> None:
    provider = GeminiProvider(Access("", "", place.config.gemini.binary))

    with pytest.raises(NotConfigured, match="set GEMINI_API_KEY"):
        provider.check(MODEL)


async def test_vertex_needs_no_key(place: StandIn) -> None:
    provider = GeminiProvider(
        Access("", "", place.config.gemini.binary),
        variables=("GOOGLE_GENAI_USE_VERTEXAI",),
        environment={"PATH": "/usr/bin:/bin", "GOOGLE_GENAI_USE_VERTEXAI": "true"},
    )

    provider.check(MODEL)
    await provider.ask(question(None))

    assert json.loads(place.calls[0]["settings"])["security"]["auth"]["selectedType"] == "vertex-ai"


async def test_only_models_that_answer_questions_are_offered(server: ModelServer) -> None:
    server.models = ["gemini-2.5-pro"]

    (model,) = await GeminiProvider(Access(KEY, server.url)).models()

    assert model.id == "gemini-2.5-pro"
    assert model.output_price_per_mtok is not None
    assert server.requests[0].headers["x-goog-api-key"] == KEY
    assert KEY not in server.requests[0].path
