"""Which Report Portal is spoken to, and that its token goes nowhere else."""

from collections.abc import Iterator

import pytest
from tests.support.tracker_server import Answer, TrackerServer, tracker_server

from rootcoz.domain.errors import NotConfigured, Refused
from rootcoz.portal import report_portal_client
from rootcoz.settings import Settings

TOKEN = "made-up-secret-0815"  # noqa: S105 - as it says


@pytest.fixture
def server() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


@pytest.fixture
def other_server() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


def settings(url: str, **changes: object) -> Settings:
    fields = {"reportportal_url": url, "reportportal_api_token": TOKEN, "reportportal_project": "a b/c"}
    return Settings.model_validate({**fields, **changes})


async def test_the_project_is_asked_below_the_address_with_the_token_as_bearer(server: TrackerServer) -> None:
    server.say(Answer({"project": 1, "subTypes": {"PRODUCT_BUG": [{"locator": "pb001"}]}}))
    types = await report_portal_client(settings(f"{server.url}/portal/")).defect_types()

    assert types == {"PRODUCT_BUG": ("pb001",)}
    assert server.requests[0].target == "/portal/api/v1/a%20b%2Fc/settings"
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_redirect_does_not_take_the_token_elsewhere(
    server: TrackerServer, other_server: TrackerServer
) -> None:
    server.say(Answer({}, status=307, headers={"Location": f"{other_server.url}/api"}))
    with pytest.raises(Refused, match="where the credential is not sent"):
        await report_portal_client(settings(server.url)).defect_types()

    assert other_server.requests == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"enable_reportportal": False}, "switched off"),
        ({"reportportal_api_token": None}, "set REPORTPORTAL_API_TOKEN"),
        ({"reportportal_api_token": ""}, "set REPORTPORTAL_API_TOKEN"),
        ({"reportportal_project": "", "reportportal_url": ""}, "set REPORTPORTAL_URL, REPORTPORTAL_PROJECT"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(NotConfigured, match=words):
        report_portal_client(settings("http://127.0.0.1:9", **changes))


def test_the_token_stands_in_no_text_of_the_client(server: TrackerServer) -> None:
    client = report_portal_client(settings(server.url))

    assert TOKEN not in repr(vars(client))
