import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.model_server import Answer, ModelServer, model_server
from tests.support.provider_stand_ins import KEY, MODEL, StandIn, question, stand_in

from rootcoz.domain.errors import NotConfigured, Refused
from rootcoz.providers.base import Access, OfferedModel, Usage
from rootcoz.providers.claude import ClaudeProvider


@pytest.fixture
def place(tmp_path: Path) -> Iterator[StandIn]:
    with stand_in("claude", tmp_path) as found:
        yield found


@pytest.fixture
def provider(place: StandIn) -> ClaudeProvider:
    return ClaudeProvider(place.config.claude)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


async def test_tokens_and_cost_are_the_program_s_own(provider: ClaudeProvider) -> None:
    reply = await provider.ask(question(None))

    assert reply.usage == Usage(100, 20, 40, 10, 0.0123)


async def test_a_structured_answer_is_taken_before_the_text(provider: ClaudeProvider, place: StandIn) -> None:
    place.play("structured")

    reply = await provider.ask(question(None, answer_schema={"type": "object"}))

    assert json.loads(reply.text)["classification"] == "PRODUCT BUG"
    arguments = place.calls[0]["arguments"]
    assert arguments[arguments.index("--json-schema") + 1] == '{"type": "object"}'


async def test_it_is_started_as_a_reader(provider: ClaudeProvider, place: StandIn) -> None:
    await provider.ask(question(None))

    arguments = place.calls[0]["arguments"]
    environment = place.calls[0]["environment"]
    assert arguments[arguments.index("--tools") + 1] == "Read,Grep,Glob"
    assert arguments[arguments.index("--setting-sources") + 1] == ""
    assert f"--model={MODEL}" in arguments
    assert environment["ANTHROPIC_API_KEY"] == KEY
    assert environment["ANTHROPIC_BASE_URL"] == place.config.claude.base_url
    assert environment["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"


async def test_an_answer_that_was_cut_is_refused(provider: ClaudeProvider, place: StandIn) -> None:
    place.play("cut")

    with pytest.raises(Refused, match="cut short"):
        await provider.ask(question(None))


async def test_without_an_address_of_its_own_it_is_told_the_vendor_s(place: StandIn) -> None:
    await ClaudeProvider(Access(KEY, "", place.config.claude.binary)).ask(question(None))

    assert place.calls[0]["environment"]["ANTHROPIC_BASE_URL"] == "https://api.anthropic.com"


def test_a_missing_key_is_named(place: StandIn) -> None:
    with pytest.raises(NotConfigured, match="set ANTHROPIC_API_KEY"):
        ClaudeProvider(Access("", "", place.config.claude.binary)).check(MODEL)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(NotConfigured, match=r"`claude` is none here\. Install it, or set CLAUDE_BINARY"):
        ClaudeProvider(Access(KEY), environment={"PATH": "/nonexistent"}).check(MODEL)


async def test_another_way_to_sign_in_needs_no_key(place: StandIn) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "AWS_REGION": "eu-1",
        "ADMIN_KEY": "no",
    }
    provider = ClaudeProvider(
        Access("", "", place.config.claude.binary),
        variables=("CLAUDE_CODE_USE_BEDROCK", "AWS_REGION"),
        environment=environment,
    )

    provider.check(MODEL)
    await provider.ask(question(None))

    seen = place.calls[0]["environment"]
    assert (seen["CLAUDE_CODE_USE_BEDROCK"], seen["AWS_REGION"]) == ("1", "eu-1")
    assert "ANTHROPIC_API_KEY" not in seen
    assert "ADMIN_KEY" not in seen


async def test_the_models_are_asked_from_the_service(server: ModelServer) -> None:
    server.models = ["claude-sonnet-4-5", "claude-own"]

    models = await ClaudeProvider(Access(KEY, server.url)).models()

    assert [model.id for model in models] == server.models
    assert models[0].input_price_per_mtok is not None
    assert models[1] == OfferedModel("claude-own", "claude-own")
    assert server.requests[0].headers["x-api-key"] == KEY
    assert KEY not in server.requests[0].path


async def test_a_list_of_models_that_is_refused_never_shows_the_key(server: ModelServer) -> None:
    server.models_reply = Answer(f"invalid x-api-key {KEY}", status=401)

    with pytest.raises(Refused, match="check ANTHROPIC_API_KEY") as caught:
        await ClaudeProvider(Access(KEY, server.url)).models()

    assert KEY not in str(caught.value)
