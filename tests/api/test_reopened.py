"""A failure that comes again although its issue is closed is told: in the result, and to the outside."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select
from tests.support.in_process import Api, running_api
from tests.support.tracker_server import Answer, Request, TrackerServer, tracker_server

from rootcoz.store.schema import deliveries

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICE = {"Cookie": "rootcoz_username=alice"}
TOKEN = "made-up-secret-0815"  # noqa: S105 - as it says


class Jira(TrackerServer):
    """Knows how issues stand, and finds what it is told to find."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: set[str] = set()
        self.finds: list[dict[str, Any]] = []
        self.trouble: Answer | None = None

    def take(self, request: Request) -> Answer:
        super().take(request)
        if request.method == "POST":
            return Answer({"issues": self.finds, "total": len(self.finds), "startAt": 0})
        if self.trouble is not None:
            return self.trouble
        key = request.target.partition("/issue/")[2].partition("?")[0]
        done = key in self.closed
        status = {"name": "Closed" if done else "Open", "statusCategory": {"key": "done" if done else "new"}}
        return Answer({"key": key, "fields": {"summary": f"Title of {key}", "status": status}})


@pytest.fixture(scope="module")
def jira() -> Iterator[Jira]:
    server = Jira()
    with tracker_server(server):
        yield server


@pytest.fixture(autouse=True)
def _all_open(jira: Jira) -> None:
    jira.closed.clear()
    jira.finds.clear()
    jira.requests.clear()
    jira.trouble = None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory, jira: Jira) -> AsyncIterator[Api]:
    settings: dict[str, object] = {"jira_url": jira.url, "jira_pat": TOKEN, "jira_project_key": "SHOP"}
    channel = {"slack_webhook_url": "http://127.0.0.1:9/hook"}
    folder = tmp_path_factory.mktemp("data")
    async with running_api(folder, short_lived=False, **settings, **channel) as api:
        yield api


def failing(word: str) -> dict[str, Any]:
    return {
        "test_name": "tests.orders.test_create",
        "error_message": f"AssertionError: {word} answered 500 Internal Server Error, expected 201",
    }


async def analysed(api: Api, word: str) -> tuple[str, dict[str, Any]]:
    """Job id and result of an analysis of a failure that is the same for each word."""
    job_id = await api.submit({"failures": [failing(word)]})
    result: dict[str, Any] = (await api.finished(job_id))["result"]
    return job_id, result


async def commented(api: Api, job_id: str, text: str) -> None:
    body = {"test_name": "tests.orders.test_create", "comment": text}
    reply = await api.post(f"/results/{job_id}/comments", json=body, headers=ALICE)
    assert reply.status_code == 201, reply.text


async def told(api: Api, job_id: str) -> list[dict[str, Any]]:
    async with api.services.database.read() as connection:
        rows = await connection.execute(select(deliveries.c.body).where(deliveries.c.event == "reopened"))
        return [body for row in rows if (body := json.loads(row.body))["job_id"] == job_id]


async def test_a_closed_issue_that_a_comment_names_is_flagged_when_the_failure_comes_again(
    api: Api, jira: Jira
) -> None:
    first, result = await analysed(api, "orders")
    await commented(api, first, "That is SHOP-7, mind UTF-8")
    _, meanwhile = await analysed(api, "orders")
    jira.closed.add("SHOP-7")
    again, reopened = await analysed(api, "orders")

    assert result["failures"][0]["reopened"] == meanwhile["failures"][0]["reopened"] == []
    assert reopened["failures"][0]["reopened"] == [
        {
            "key": "SHOP-7",
            "url": f"{jira.url}/browse/SHOP-7",
            "title": "",
            "status": "Closed",
            "linked_by": "comment",
            "job_id": first,
        }
    ]
    (news,) = await told(api, again)
    assert news["issue_key"] == "SHOP-7"


async def test_an_issue_that_was_surely_the_same_then_is_flagged_with_its_title(api: Api, jira: Jira) -> None:
    summary = "stock answered 500 Internal Server Error, expected 201"
    jira.finds.append({"key": "SHOP-17", "fields": {"summary": summary, "status": {"name": "Open"}}})
    first, found = await analysed(api, "stock")
    jira.closed.add("SHOP-17")
    again, reopened = await analysed(api, "stock")

    assert found["failures"][0]["reopened"] == []
    assert [(one["key"], one["title"], one["linked_by"]) for one in reopened["failures"][0]["reopened"]] == [
        ("SHOP-17", "Title of SHOP-17", "match")
    ]
    assert reopened["failures"][0]["reopened"][0]["job_id"] == first
    assert len(await told(api, again)) == 1


async def test_another_failure_is_not_flagged(api: Api, jira: Jira) -> None:
    first, _ = await analysed(api, "carts")
    await commented(api, first, "SHOP-8")
    jira.closed.add("SHOP-8")
    _, other = await analysed(api, "bills")

    assert other["failures"][0]["reopened"] == []


async def test_trouble_of_the_tracker_is_a_note(api: Api, jira: Jira) -> None:
    first, _ = await analysed(api, "mails")
    await commented(api, first, "SHOP-9")
    jira.trouble = Answer({"message": f"no {TOKEN}"}, status=403)
    _, result = await analysed(api, "mails")

    assert result["status"] == "completed"
    assert result["failures"][0]["reopened"] == []
    assert any("Whether 1 linked issue is closed is not known" in note for note in result["notes"])
    assert TOKEN not in str(result)
