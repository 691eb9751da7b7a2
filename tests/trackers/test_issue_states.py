"""How single issues stand, and which issues a text names."""

import pytest
from tests.support.tracker_server import Answer, TrackerServer

from rootcoz.domain.errors import CredentialRefused, Refused
from rootcoz.domain.issue import IssueState
from rootcoz.trackers.connection import GitHubAccess, JiraConnection, PersonalToken
from rootcoz.trackers.http import Limits
from rootcoz.trackers.issue_states import GitHubIssueStates, JiraIssueStates

TOKEN = "s3cr3t-T0ken-of-the-tests"  # noqa: S105 - made up


def jira(url: str, limits: Limits) -> JiraIssueStates:
    return JiraIssueStates(JiraConnection(url, PersonalToken(TOKEN), "SHOP"), limits)


def github(url: str, limits: Limits) -> GitHubIssueStates:
    return GitHubIssueStates(GitHubAccess(url, TOKEN), limits=limits)


@pytest.mark.parametrize(
    ("category", "is_closed"), [("done", True), ("indeterminate", False), ("new", False)]
)
async def test_an_issue_of_jira_is_closed_when_nothing_is_left_to_do_whatever_that_is_called(
    server: TrackerServer, quick: Limits, category: str, *, is_closed: bool
) -> None:
    status = {"name": "Verified on stage", "statusCategory": {"key": category}}
    server.say(Answer({"key": "SHOP-7", "fields": {"summary": "It breaks", "status": status}}))
    url = f"{server.url}/browse/SHOP-7"

    assert await jira(server.url, quick).state(url) == IssueState(
        "SHOP-7", url, "It breaks", "Verified on stage", is_closed
    )
    assert server.requests[0].target == "/rest/api/2/issue/SHOP-7?fields=summary%2Cstatus"


@pytest.mark.parametrize("state", ["open", "closed"])
async def test_an_issue_of_github_is_closed_when_it_says_so(
    server: TrackerServer, quick: Limits, state: str
) -> None:
    server.say(Answer({"number": 12, "title": "It breaks", "state": state}))
    url = f"{server.url}/shop/ui-tests/issues/12"

    assert await github(server.url, quick).state(url) == IssueState(
        "shop/ui-tests#12", url, "It breaks", state, state == "closed"
    )
    assert server.requests[0].target == "/repos/shop/ui-tests/issues/12"


async def test_a_refused_credential_and_a_state_that_is_not_told_are_errors(
    server: TrackerServer, quick: Limits
) -> None:
    server.say(Answer({"message": f"no {TOKEN}"}, status=403))
    with pytest.raises(CredentialRefused) as caught:
        await github(server.url, quick).state(f"{server.url}/o/r/issues/1")
    server.requests.clear()
    server.say(Answer({"key": "SHOP-7", "fields": {}}))
    with pytest.raises(Refused, match="does not tell the state of SHOP-7"):
        await jira(server.url, quick).state(f"{server.url}/browse/SHOP-7")

    assert TOKEN not in str(caught.value)


def test_a_text_names_issues_by_address_and_by_keys_of_the_project(quick: Limits) -> None:
    states = jira("https://jira.example.com", quick)
    text = (
        "See https://jira.example.com/browse/OPS-3, SHOP-7 and (SHOP-12); again SHOP-7. "
        "UTF-8, SHA-256, XSHOP-1, SHOP-9-x and https://other.example.com/browse/SHOP-4 are none."
    )

    assert states.named_in(text) == [
        f"https://jira.example.com/browse/{key}" for key in ("OPS-3", "SHOP-7", "SHOP-12")
    ]


def test_a_text_names_issues_of_githubs_that_may_be_asked(quick: Limits) -> None:
    states = github("https://api.github.com", quick)
    text = (
        "Filed as [#3](https://github.com/shop/ui-tests/issues/3), not https://github.com/shop/ui-tests/pull/4 "
        "nor https://git.example.com/a/b/issues/5"
    )

    assert states.named_in(text) == ["https://github.com/shop/ui-tests/issues/3"]
    assert not states.knows("https://git.example.com/a/b/issues/5")
