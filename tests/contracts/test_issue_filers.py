"""What everything must do that files issues: say whether a fault may have left one, and never send it twice."""

import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest
from tests.support.tracker_server import Answer, TrackerServer, tracker_server

from rootcoz.domain.errors import (
    CredentialRefused,
    OutcomeUnknown,
    OutsideError,
    RateLimited,
    Refused,
    Unavailable,
)
from rootcoz.domain.issue import NewIssue
from rootcoz.kit.clock import utc_now
from rootcoz.trackers.base import IssueFiler
from rootcoz.trackers.connection import CloudLogin, GitHubConnection, JiraConnection, PersonalToken
from rootcoz.trackers.github import GitHubIssues
from rootcoz.trackers.http import Limits
from rootcoz.trackers.jira_directory import JiraDirectory
from rootcoz.trackers.registry import issue_filer

SECRET = "made-up-secret-0815"  # noqa: S105 - as it says
LIMITS = Limits(
    attempt_s=1.0, total_s=5.0, tries=2, first_pause_s=0.01, longest_pause_s=1.2, reply_bytes=50_000
)
CLOUD = CloudLogin("bot@example.net", SECRET)
ISSUE = NewIssue("It fails", "text", marker="rootcoz0123456789")
FILED = Answer(
    {"number": 3, "title": "It fails", "html_url": "https://github.test/3", "id": "3", "key": "SHOP-3"},
    status=201,
)
Make = Callable[[str], IssueFiler]


def jira_cloud(url: str) -> IssueFiler:
    return issue_filer(JiraConnection(url, CLOUD, "SHOP"), LIMITS)


def jira_data_center(url: str) -> IssueFiler:
    return issue_filer(JiraConnection(url, PersonalToken(SECRET), "SHOP"), LIMITS)


def github(url: str) -> IssueFiler:
    return issue_filer(GitHubConnection(url, "shop/ui-tests", SECRET), LIMITS)


FILERS = pytest.mark.parametrize("make", [jira_cloud, jira_data_center, github])
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
    "second rate limit of GitHub": (Answer(ECHO, status=403, headers={"Retry-After": "60"}), RateLimited),
    "overload with a time": (Answer(ECHO, status=503, headers={"Retry-After": "900"}), RateLimited),
    "broken": (Answer(ECHO, status=500), OutcomeUnknown),
    "broken gateway": (Answer(b"<html>", status=502, content_type="text/html"), OutcomeUnknown),
    "overloaded": (Answer(ECHO, status=503), OutcomeUnknown),
    "late gateway": (Answer(ECHO, status=504), OutcomeUnknown),
    "silent": (Answer({}, delay_s=5), OutcomeUnknown),
    "reset": (Answer(reset=True), OutcomeUnknown),
    "web page": (Answer(b"<html>Sign in</html>", content_type="text/html"), OutcomeUnknown),
    "no JSON": (Answer(b'{"number": 3', status=201), OutcomeUnknown),
    "another JSON": (Answer([1, 2], status=201), OutcomeUnknown),
    "no issue": (Answer({}, status=201), OutcomeUnknown),
    "huge": (Answer({"x": "y" * 60_000}, status=201), OutcomeUnknown),
    "drip": (Answer({"key": "SHOP-3"}, status=201, drip_s=0.1), OutcomeUnknown),
    "elsewhere": (Answer({}, status=302, headers={"Location": "https://sign-in.test/"}), Refused),
}


@pytest.fixture
def server() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


@FILERS
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_says_whether_an_issue_may_be_there_and_nothing_is_sent_twice(
    server: TrackerServer, make: Make, fault: str
) -> None:
    answer, kind = FAULTS[fault]
    server.say(answer)
    filer = make(server.url)
    with pytest.raises(OutsideError) as caught:
        await filer.create_issue(ISSUE)

    assert type(caught.value) is kind
    assert str(caught.value).startswith(filer.name)
    assert SECRET not in str(caught.value)
    assert len([one for one in server.requests if one.method == "POST"]) == 1


@FILERS
async def test_a_short_rate_limit_is_waited_for(server: TrackerServer, make: Make) -> None:
    server.say(Answer({}, status=429, headers={"Retry-After": "1"}), FILED)
    filed = await make(server.url).create_issue(ISSUE)

    assert filed.key in {"#3", "SHOP-3"}
    assert len(server.requests) == 2


@FILERS
async def test_a_rate_limit_that_only_words_tell_of_is_none_of_the_credential(
    server: TrackerServer, make: Make
) -> None:
    server.say(Answer({"message": "You have exceeded a secondary rate limit."}, status=403), FILED)

    assert (await make(server.url).create_issue(ISSUE)).key in {"#3", "SHOP-3"}


@FILERS
async def test_a_tracker_that_cannot_be_reached_has_certainly_filed_nothing(make: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unavailable) as caught:
        await make(url).create_issue(ISSUE)

    assert not isinstance(caught.value, OutcomeUnknown)


@FILERS
async def test_the_credential_stays_in_the_header_and_in_the_object(
    server: TrackerServer, make: Make
) -> None:
    server.say(FILED)
    filer = make(server.url)
    await filer.create_issue(ISSUE)
    (request,) = server.requests

    assert request.headers["authorization"].split()[0] in {"Basic", "Bearer"}
    assert SECRET not in request.target
    assert SECRET.encode() not in request.body
    assert SECRET not in repr(vars(filer))


Ask = Callable[[str], Awaitable[object]]


async def look_at_github(url: str) -> object:
    return await github(url).find_filed(ISSUE, utc_now())


async def look_at_jira_cloud(url: str) -> object:
    return await jira_cloud(url).find_filed(ISSUE, utc_now())


async def look_at_jira_data_center(url: str) -> object:
    return await jira_data_center(url).find_filed(ISSUE, utc_now())


async def who_at_github(url: str) -> object:
    return await GitHubIssues(GitHubConnection(url, "", SECRET), LIMITS).whoami()


async def who_at_jira(url: str) -> object:
    return await JiraDirectory(JiraConnection(url, CLOUD, ""), LIMITS).whoami()


async def projects_of_cloud(url: str) -> object:
    return await JiraDirectory(JiraConnection(url, CLOUD, ""), LIMITS).projects("x")


async def projects_of_data_center(url: str) -> object:
    return await JiraDirectory(JiraConnection(url, PersonalToken(SECRET), ""), LIMITS).projects()


async def levels(url: str) -> object:
    return await JiraDirectory(JiraConnection(url, CLOUD, ""), LIMITS).security_levels("SHOP")


LOOKS = pytest.mark.parametrize(
    "ask",
    [
        look_at_github,
        look_at_jira_cloud,
        look_at_jira_data_center,
        who_at_github,
        who_at_jira,
        projects_of_cloud,
        projects_of_data_center,
        levels,
    ],
)
LOOK_FAULTS: dict[str, tuple[Answer, type[OutsideError]]] = {
    "bad credential": (Answer(ECHO, status=401), CredentialRefused),
    "no permission": (Answer(ECHO, status=403), CredentialRefused),
    "not there": (Answer(ECHO, status=404), Refused),
    "rate limit": (Answer(ECHO, status=429, headers={"Retry-After": "900"}), RateLimited),
    "broken": (Answer(ECHO, status=500), Unavailable),
    "silent": (Answer({}, delay_s=5), Unavailable),
    "reset": (Answer(reset=True), Unavailable),
    "web page": (Answer(b"<html>Sign in</html>", content_type="text/html"), Refused),
    "another JSON": (Answer("text"), Refused),
    "an empty object": (Answer({}), Refused),
    "huge": (Answer({"x": "y" * 60_000}), Refused),
    "drip": (Answer({"values": []}, drip_s=0.1), Unavailable),
}


@LOOKS
@pytest.mark.parametrize("fault", LOOK_FAULTS)
async def test_a_look_that_fails_says_why_without_the_credential(
    server: TrackerServer, ask: Ask, fault: str
) -> None:
    answer, kind = LOOK_FAULTS[fault]
    server.say(answer)
    with pytest.raises(OutsideError) as caught:
        await ask(server.url)

    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
