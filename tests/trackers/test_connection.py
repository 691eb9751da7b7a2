"""Which server a request speaks to, and that no credential goes where it does not belong."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tracker_server import Answer, TrackerServer

from rootcoz.domain.errors import NotConfigured
from rootcoz.trackers.base import IssueQuery
from rootcoz.trackers.connection import (
    GITHUB_API,
    CloudLogin,
    GitHubAccess,
    GitHubConnection,
    JiraAccess,
    JiraConnection,
    Offer,
    PersonalToken,
    github_connection,
    github_filings,
    jira_connection,
    jira_filings,
)
from rootcoz.trackers.http import Limits
from rootcoz.trackers.jira import JiraSearch

SERVER = JiraAccess(
    url="https://shop.example.net",
    email="bot@example.net",
    api_token="server-token",  # noqa: S106 - made up
    project_key="SHOP",
)
DATA_CENTER = JiraAccess(url="https://jira.example.org/jira", pat="server-pat", project_key="CORE")
TOKEN = "request-token"  # noqa: S105 - made up


# --- Jira ----------------------------------------------------------------------------------------


def test_the_server_s_jira_cloud_is_used_with_its_login() -> None:
    assert jira_connection(SERVER) == JiraConnection(
        "https://shop.example.net", CloudLogin("bot@example.net", "server-token"), "SHOP"
    )


def test_a_personal_token_means_data_center() -> None:
    assert jira_connection(DATA_CENTER) == JiraConnection(
        "https://jira.example.org/jira", PersonalToken("server-pat"), "CORE"
    )


@pytest.mark.parametrize(
    ("server", "request_"),
    [
        (JiraAccess(), None),
        (JiraAccess(enabled=False, url="https://shop.example.net"), None),
        (SERVER, JiraAccess(enabled=False)),
        (JiraAccess(enabled=False), JiraAccess(url="https://x.example")),
    ],
)
def test_nobody_asked_for_jira(server: JiraAccess, request_: JiraAccess | None) -> None:
    assert jira_connection(server, request_) is None


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (JiraAccess(enabled=True), "JIRA_URL"),
        (JiraAccess(url="https://x.example", project_key="A"), "JIRA_EMAIL and JIRA_API_TOKEN"),
        (JiraAccess(url="https://x.example", api_token="t", project_key="A"), "incomplete"),  # noqa: S106 - made up
        (JiraAccess(url="https://x.example", pat="t"), "JIRA_PROJECT_KEY"),
        (JiraAccess(url="https://x.example", pat="t", project_key='A" OR "B'), "project key must be"),
        (JiraAccess(url="ftp://x.example", pat="t", project_key="A"), "JIRA_URL must be"),
        (JiraAccess(url="https://u:p@x.example", pat="t", project_key="A"), "JIRA_URL must be"),
        (JiraAccess(url="https://[x", pat="t", project_key="A"), "JIRA_URL must be"),
        (JiraAccess(url="https://x.example", pat="t\n", project_key="A"), "line end"),
    ],
)
def test_what_is_missing_is_said(server: JiraAccess, words: str) -> None:
    with pytest.raises(NotConfigured, match=words):
        jira_connection(server)


def test_a_request_brings_its_own_jira_with_its_own_credential() -> None:
    own = JiraAccess(url="https://other.example/", pat=TOKEN, project_key="mine", max_results=9)

    assert jira_connection(SERVER, own) == JiraConnection(
        "https://other.example", PersonalToken(TOKEN), "MINE", max_results=9
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "http://shop.example.net",
        "https://shop.example.net:8443",
        "https://shop.example.net/other",
        "https://shop.example.net.evil.example",
    ],
)
def test_another_address_does_not_get_the_server_s_credential(url: str) -> None:
    with pytest.raises(NotConfigured, match="needs its own credential"):
        jira_connection(SERVER, JiraAccess(url=url))


@pytest.mark.parametrize(
    "url",
    ["https://shop.example.net", "https://SHOP.example.net:443/", "HTTPS://shop.example.net"],
)
def test_another_spelling_of_the_server_s_address_is_the_same_address(url: str) -> None:
    connection = jira_connection(SERVER, JiraAccess(url=url))

    assert connection is not None
    assert connection.credential == CloudLogin("bot@example.net", "server-token")


@pytest.mark.parametrize("half", [JiraAccess(email="me@example.net"), JiraAccess(api_token=TOKEN)])
def test_halves_of_two_credentials_are_not_put_together(half: JiraAccess) -> None:
    with pytest.raises(NotConfigured, match="incomplete"):
        jira_connection(SERVER, half)


def test_a_request_with_its_own_credential_may_use_the_server_s_address() -> None:
    connection = jira_connection(SERVER, JiraAccess(email="me@example.net", api_token=TOKEN))

    assert connection is not None
    assert connection.url == "https://shop.example.net"
    assert connection.credential == CloudLogin("me@example.net", TOKEN)


def test_a_request_cannot_switch_off_the_proof_that_the_server_is_the_right_one() -> None:
    with pytest.raises(NotConfigured, match="jira_ssl_verify"):
        jira_connection(SERVER, JiraAccess(ssl_verify=False))


def test_a_request_may_switch_off_that_proof_for_its_own_credential() -> None:
    connection = jira_connection(SERVER, JiraAccess(ssl_verify=False, pat=TOKEN))

    assert connection is not None
    assert not connection.verify_tls


def test_what_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(NotConfigured) as caught:
        jira_connection(JiraAccess(url="https://x.example", pat="se\u00e9cret", project_key="A"))

    assert "se" + "\u00e9cret" not in str(caught.value)


async def test_the_server_s_credential_reaches_the_server_alone(
    server: TrackerServer, other_server: TrackerServer, quick: Limits
) -> None:
    settings = JiraAccess(url=server.url, pat="server-pat", project_key="SHOP")
    for local in (server, other_server):
        local.say(Answer({"issues": [], "total": 0}))
    own = JiraAccess(url=other_server.url, pat=TOKEN)
    for request in (None, own):
        connection = jira_connection(settings, request)
        assert connection is not None
        await JiraSearch(connection, quick).search(IssueQuery(("login",)))
    with pytest.raises(NotConfigured):
        jira_connection(settings, JiraAccess(url=other_server.url))

    assert [sent.headers["authorization"] for sent in server.requests] == ["Bearer server-pat"]
    assert [sent.headers["authorization"] for sent in other_server.requests] == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("secret", ["server-token", "server-pat", "gh-secret"])
def test_no_connection_shows_its_secret(secret: str) -> None:
    shown = repr(
        [
            SERVER,
            DATA_CENTER,
            jira_connection(SERVER),
            jira_connection(DATA_CENTER),
            github_connection(GitHubAccess(token="gh-secret"), "https://github.com/o/r"),  # noqa: S106 - made up
        ]
    )

    assert secret not in shown


# --- GitHub --------------------------------------------------------------------------------------

GITHUB = GitHubAccess(token="server-token")  # noqa: S106 - made up
ENTERPRISE = GitHubAccess("https://github.corp.example/api/v3/", "server-token")


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/shop/ui-tests",
        "https://github.com/shop/ui-tests.git",
        "https://github.com/shop/ui-tests/",
        "https://www.github.com/shop/ui-tests:main",
        "https://github.com/shop/ui-tests:release/4.18",
        "https://github.com/shop/ui-tests.git:v1",
        "https://someone@github.com/shop/ui-tests.git",
        "git@github.com:shop/ui-tests.git",
        "ssh://git@github.com/shop/ui-tests.git",
        "ssh://git@ssh.github.com:443/shop/ui-tests.git",
    ],
)
def test_a_repository_of_github_is_known_in_each_spelling(url: str) -> None:
    assert github_connection(GITHUB, url) == GitHubConnection(
        "https://api.github.com", "shop/ui-tests", "server-token"
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://github.com",
        "https://github.com/shop",
        "https://github.com/shop/ui-tests/tree/main",
        "https://github.com/shop/..",
        "https://github.com/sh op/x",
        'https://github.com/shop/x"y',
        "file:///github.com/shop/x",
        "--upload-pack=x",
        "https://[github.com/a/b",
    ],
)
def test_what_is_no_repository_is_not_searched(url: str) -> None:
    with pytest.raises(NotConfigured, match="none of a GitHub repository"):
        github_connection(GITHUB, url)


@pytest.mark.parametrize(
    "url",
    [
        "https://gitlab.example.com/shop/x",
        "https://github.com.evil.example/shop/x",
        "https://api.evil.example/shop/x",
        "https://169.254.169.254/shop/x",
    ],
)
@pytest.mark.parametrize("token", ["", TOKEN])
def test_an_unknown_host_gets_no_token_at_all(url: str, token: str) -> None:
    with pytest.raises(NotConfigured, match="which is neither"):
        github_connection(GITHUB, url, token=token)


def test_an_enterprise_server_is_found_by_its_host() -> None:
    assert github_connection(ENTERPRISE, "https://github.corp.example/shop/x") == GitHubConnection(
        "https://github.corp.example/api/v3", "shop/x", "server-token"
    )


def test_an_enterprise_cloud_of_its_own_domain_is_found_by_its_host() -> None:
    access = GitHubAccess("https://api.shop.ghe.com", "server-token")

    assert github_connection(access, "https://shop.ghe.com/shop/x").token == "server-token"  # noqa: S105 - made up


def test_an_enterprise_server_s_token_does_not_go_to_github_com() -> None:
    assert github_connection(ENTERPRISE, "https://github.com/shop/x") == GitHubConnection(
        "https://api.github.com", "shop/x", ""
    )


def test_a_request_s_token_goes_before_the_server_s() -> None:
    assert github_connection(GITHUB, "https://github.com/shop/x", token=TOKEN).token == TOKEN


@given(st.text(max_size=60))
def test_an_address_of_anything_is_a_repository_or_none(text: str) -> None:
    try:
        connection = github_connection(GITHUB, f"https://github.com/{text}")
    except NotConfigured:
        return

    assert re.fullmatch(r"[A-Za-z0-9_-]+/[A-Za-z0-9._-]+", connection.repository)
    assert connection.api_url == "https://api.github.com"


# --- filing --------------------------------------------------------------------------------------

SAVED = Offer("your saved token", "saved", "jo@example.com")
SENT = Offer("the request's token", "sent", travels=True)
ENTERPRISE_API = "https://github.example.com/api/v3"


def tokens(connections: list[GitHubConnection]) -> list[str]:
    return [connection.token for connection in connections]


def test_the_server_s_github_gets_every_credential_in_its_order() -> None:
    found = github_filings(ENTERPRISE_API, "https://github.example.com/shop/ui.git", [SAVED, SENT])

    assert tokens(found) == ["saved", "sent"]
    assert {one.api_url for one in found} == {ENTERPRISE_API}
    assert [one.credential_name for one in found] == ["your saved token", "the request's token"]


def test_another_github_gets_only_what_came_for_it() -> None:
    found = github_filings(ENTERPRISE_API, "https://github.com/shop/ui", [SAVED, SENT])

    assert tokens(found) == ["sent"]
    assert found[0].api_url == GITHUB_API


@pytest.mark.parametrize(
    ("url", "offers"),
    [
        ("https://github.com/shop/ui", [SAVED]),
        ("https://github.example.com.evil.test/shop/ui", [SAVED, SENT]),
        ("https://github.example.com@evil.test/shop/ui", [SAVED, SENT]),
        ("https://gitlab.com/shop/ui", [SENT]),
        ("https://github.example.com/shop", [SENT]),
        ("https://github.example.com/shop/ui/issues", [SENT]),
        ("https://github.example.com/shop/ui", [Offer("nothing", "")]),
        ("https://github.example.com/shop/ui", [Offer("a token", "two words")]),
    ],
)
def test_what_may_not_go_there_is_refused(url: str, offers: list[Offer]) -> None:
    with pytest.raises(NotConfigured) as caught:
        github_filings(ENTERPRISE_API, url, offers)

    assert str(caught.value).startswith("No issue was filed in GitHub: ")
    assert "two words" not in str(caught.value)


def test_an_e_mail_address_makes_a_login_of_a_jira_token() -> None:
    found = jira_filings(JiraAccess(url="https://jira.test/"), [SAVED, SENT], project_key="shop")

    assert [one.credential for one in found] == [CloudLogin("jo@example.com", "saved"), PersonalToken("sent")]
    assert {(one.url, one.project_key) for one in found} == {("https://jira.test", "SHOP")}


@pytest.mark.parametrize(
    ("server", "offers", "key"),
    [
        (JiraAccess(), [SENT], "SHOP"),
        (JiraAccess(url="https://jira.test"), [Offer("nothing", "")], "SHOP"),
        (JiraAccess(url="https://jira.test"), [SENT], 'SHOP" OR project = "X'),
        (JiraAccess(url="https://jira.test?x=1"), [SENT], "SHOP"),
    ],
)
def test_a_jira_that_cannot_be_asked_is_refused(server: JiraAccess, offers: list[Offer], key: str) -> None:
    with pytest.raises(NotConfigured, match="Jira was not asked: "):
        jira_filings(server, offers, project_key=key)
