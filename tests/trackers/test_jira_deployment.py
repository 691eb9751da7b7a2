"""Which kind of Jira a credential meets."""

from collections.abc import Iterator

import pytest
from tests.support.tracker_server import Answer, TrackerServer, tracker_server

from rootcoz.domain.errors import NotConfigured
from rootcoz.trackers.connection import CloudLogin, JiraConnection, PersonalToken
from rootcoz.trackers.jira_deployment import fitting

LOGIN = CloudLogin("jo@example.com", "token")


@pytest.fixture
def server() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


@pytest.mark.parametrize("kind", ["Server", "Data Center"])
async def test_a_server_of_one_s_own_takes_the_token_alone(server: TrackerServer, kind: str) -> None:
    server.say(Answer({"deploymentType": kind}))
    found = await fitting(JiraConnection(server.url, LOGIN, "SHOP"))
    again = await fitting(JiraConnection(server.url, LOGIN, "SHOP"))

    assert found.credential == again.credential == PersonalToken("token")
    assert len(server.requests) == 1
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"deploymentType": "Cloud"}),
        Answer({}),
        Answer({}, status=404),
        Answer({}, status=500),
        Answer(b"<html>", content_type="text/html"),
        Answer(reset=True),
    ],
)
async def test_else_the_credential_decides(server: TrackerServer, answer: Answer) -> None:
    server.say(answer)
    connection = JiraConnection(server.url, LOGIN, "SHOP")

    assert await fitting(connection) == connection


async def test_a_personal_token_needs_no_question(server: TrackerServer) -> None:
    connection = JiraConnection(server.url, PersonalToken("token"), "SHOP")

    assert await fitting(connection) == connection
    assert server.requests == []


async def test_the_cloud_s_own_domain_needs_no_question_and_wants_an_address() -> None:
    cloud = JiraConnection("https://shop.atlassian.net", LOGIN, "SHOP")
    with pytest.raises(NotConfigured, match="jira_email"):
        await fitting(JiraConnection("https://shop.atlassian.net", PersonalToken("token"), "SHOP"))

    assert await fitting(cloud) == cloud
