"""What is sent and what is replayed, held against descriptions of the vendors' searches."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from tests.support.tracker_server import Answer, Request, TrackerServer
from werkzeug.datastructures import Headers, ImmutableMultiDict

from rootcoz.trackers.base import IssueQuery, IssueSearch
from rootcoz.trackers.connection import CloudLogin, GitHubConnection, JiraConnection, PersonalToken
from rootcoz.trackers.http import Limits
from rootcoz.trackers.registry import issue_search

PAYLOADS = Path(__file__).parent.parent / "payloads" / "trackers"
QUERY = IssueQuery(("login page", 'a" OR 1=1'), ("connection refused",), limit=20)


class SentRequest:
    """A received request, as the validator wants to see one."""

    path_pattern = None

    def __init__(self, request: Request, host: str) -> None:
        parts = urlsplit(request.target)
        self.host_url = host
        self.path = parts.path
        self.method = request.method.lower()
        self.body = request.body or None
        self.content_type = request.headers.get("content-type", "application/json")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(parts.query)), header=Headers(request.headers)
        )


class SentResponse:
    """A replayed answer, as the validator wants to see one."""

    status_code = 200
    content_type = "application/json"
    headers = Headers()

    def __init__(self, data: bytes) -> None:
        self.data = data


def jira_cloud(url: str, limits: Limits) -> IssueSearch:
    return issue_search(JiraConnection(url, CloudLogin("a@example.com", "token"), "SHOP"), limits)


def jira_server(url: str, limits: Limits) -> IssueSearch:
    return issue_search(JiraConnection(url, PersonalToken("token"), "CORE"), limits)


def github(url: str, limits: Limits) -> IssueSearch:
    return issue_search(GitHubConnection(url, "shop/ui-tests", "token"), limits)


@pytest.mark.parametrize(
    ("make", "kind"), [(jira_cloud, "jira_cloud"), (jira_server, "jira_server"), (github, "github")]
)
async def test_a_search_and_its_answer_fit_the_description(
    server: TrackerServer, quick: Limits, make: Callable[[str, Limits], IssueSearch], kind: str
) -> None:
    description: dict[str, Any] = json.loads((PAYLOADS / f"{kind}_api.json").read_text("utf-8"))
    page = (PAYLOADS / f"{kind}_page.json").read_bytes()
    server.say(Answer(page))
    found = await make(server.url, quick).search(QUERY)
    request = SentRequest(server.requests[0], server.url)
    api = OpenAPI.from_dict(description)

    assert found
    api.validate_request(request)
    api.validate_response(request, SentResponse(page))
