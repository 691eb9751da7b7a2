"""Jira's query language, its two doors and its answers."""

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tracker_server import Answer, TrackerServer

from rootcoz.domain.errors import Refused
from rootcoz.domain.issue import EXCERPT_LIMIT, TrackerIssue
from rootcoz.trackers.base import IssueQuery
from rootcoz.trackers.connection import CloudLogin, JiraConnection, PersonalToken
from rootcoz.trackers.http import Limits
from rootcoz.trackers.jira import JiraSearch, bug_jql

PAYLOADS = Path(__file__).parent.parent / "payloads" / "trackers"
QUERY = IssueQuery(("login page",), limit=20)
WELL_FORMED = re.compile(
    r'project = "SHOP" AND issuetype = Bug AND \((?:summary ~ "[^"\\]+"|text ~ "\\"[^"\\]+\\"")'
    r'(?: OR (?:summary ~ "[^"\\]+"|text ~ "\\"[^"\\]+\\""))*\) ORDER BY updated DESC'
)


def cloud(url: str, limits: Limits) -> JiraSearch:
    return JiraSearch(JiraConnection(url, CloudLogin("a@example.com", "cloud-token"), "SHOP"), limits)


def data_center(url: str, limits: Limits) -> JiraSearch:
    return JiraSearch(JiraConnection(url, PersonalToken("dc-token"), "CORE"), limits)


def issues(first: int, count: int) -> list[dict[str, object]]:
    return [{"key": f"SHOP-{number}", "fields": {"summary": "x"}} for number in range(first, first + count)]


# --- the query language --------------------------------------------------------------------------


def test_any_term_may_fit_within_the_project_s_bugs() -> None:
    jql = bug_jql("SHOP", IssueQuery(("login page", "Gateway"), ("Connection refused",)))

    assert jql == (
        'project = "SHOP" AND issuetype = Bug AND (summary ~ "login page" OR summary ~ "Gateway" OR '
        r'text ~ "\"Connection refused\"") ORDER BY updated DESC'
    )


@pytest.mark.parametrize(
    ("term", "clause"),
    [
        ('x" OR project = "SECRET', "x or project SECRET"),
        ('x") OR project is not EMPTY --', "x or project is not EMPTY"),
        (r"x\" OR 1 = 1", "x or 1 1"),
        ("a\nORDER BY key", "a ORDER BY key"),
        ("foo AND NOT bar TO baz", "foo and not bar to baz"),
        (
            "wild* fuzzy~2 +must -not field:value [a TO b] {x} /re/ ^2 ?",
            "wild fuzzy 2 must not field value a",
        ),
        ("\u201cquoted\u201d\u2028line", "quoted line"),
        ("__init__", "init"),
    ],
)
def test_nothing_in_a_term_is_taken_as_query_language(term: str, clause: str) -> None:
    assert f'(summary ~ "{clause}")' in bug_jql("SHOP", IssueQuery((term,)))


@pytest.mark.parametrize("terms", [(), ("",), ('"', "***", "\n", "\x00")])
def test_terms_without_a_word_make_no_query(terms: tuple[str, ...]) -> None:
    assert not bug_jql("SHOP", IssueQuery(terms, terms))


@given(st.lists(st.text(max_size=80), max_size=20), st.lists(st.text(max_size=80), max_size=20))
def test_a_query_keeps_its_shape_whatever_the_terms_are(words: list[str], phrases: list[str]) -> None:
    jql = bug_jql("SHOP", IssueQuery(tuple(words), tuple(phrases)))

    assert jql == "" or WELL_FORMED.fullmatch(jql)


@given(
    st.lists(
        st.sampled_from(['"', "\\", " OR ", ")", "(", "project", "=", "~", "\n", "NOT", "a"]), max_size=30
    )
)
def test_a_query_made_of_its_own_signs_keeps_its_shape(pieces: list[str]) -> None:
    jql = bug_jql("SHOP", IssueQuery(("".join(pieces),), ("".join(pieces),)))

    assert jql == "" or WELL_FORMED.fullmatch(jql)


def test_a_query_stays_short() -> None:
    jql = bug_jql("SHOP", IssueQuery(tuple(f"w{number} " + "y" * 5000 for number in range(200))))

    assert len(jql) < 3_000


# --- Cloud ---------------------------------------------------------------------------------------


async def test_cloud_is_asked_with_the_account_s_login(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({"issues": [], "isLast": True}))
    await cloud(server.url, quick).search(QUERY)
    login = base64.b64encode(b"a@example.com:cloud-token").decode()

    assert server.requests[0].target == "/rest/api/3/search/jql"
    assert server.requests[0].headers["authorization"] == f"Basic {login}"
    assert server.requests[0].json["fields"] == [
        "summary", "status", "priority", "updated", "labels", "description",
    ]  # fmt: skip
    assert server.requests[0].json["maxResults"] == 20


async def test_an_answer_of_cloud_is_read(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer((PAYLOADS / "jira_cloud_page.json").read_bytes()))
    found = await cloud(server.url, quick).search(QUERY)

    assert found == [
        TrackerIssue(
            key="SHOP-812",
            title="Checkout answers 502 while the payment gateway restarts",
            status="In Progress",
            url=f"{server.url}/browse/SHOP-812",
            priority="High",
            updated_at="2026-03-04T09:15:22.000+0100",
            labels=("payments", "gateway"),
            excerpt="What happens The gateway's readiness probe is green too early.",
        ),
        TrackerIssue(
            key="SHOP-790",
            title="Order list sorts by text instead of date",
            status="Done",
            url=f"{server.url}/browse/SHOP-790",
            updated_at="2026-02-11T17:40:00.000+0100",
        ),
    ]


async def test_cloud_s_pages_are_followed_by_their_token(server: TrackerServer, quick: Limits) -> None:
    server.say(
        Answer({"issues": issues(1, 2), "nextPageToken": "t1", "isLast": False}),
        Answer({"issues": issues(3, 1), "isLast": True}),
    )
    found = await cloud(server.url, quick).search(QUERY)

    assert [issue.key for issue in found] == ["SHOP-1", "SHOP-2", "SHOP-3"]
    assert [request.json.get("nextPageToken") for request in server.requests] == [None, "t1"]


async def test_no_more_pages_are_asked_for_than_wanted(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({"issues": issues(1, 30), "nextPageToken": "t", "isLast": False}))
    found = await cloud(server.url, quick).search(QUERY)

    assert len(found) == 20
    assert len(server.requests) == 1


async def test_a_jira_that_never_says_last_is_left_in_the_end(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({"issues": [], "nextPageToken": "again", "isLast": False}))

    assert await cloud(server.url, quick).search(QUERY) == []
    assert len(server.requests) == 10


# --- Data Center ---------------------------------------------------------------------------------


async def test_data_center_is_asked_with_the_token(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer((PAYLOADS / "jira_server_page.json").read_bytes()))
    found = await data_center(server.url + "/jira", quick).search(QUERY)

    assert server.requests[0].target == "/jira/rest/api/2/search"
    assert server.requests[0].headers["authorization"] == "Bearer dc-token"
    assert server.requests[0].json["startAt"] == 0
    assert found == [
        TrackerIssue(
            key="CORE-51",
            title="Scheduler loses leases after a clock jump",
            status="Open",
            url=f"{server.url}/jira/browse/CORE-51",
            priority="Blocker",
            updated_at="2026-05-20T06:01:13.000+0000",
            labels=("scheduler",),
            excerpt="h2. Symptom\nLeases older than *30 s* are dropped.",
        )
    ]


async def test_data_center_s_pages_are_followed_by_their_start(server: TrackerServer, quick: Limits) -> None:
    server.say(
        Answer({"issues": issues(1, 2), "total": 3, "startAt": 0}),
        Answer({"issues": issues(3, 1), "total": 3, "startAt": 2}),
    )
    found = await data_center(server.url, quick).search(QUERY)

    assert [issue.key for issue in found] == ["SHOP-1", "SHOP-2", "SHOP-3"]
    assert [request.json["startAt"] for request in server.requests] == [0, 2]
    assert server.requests[1].json["maxResults"] == 18


# --- trouble -------------------------------------------------------------------------------------


async def test_an_empty_query_asks_nobody(server: TrackerServer, quick: Limits) -> None:
    assert await cloud(server.url, quick).search(IssueQuery(("?!",))) == []
    assert server.requests == []


LOGIN = base64.b64encode(b"a@example.com:cloud-token").decode()


@pytest.mark.parametrize(
    ("make", "setting", "echo"),
    [
        (cloud, "JIRA_EMAIL and JIRA_API_TOKEN", f"Bad login a@example.com cloud-token {LOGIN}"),
        (data_center, "JIRA_PAT", "Bad login dc-token"),
    ],
)
async def test_a_refused_credential_is_named_and_not_shown(
    server: TrackerServer,
    quick: Limits,
    make: Callable[[str, Limits], JiraSearch],
    setting: str,
    echo: str,
) -> None:
    server.say(Answer({"errorMessages": [echo]}, status=401))
    with pytest.raises(Refused, match=f"check {setting}") as caught:
        await make(server.url, quick).search(QUERY)

    assert "Bad login ***" in str(caught.value)
    assert not any(word in str(caught.value) for word in echo.split()[2:])


async def test_hidden_and_odd_fields_are_let_pass(server: TrackerServer, quick: Limits) -> None:
    odd = [
        {"key": "SHOP-1"},
        {"key": "SHOP-2", "fields": {"summary": None, "status": {}, "updated": 5, "description": 7}},
        {"fields": {"summary": "no key"}},
    ]
    server.say(Answer({"issues": odd, "isLast": True}))
    found = await cloud(server.url, quick).search(QUERY)

    assert [issue.key for issue in found] == ["SHOP-1", "SHOP-2"]


async def test_a_description_nested_without_end_does_no_harm(server: TrackerServer, quick: Limits) -> None:
    node: dict[str, object] = {"type": "text", "text": "deep"}
    for _ in range(80):
        node = {"type": "bulletList", "content": [node]}
    document = {"type": "doc", "content": [node, {"type": "text", "text": "y" * 5000}]}
    server.say(Answer({"issues": [{"key": "A-1", "fields": {"description": document}}], "isLast": True}))
    found = await cloud(server.url, quick).search(QUERY)

    assert len(found[0].excerpt) == EXCERPT_LIMIT
