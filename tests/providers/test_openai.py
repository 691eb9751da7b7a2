import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.model_server import Answer, ModelServer, model_server
from tests.support.provider_stand_ins import ANSWER_TEXT, KEY, question

from rootcoz.domain.errors import Refused, Unavailable
from rootcoz.prompts.answer import answer_schema
from rootcoz.providers.base import Access
from rootcoz.providers.openai import REQUEST_LIMIT, OpenAIProvider


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def provider(server: ModelServer) -> OpenAIProvider:
    return OpenAIProvider(Access(api_key=KEY, base_url=f"{server.url}/v1"))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("OUTSIDE-MARK")
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "error.txt").write_text("AssertionError: 1 != 2\n")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


async def test_the_model_may_list_read_and_search_and_nothing_else(
    provider: OpenAIProvider, server: ModelServer, workspace: Path
) -> None:
    server.say(
        Answer(tool="list_files"),
        Answer(tool="read_file", arguments={"path": "error.txt"}),
        Answer(tool="search", arguments={"text": "assertion"}),
        Answer(ANSWER_TEXT),
    )

    reply = await provider.ask(question(workspace))

    assert server.tools_offered() == {"list_files", "read_file", "search"}
    assert server.tool_results() == [
        "error.txt (23)",
        "1: AssertionError: 1 != 2",
        "error.txt:1: AssertionError: 1 != 2",
    ]
    assert reply.usage.input_tokens == 4 * 60
    assert reply.usage.cache_read_tokens == 4 * 40


@pytest.mark.parametrize("path", ["link.txt", "../secret.txt", "/etc/passwd", "no\x00pe", "", "missing"])
async def test_a_path_that_leads_out_is_refused_and_the_agent_goes_on(
    provider: OpenAIProvider, server: ModelServer, workspace: Path, path: str
) -> None:
    server.say(Answer(tool="read_file", arguments={"path": path}), Answer(ANSWER_TEXT))

    reply = await provider.ask(question(workspace))

    assert reply.text == ANSWER_TEXT
    assert server.tool_results()[0].startswith("error: ")


async def test_a_tool_that_does_not_exist_does_not_end_the_question(
    provider: OpenAIProvider, server: ModelServer, workspace: Path
) -> None:
    server.say(Answer(tool="run_shell", arguments={"command": "id"}), Answer(ANSWER_TEXT))

    assert (await provider.ask(question(workspace))).text == ANSWER_TEXT


async def test_the_model_is_held_to_the_schema(
    provider: OpenAIProvider, server: ModelServer, workspace: Path
) -> None:
    server.say(Answer(ANSWER_TEXT))

    await provider.ask(question(workspace, answer_schema=answer_schema()))

    asked = server.requests[0].body["response_format"]["json_schema"]["schema"]["properties"]
    assert {"classification", "details", "evidence", "code_fix"} <= asked.keys()


async def test_a_service_without_schemas_is_asked_without_from_then_on(
    provider: OpenAIProvider, server: ModelServer, workspace: Path
) -> None:
    server.say(Answer("response_format is not supported", status=400), Answer(ANSWER_TEXT))
    asked = question(workspace, answer_schema=answer_schema())

    replies = [await provider.ask(asked), await provider.ask(asked)]

    assert [reply.text for reply in replies] == [ANSWER_TEXT] * 2
    assert ["response_format" in request.body for request in server.requests] == [True, False, False]


async def test_a_model_that_never_ends_is_stopped(
    provider: OpenAIProvider, server: ModelServer, workspace: Path
) -> None:
    server.say(Answer(tool="list_files"))

    with pytest.raises(Refused, match="limits"):
        await provider.ask(question(workspace))

    assert len(server.requests) <= REQUEST_LIMIT


async def test_the_key_goes_only_into_the_header(
    provider: OpenAIProvider, server: ModelServer, workspace: Path
) -> None:
    server.say(Answer(ANSWER_TEXT))

    await provider.ask(question(workspace))

    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in request.path + json.dumps(request.body)


async def test_a_redirect_is_not_followed(
    provider: OpenAIProvider, server: ModelServer, workspace: Path
) -> None:
    with model_server() as other:
        server.say(Answer(raw=b"", status=307, headers={"location": f"{other.url}/v1/chat/completions"}))

        with pytest.raises((Refused, Unavailable)):
            await provider.ask(question(workspace))

        assert other.requests == []


async def test_a_service_that_is_not_there_is_unavailable(workspace: Path) -> None:
    provider = OpenAIProvider(Access(base_url="http://127.0.0.1:9/v1"))

    with pytest.raises(Unavailable, match="cannot be reached"):
        await provider.ask(question(workspace))


def test_the_agent_library_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, rootcoz.wiring; print('pydantic_ai' in sys.modules, 'genai_prices' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.split() == ["False", "False"]
