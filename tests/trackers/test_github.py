"""GitHub's query language and its answers."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tracker_server import Answer, TrackerServer

from rootcoz.domain.errors import Refused
from rootcoz.domain.issue import TrackerIssue
from rootcoz.trackers.base import IssueQuery
from rootcoz.trackers.connection import GitHubConnection
from rootcoz.trackers.github import MAX_QUERY_CHARS, GitHubSearch, issue_query
from rootcoz.trackers.http import Limits

PAYLOADS = Path(__file__).parent.parent / "payloads" / "trackers"
QUERY = IssueQuery(("login page",))
WELL_FORMED = re.compile(r'repo:o/r is:issue \(("[^"\\\n]+"(?: OR "[^"\\\n]+")*)\)')
EMPTY_PAGE = {"total_count": 0, "incomplete_results": False, "items": []}


def github(url: str, limits: Limits, token: str = "gh-token") -> GitHubSearch:  # noqa: S107 - made up
    return GitHubSearch(GitHubConnection(url, "shop/ui-tests", token), limits)


# --- the query language --------------------------------------------------------------------------


def test_any_term_may_fit_within_the_repository_s_issues() -> None:
    assert issue_query("o/r", IssueQuery(("login page", "test_login.py"), ("Timed out",))) == (
        'repo:o/r is:issue ("login page" OR "test_login.py" OR "Timed out")'
    )


@pytest.mark.parametrize(
    ("term", "quoted"),
    [
        ('x" repo:evil/secret "', '"x repo evil secret"'),
        ("x) OR (repo:evil/secret", '"x OR repo evil secret"'),
        ("NOT login", '"NOT login"'),
        (r"back\slash\"", '"back slash"'),
        ("a\r\nis:pr author:@me", '"a is pr author me"'),
        ("-label:bug", '"label bug"'),
    ],
)
def test_nothing_in_a_term_is_taken_as_query_language(term: str, quoted: str) -> None:
    assert issue_query("o/r", IssueQuery((term,))) == f"repo:o/r is:issue ({quoted})"


def test_terms_without_a_word_make_no_query() -> None:
    assert not issue_query("o/r", IssueQuery(("", '"', "::"), ("()",)))


@given(st.lists(st.text(max_size=100), max_size=20))
def test_a_query_keeps_its_shape_and_its_limits_whatever_the_terms_are(terms: list[str]) -> None:
    text = issue_query("o/r", IssueQuery(tuple(terms)))
    match = WELL_FORMED.fullmatch(text)

    assert not text or match
    if match:
        assert match[1].count('" OR "') <= 5
        assert len(match[1].replace(" OR ", "")) <= MAX_QUERY_CHARS


# --- requests and answers ------------------------------------------------------------------------


async def test_the_newest_by_update_are_asked_for(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer(EMPTY_PAGE))
    await github(server.url + "/api/v3", quick).search(QUERY)
    parts = urlsplit(server.requests[0].target)

    assert parts.path == "/api/v3/search/issues"
    assert parse_qs(parts.query) == {
        "q": ['repo:shop/ui-tests is:issue ("login page")'],
        "sort": ["updated"],
        "order": ["desc"],
        "per_page": ["10"],
        "advanced_search": ["true"],
    }
    assert server.requests[0].headers["authorization"] == "Bearer gh-token"
    assert server.requests[0].headers["x-github-api-version"] == "2022-11-28"
    assert server.requests[0].headers["accept"] == "application/vnd.github+json"


async def test_without_a_token_none_is_sent(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer(EMPTY_PAGE))
    await github(server.url, quick, token="").search(QUERY)

    assert "authorization" not in server.requests[0].headers


async def test_issues_are_read_without_pull_requests_and_other_repositories(
    server: TrackerServer, quick: Limits
) -> None:
    server.say(Answer((PAYLOADS / "github_page.json").read_bytes()))

    assert await github(server.url, quick).search(QUERY) == [
        TrackerIssue(
            key="#41",
            title="Login page test waits for a button that was renamed",
            status="open",
            url="https://github.com/shop/ui-tests/issues/41",
            updated_at="2026-04-03T12:30:00Z",
            labels=("flaky",),
            excerpt="`#sign-in` became `#log-in` in the new page.",
        )
    ]


async def test_an_empty_query_asks_nobody(server: TrackerServer, quick: Limits) -> None:
    assert await github(server.url, quick).search(IssueQuery(("--",))) == []
    assert server.requests == []


async def test_a_repository_that_the_token_cannot_see_is_told_in_github_s_words(
    server: TrackerServer, quick: Limits
) -> None:
    said = {
        "message": "Validation Failed",
        "errors": [{"message": "The listed repositories cannot be searched.", "code": "invalid"}],
    }
    server.say(Answer(said, status=422))
    with pytest.raises(Refused, match=r"Validation Failed The listed repositories cannot be searched\."):
        await github(server.url, quick).search(QUERY)
