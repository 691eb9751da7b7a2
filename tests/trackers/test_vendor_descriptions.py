"""What is sent and what is replayed, held against descriptions of the vendors' APIs."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from tests.support.tracker_server import Answer, Request, TrackerServer, tracker_server
from tests.support.tracker_stand_ins import GitHubStandIn, JiraStandIn, StandIn
from werkzeug.datastructures import Headers, ImmutableMultiDict

from rootcoz.domain.errors import InvalidInput, Refused
from rootcoz.domain.issue import NewIssue
from rootcoz.domain.link import Link, LinkKind
from rootcoz.kit.clock import utc_now
from rootcoz.trackers.base import IssueQuery, IssueSearch
from rootcoz.trackers.connection import CloudLogin, GitHubConnection, JiraConnection, PersonalToken
from rootcoz.trackers.github import GitHubIssues
from rootcoz.trackers.http import Limits
from rootcoz.trackers.jira_directory import JiraDirectory
from rootcoz.trackers.jira_issues import JiraIssues
from rootcoz.trackers.registry import Connection, issue_search, state_lookup

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

    content_type = "application/json"
    headers = Headers()

    def __init__(self, data: bytes, status_code: int = 200) -> None:
        self.data = data
        self.status_code = status_code


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


CLOUD = ("jira_cloud", CloudLogin("a@example.com", "token"))
SERVER = ("jira_server", PersonalToken("token"))
KEY = Link(LinkKind.JIRA, "CORE-7")
IN_PROGRESS = {"id": "10007", "key": "CORE-7", "fields": {"status": {"name": "In Progress"}}}
PULL = {"number": 7, "state": "closed", "merged": True, "merged_at": "2026-01-01T10:00:00Z"}
PULL_AS_ISSUE = {"number": 7, "state": "closed", "pull_request": {"merged_at": "2026-01-01T10:00:00Z"}}
HTML = {"html_url": "https://github.com/shop/ui/pull/7"}


@pytest.mark.parametrize(
    ("kind", "link", "answer", "state"),
    [
        ("github", Link(LinkKind.GITHUB_PR, "shop/ui#7"), PULL | HTML, "merged"),
        (
            "github",
            Link(LinkKind.GITHUB_PR, "shop/ui#7"),
            PULL | HTML | {"merged": False, "merged_at": None, "state": "open"},
            "open",
        ),
        (
            "github",
            Link(LinkKind.GITHUB_ISSUE, "shop/ui#7"),
            {"number": 7, "state": "closed"} | HTML,
            "closed",
        ),
        ("github", Link(LinkKind.GITHUB_ISSUE, "shop/ui#7"), PULL_AS_ISSUE | HTML, "merged"),
        ("jira_cloud", KEY, IN_PROGRESS, "In Progress"),
        ("jira_server", KEY, IN_PROGRESS, "In Progress"),
    ],
)
async def test_the_asking_for_a_state_and_its_answer_fit_the_description(
    server: TrackerServer, quick: Limits, kind: str, link: Link, answer: dict[str, object], state: str
) -> None:
    description: dict[str, Any] = json.loads((PAYLOADS / f"{kind}_states_api.json").read_text("utf-8"))
    connections: dict[str, Connection] = {
        "github": GitHubConnection(server.url, "shop/ui", "token"),
        **{name: JiraConnection(server.url, login, "") for name, login in (CLOUD, SERVER)},
    }
    server.say(Answer(answer))
    found = await state_lookup(connections[kind], quick).state(link)
    request = SentRequest(server.requests[0], server.url)
    api = OpenAPI.from_dict(description)

    assert found == state
    api.validate_request(request)
    api.validate_response(request, SentResponse(json.dumps(answer).encode()))


# --- filing --------------------------------------------------------------------------------------

TEXT = """## Summary

It **fails** with `x`; see [the log](https://ci.example/1) and https://ci.example/2.

1. one
   - two

> said

| a | b |
|---|---|
| 1 | 2 |

```python
print("{code}")
```

---
"""
ISSUE = NewIssue(
    "It fails",
    TEXT,
    labels=("ci",),
    issue_type="Bug",
    security_level="Internal",
    reporter="alice",
    marker="rootcoz0123456789",
)


async def work_at_github(server: StandIn, limits: Limits) -> None:
    issues = GitHubIssues(GitHubConnection(server.url, "shop/ui-tests", "token"), limits)
    filed = await issues.create_issue(ISSUE)
    assert await issues.find_filed(ISSUE, utc_now()) == filed
    await issues.whoami()


async def work_at_jira(server: StandIn, limits: Limits) -> None:
    """Everything that is ever asked, what goes wrong included."""
    assert isinstance(server, JiraStandIn)
    credential = CloudLogin("a@example.com", "token") if server.cloud else PersonalToken("token")
    connection = JiraConnection(server.url, credential, "SHOP")
    issues = JiraIssues(connection, limits)
    filed = await issues.create_issue(ISSUE)
    assert await issues.find_filed(ISSUE, utc_now()) == filed
    await issues.create_issue(
        replace(ISSUE, body="h2. Wiki text\n\n* item\n# other\n{quote}said{quote}", issue_type="tASK")
    )
    server.required = {"customfield_10011": "Epic Name"}
    for kind in ("Bug", "Defect"):
        with suppress(InvalidInput, Refused):
            await issues.create_issue(replace(ISSUE, issue_type=kind))
    directory = JiraDirectory(connection, limits)
    await directory.whoami()
    await directory.projects("o")


class NotingGitHub(GitHubStandIn):
    def __init__(self) -> None:
        super().__init__()
        self.exchanges: list[tuple[Request, Answer]] = []

    def take(self, request: Request) -> Answer:
        answer = super().take(request)
        self.exchanges.append((request, answer))
        return answer


class NotingJira(JiraStandIn):
    def __init__(self, *, cloud: bool) -> None:
        super().__init__(cloud=cloud)
        self.exchanges: list[tuple[Request, Answer]] = []

    def take(self, request: Request) -> Answer:
        answer = super().take(request)
        self.exchanges.append((request, answer))
        return answer


@pytest.mark.parametrize(
    ("make", "work", "kind", "operations"),
    [
        (NotingGitHub, work_at_github, "github", 3),
        (lambda: NotingJira(cloud=True), work_at_jira, "jira_cloud", 7),
        (lambda: NotingJira(cloud=False), work_at_jira, "jira_server", 7),
    ],
    ids=["github", "jira cloud", "jira data center"],
)
async def test_all_that_is_sent_to_file_issues_and_its_answers_fit_the_description(
    make: Callable[[], NotingGitHub | NotingJira],
    work: Callable[[StandIn, Limits], Awaitable[None]],
    kind: str,
    operations: int,
) -> None:
    api = OpenAPI.from_dict(json.loads((PAYLOADS / f"{kind}_api.json").read_text("utf-8")))
    server = make()
    with tracker_server(server):
        await work(server, Limits(attempt_s=5.0, tries=1))
    asked = {(sent.method, urlsplit(sent.target).path) for sent, _ in server.exchanges}

    assert len(asked) == operations
    for sent, answer in server.exchanges:
        request = SentRequest(sent, server.url)
        api.validate_request(request)
        api.validate_response(request, SentResponse(json.dumps(answer.body).encode(), answer.status))
