"""What every tracker must do, whoever made it: the same errors for the same faults, and no credential shown."""

from collections.abc import Callable, Iterator

import pytest
from tests.support.tracker_server import Answer, TrackerServer, tracker_server

from rootcoz.domain.errors import CredentialRefused, OutsideError, RateLimited, Refused, Unavailable
from rootcoz.domain.issue import EXCERPT_LIMIT
from rootcoz.trackers.base import IssueQuery, IssueSearch
from rootcoz.trackers.connection import CloudLogin, GitHubConnection, JiraConnection, PersonalToken
from rootcoz.trackers.http import Limits
from rootcoz.trackers.registry import issue_search

SECRET = "made-up-secret-0815"  # noqa: S105 - as it says
LIMITS = Limits(
    attempt_s=1.0, total_s=4.0, tries=2, first_pause_s=0.01, longest_pause_s=0.5, reply_bytes=50_000
)
QUERY = IssueQuery(("login page",), ("connection refused",), limit=3)


def jira_cloud(url: str) -> IssueSearch:
    return issue_search(JiraConnection(url, CloudLogin("bot@example.net", SECRET), "SHOP"), LIMITS)


def jira_data_center(url: str) -> IssueSearch:
    return issue_search(JiraConnection(url, PersonalToken(SECRET), "SHOP"), LIMITS)


def github(url: str) -> IssueSearch:
    return issue_search(GitHubConnection(url, "shop/ui-tests", SECRET), LIMITS)


Make = Callable[[str], IssueSearch]
TRACKERS = pytest.mark.parametrize("make", [jira_cloud, jira_data_center, github])

ECHO = {"message": f"because of {SECRET}", "errorMessages": [f"because of {SECRET}"]}
FAULTS: dict[str, tuple[Answer, type[OutsideError]]] = {
    "bad request": (Answer(ECHO, status=400), Refused),
    "bad credential": (Answer(ECHO, status=401), CredentialRefused),
    "no permission": (Answer(ECHO, status=403), CredentialRefused),
    "not there": (Answer(ECHO, status=404), Refused),
    "gone": (Answer(ECHO, status=410), Refused),
    "conflict": (Answer(ECHO, status=409), Refused),
    "unprocessable": (Answer(ECHO, status=422), Refused),
    "rate limit": (Answer(ECHO, status=429, headers={"Retry-After": "900"}), RateLimited),
    "rate limit without a time": (Answer(ECHO, status=429), RateLimited),
    "broken": (Answer(ECHO, status=500), Unavailable),
    "overloaded": (Answer(ECHO, status=503), RateLimited),
    "silent": (Answer({}, delay_s=5), Unavailable),
    "reset": (Answer(reset=True), Unavailable),
    "web page": (Answer(b"<html>Sign in</html>", content_type="text/html"), Refused),
    "no JSON": (Answer(b'{"issues": ['), Refused),
    "another JSON": (Answer([1, 2]), Refused),
    "no list": (Answer({}), Refused),
    "huge": (Answer({"issues": [], "items": [], "x": "y" * 60_000}), Refused),
    "drip": (Answer({"issues": [], "items": []}, drip_s=0.2), Unavailable),
}


@pytest.fixture
def server() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


@pytest.fixture
def other_server() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


@TRACKERS
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_an_error_of_its_kind_without_the_credential(
    server: TrackerServer, make: Make, fault: str
) -> None:
    answer, kind = FAULTS[fault]
    server.say(answer)
    search = make(server.url)
    with pytest.raises(OutsideError) as caught:
        await search.search(QUERY)

    assert type(caught.value) is kind
    assert str(caught.value).startswith(search.name)
    assert SECRET not in str(caught.value)
    assert caught.value.source in {"tracker jira", "tracker github"}


@TRACKERS
async def test_a_redirect_elsewhere_takes_nothing_there(
    server: TrackerServer, other_server: TrackerServer, make: Make
) -> None:
    server.say(Answer({}, status=307, headers={"Location": f"{other_server.url}/collect"}))
    with pytest.raises(Refused):
        await make(server.url).search(QUERY)

    assert other_server.requests == []


@TRACKERS
async def test_the_credential_is_sent_in_the_header_alone(server: TrackerServer, make: Make) -> None:
    server.say(Answer({"issues": [], "isLast": True, "items": []}))
    await make(server.url).search(QUERY)
    (request,) = server.requests

    assert request.headers["authorization"].split()[0] in {"Basic", "Bearer"}
    assert SECRET not in request.target
    assert SECRET.encode() not in request.body


@TRACKERS
async def test_no_more_issues_come_than_wanted_and_their_texts_are_short(
    server: TrackerServer, make: Make
) -> None:
    long_text = "word " * 250
    server.say(
        Answer(
            {
                "isLast": True,
                "total": 5,
                "issues": [
                    {"key": f"SHOP-{number}", "fields": {"summary": "s", "description": long_text}}
                    for number in range(5)
                ],
                "items": [
                    {
                        "number": number,
                        "title": "t",
                        "html_url": f"https://github.com/shop/ui-tests/issues/{number}",
                        "repository_url": "https://api.github.com/repos/Shop/ui-tests",
                        "body": long_text,
                    }
                    for number in range(5)
                ],
            }
        )
    )
    found = await make(server.url).search(QUERY)

    assert len(found) == QUERY.limit
    assert all(len(issue.excerpt) == EXCERPT_LIMIT for issue in found)


@TRACKERS
def test_a_tracker_does_not_show_its_credential(make: Make) -> None:
    assert SECRET not in repr(vars(make("https://tracker.example")))
