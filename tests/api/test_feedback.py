"""Feedback over HTTP: a real server, a local GitHub, a program that stands in for the AI."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.support import draft_writer
from tests.support.github_server import GitHubServer
from tests.support.in_process import ADMIN, Api, running_api
from tests.support.tracker_server import Answer, tracker_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3hJ6"
FEEDBACK = {
    "description": f"The dialog freezes.\nMy token is {SECRET}, write to bob@shop.test.",
    "console_errors": [f"TypeError: x is undefined, Cookie: session={SECRET}", "```\n@team"],
    "failed_api_calls": [{"status": 500, "endpoint": "/api/x", "error": f"password={SECRET}"}],
    "page_state": {"url": f"/history?token={SECRET}", "active_filters": "team=a", "report_id": "job-1"},
    "user_agent": "Mozilla/5.0",
}
REPLY = f"The dialog freezes\nLabel: bug\n\nIt freezes for @team. I know {SECRET}.\n\n```\nunclosed"


@dataclass
class World:
    api: Api
    github: GitHubServer
    ai: Path

    async def preview(self, **fields: Any) -> Any:  # noqa: ANN401 - httpx2's reply
        return await self.api.post("/api/feedback/preview", json={**FEEDBACK, **fields})

    async def create(self, **fields: Any) -> Any:  # noqa: ANN401 - httpx2's reply
        return await self.api.post(
            "/api/feedback/create", json={"title": "Freezes", "body": "It does.", **fields}
        )


@asynccontextmanager
async def opened(folder: Path, github: GitHubServer, **more: object) -> AsyncIterator[World]:
    ai = folder / "ai"
    ai.mkdir()
    settings: dict[str, object] = {
        "ai_provider": "command",
        "ai_model": "big",
        "ai_command": (sys.executable, "-IS", draft_writer.__file__, str(ai)),
        "github_api_url": github.url,
        "github_token": "server-github-token",
        "feedback_repo_url": "http://127.0.0.1/rootcoz/rootcoz",
        **more,
    }
    async with running_api(folder / "data", **settings) as api:
        yield World(api, github, ai)


@pytest.fixture(scope="module")
def github() -> Iterator[GitHubServer]:
    server = GitHubServer()
    with tracker_server(server):
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened_world(
    tmp_path_factory: pytest.TempPathFactory, github: GitHubServer
) -> AsyncIterator[World]:
    async with opened(tmp_path_factory.mktemp("feedback"), github) as world:
        yield world


@pytest.fixture
def world(opened_world: World) -> World:
    """The world as it was in the beginning."""
    for file in opened_world.ai.iterdir():
        file.unlink()
    opened_world.github.filed, opened_world.github.requests, opened_world.github.trouble = [], [], []
    return opened_world


async def test_an_ai_writes_it_and_nothing_secret_goes_in_or_comes_out(world: World) -> None:
    (world.ai / "reply").write_text(REPLY)
    reply = await world.preview()
    draft = reply.json()

    assert reply.status_code == 200
    assert (draft["title"], draft["labels"], draft["notes"]) == ("The dialog freezes", ["bug"], [])
    body = draft["body"]
    assert "It freezes for `@team`." in body
    assert "- Browser: `Mozilla/5.0`" in body
    assert "500 /api/x password=[secret:" in body
    assert "````text\nTypeError: x is undefined" in body
    assert body.endswith("with an AI (command big). It can be wrong.")
    assert SECRET not in body + (world.ai / "prompt-0").read_text()
    assert "bob@shop" not in body + (world.ai / "prompt-0").read_text()


async def test_an_ai_that_fails_is_stood_in_for(world: World) -> None:
    draft = (await world.preview(description=f"A plain wish\nfor {SECRET}")).json()

    assert draft["title"] == "A plain wish"
    assert draft["labels"] == ["bug"]  # the browser told of errors
    assert "nothing to say" in draft["notes"][0]
    assert draft["body"].startswith("A plain wish\nfor \\[secret: github token]")
    assert "without an AI" in draft["body"]


async def test_a_wish_without_errors_is_an_enhancement(world: World) -> None:
    draft = (await world.preview(description="More colours", console_errors=[], failed_api_calls=[])).json()

    assert draft["labels"] == ["enhancement"]


async def test_its_calls_stand_in_the_ledger_and_are_paid_once(world: World) -> None:
    (world.ai / "reply").write_text(REPLY)
    await asyncio.gather(*(world.preview(description="Paid once?") for _ in range(3)))

    assert len(list(world.ai.glob("prompt-*"))) == 1
    for group_by in ("call_type", "job"):
        usage = await world.api.get("/api/admin/token-usage", params={"group_by": group_by}, headers=ADMIN)
        assert {one["group_key"] for one in usage.json()["breakdown"]} == {"feedback"}


async def test_it_is_filed_with_its_labels_and_without_secrets(world: World) -> None:
    reply = await world.create(
        title=f"Freezes\n {SECRET}", body=f"## Where\n\nAt {SECRET}.", labels=["bug", "urgent", "bug"]
    )

    (filed,) = world.github.filed
    assert reply.status_code == 201
    assert reply.json() == {
        "issue_url": "https://github.test/rootcoz/rootcoz/issues/1",
        "issue_number": 1,
        "title": filed["title"],
    }
    assert (filed["title"], filed["labels"]) == ("Freezes [secret: github token]", ["bug"])
    assert filed["body"].startswith("## Where\n\nAt [secret: github token].")
    sent = world.github.asked("POST", "/repos/rootcoz/rootcoz/issues")
    assert [request.headers["authorization"] for request in sent] == ["Bearer server-github-token"]


async def test_a_double_click_files_one_issue(world: World) -> None:
    replies = await asyncio.gather(*(world.create(title="Twice") for _ in range(4)))

    assert {reply.json()["issue_number"] for reply in replies} == {1}
    assert len(world.github.filed) == 1


async def test_an_answer_that_was_lost_files_one_issue(world: World) -> None:
    world.github.trouble = [None, Answer(reset=True)]
    reply = await world.create(title="Lost")

    assert (reply.status_code, reply.json()["issue_number"]) == (201, 1)
    assert len(world.github.filed) == 1


async def test_what_another_process_filed_is_not_filed_again(world: World, tmp_path: Path) -> None:
    await world.create(title="Elsewhere")
    world.api.services.drafts.feedback._filed.clear()
    reply = await world.create(title="Elsewhere")

    assert (reply.status_code, len(world.github.filed)) == (201, 1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"message": "Bad credentials"}, 401),
        Answer({"message": "Resource not accessible"}, 403),
        Answer({"message": "Not Found"}, 404),
        Answer({"message": "Validation Failed"}, 422),
        Answer({"message": "slow down"}, 429, headers={"retry-after": "600"}),
        Answer(b"<html>Sign in", content_type="text/html"),
    ],
    ids=["401", "403", "404", "422", "429", "page"],
)
async def test_github_s_trouble_is_ours_to_tell(world: World, answer: Answer) -> None:
    world.github.trouble = [answer] * 4
    reply = await world.create(title=f"Trouble {answer.status} {answer.content_type}")

    assert reply.status_code == 502
    assert "server-github-token" not in reply.text


@pytest.mark.parametrize(
    "fields",
    [
        {"description": ""},
        {"description": " "},
        {"description": "x" * 10_001},
        {"console_errors": ["x"] * 51},
        {"console_errors": ["x" * 5_001]},
        {"failed_api_calls": [{"error": "x" * 2_001}]},
        {"failed_api_calls": [{"endpoint": "x" * 501}]},
        {"page_state": {"url": "x" * 501}},
        {"page_state": {"active_filters": "x" * 1_001}},
        {"page_state": {"report_id": "x" * 201}},
        {"user_agent": "x" * 501},
    ],
)
async def test_too_much_or_too_little_is_refused(world: World, fields: dict[str, Any]) -> None:
    assert (await world.preview(**fields)).status_code == 422


@pytest.mark.parametrize(
    "fields", [{"title": " "}, {"title": "x" * 501}, {"body": ""}, {"body": "x" * 50_001}]
)
async def test_what_cannot_be_filed_is_refused(world: World, fields: dict[str, Any]) -> None:
    assert (await world.create(**fields)).status_code == 422
    assert world.github.requests == []


async def test_the_longest_feedback_can_be_filed(world: World) -> None:
    (world.ai / "reply").write_text("A title\n\n" + "@a `b` *c* <d>\n\n" * 3_700)
    draft = (await world.preview(console_errors=["x" * 5_000] * 50)).json()
    reply = await world.create(title=draft["title"], body=draft["body"])

    assert draft["notes"] == []
    assert reply.status_code == 201
