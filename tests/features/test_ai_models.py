import asyncio
from collections.abc import Iterator

import pytest
from tests.support.model_server import Answer, ModelServer, model_server

from rootcoz.features import ai_models
from rootcoz.features.ai_models import ModelCatalogue
from rootcoz.providers.base import Access, Provider
from rootcoz.providers.builtin import BuiltinProvider
from rootcoz.providers.cursor import CursorProvider
from rootcoz.providers.openai import OpenAIProvider


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


def catalogue(server: ModelServer) -> ModelCatalogue:
    providers: dict[str, Provider] = {
        "builtin": BuiltinProvider(),
        "cursor": CursorProvider(Access()),
        "openai": OpenAIProvider(Access(base_url=f"{server.url}/v1")),
    }
    return ModelCatalogue(providers.keys(), providers.__getitem__)


async def test_each_provider_says_what_it_offers_or_why_not(server: ModelServer) -> None:
    builtin, cursor, openai = await catalogue(server).offers()

    assert (builtin.provider, builtin.configured, builtin.models, builtin.error) == ("builtin", True, (), "")
    assert (cursor.configured, cursor.models) == (False, ())
    assert "CURSOR_BINARY" in cursor.error
    assert [model.id for model in openai.models] == ["model-a", "model-b"]


async def test_a_list_is_remembered_and_asked_for_once(server: ModelServer) -> None:
    lists = catalogue(server)

    await asyncio.gather(*(lists.offers() for _ in range(5)))
    await lists.offers()

    assert len(server.requests) == 1


async def test_a_provider_that_does_not_answer_does_not_hold_up_the_others(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ai_models, "PATIENCE_S", 0.2)
    server.models_reply = Answer(raw=b"{}", delay_s=2)

    *_, openai = await catalogue(server).offers()

    assert openai.configured
    assert "did not answer within 0.2 seconds" in openai.error


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Answer(raw=b"<html>Sign in</html>"), "is no such list"),
        (Answer("bad key", status=401), "check OPENAI_API_KEY"),
        (Answer(raw=b"[]" * 6_000_000), "longer than"),
    ],
)
async def test_a_service_that_is_none_is_named_as_such(server: ModelServer, reply: Answer, says: str) -> None:
    server.models_reply = reply

    *_, openai = await catalogue(server).offers()

    assert says in openai.error
