"""Searching the issues of a GitHub repository, at github.com or at an Enterprise server, and their states.

https://docs.github.com/en/rest/search/search#search-issues-and-pull-requests
"""

import re

from pydantic import BaseModel, ConfigDict

from rootcoz.domain.issue import EXCERPT_LIMIT, TrackerIssue
from rootcoz.domain.link import UNKNOWN, Link, LinkKind
from rootcoz.trackers.base import IssueQuery
from rootcoz.trackers.connection import GitHubConnection
from rootcoz.trackers.http import Endpoint, Limits, TrackerHttp

SOURCE = "tracker github"
API_VERSION = "2022-11-28"
PAGE_LIMIT = 100
MAX_TERMS = 6
"""GitHub allows five operators in a query."""
MAX_QUERY_CHARS = 256
"""Of the search words; GitHub does not count qualifiers and operators."""
MAX_TERM_WORDS = 8


class GitHubSearch:
    """Made with a connection, which names the repository."""

    name = "GitHub"

    def __init__(self, connection: GitHubConnection, limits: Limits | None = None) -> None:
        self._repository = connection.repository
        self._http = TrackerHttp(_endpoint(connection, limits or Limits()))

    async def search(self, query: IssueQuery) -> list[TrackerIssue]:
        """Issues of the repository that fit, the most recently updated first; no pull requests."""
        text = issue_query(self._repository, query)
        if not text:
            return []
        params = {
            "q": text,
            "sort": "updated",
            "order": "desc",
            "per_page": str(min(query.limit, PAGE_LIMIT)),
            "advanced_search": "true",  # The search that knows parentheses; the default at github.com.
        }
        page = await self._http.get(_Page, "/search/issues", params=params)
        # A server that reads the query otherwise than we mean it must not show us another repository's issues.
        own = f"/repos/{self._repository}".lower()
        return [
            _issue(item)
            for item in page.items
            if item.pull_request is None and item.repository_url.rstrip("/").lower().endswith(own)
        ][: query.limit]


class GitHubStates:
    """Made with a connection to the repository that the links lead to.

    https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request and
    https://docs.github.com/en/rest/issues/issues#get-an-issue
    """

    name = "GitHub"

    def __init__(self, connection: GitHubConnection, limits: Limits | None = None) -> None:
        self._http = TrackerHttp(_endpoint(connection, limits or Limits()))

    async def state(self, link: Link) -> str:
        """`open`, `closed` or `merged`."""
        kind = "pulls" if link.kind is LinkKind.GITHUB_PR else "issues"
        found = await self._http.get(_State, f"/repos/{link.repository}/{kind}/{link.number}", params={})
        # The address of an issue leads to a pull request as well: the two share their numbers.
        merged = found.merged or (found.pull_request is not None and found.pull_request.merged_at)
        return "merged" if merged else found.state or UNKNOWN


def _endpoint(connection: GitHubConnection, limits: Limits) -> Endpoint:
    headers = {"accept": "application/vnd.github+json", "x-github-api-version": API_VERSION}
    if connection.token:
        headers["authorization"] = f"Bearer {connection.token}"
    return Endpoint(
        name=GitHubSearch.name,
        source=SOURCE,
        url=connection.api_url,
        headers=headers,
        secrets=(connection.token,),
        address_setting="GITHUB_API_URL and the address of the tests repository",
        credential_setting="GITHUB_TOKEN",
        proxy=connection.proxy,
        limits=limits,
    )


# --- the query language --------------------------------------------------------------------------

_WORD = re.compile(r"[^\W_]+(?:[_.-]+[^\W_]+)*")


def issue_query(repository: str, query: IssueQuery) -> str:
    """The query for issues of the repository that any term fits; empty when no term has a word left.

    Each term stands in quotes and has no quote or backslash of its own, so that nothing in it is read as a
    qualifier or an operator.
    """
    terms: list[str] = []
    room = MAX_QUERY_CHARS
    for term in dict.fromkeys((*query.title_terms, *query.phrases)):
        words = " ".join(_WORD.findall(term)[:MAX_TERM_WORDS])
        quoted = f'"{words}"'
        if words and quoted not in terms and len(terms) < MAX_TERMS and len(quoted) <= room:
            terms.append(quoted)
            room -= len(quoted) + 1
    if not terms:
        return ""
    return f"repo:{repository} is:issue ({' OR '.join(terms)})"


# --- answers -------------------------------------------------------------------------------------


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Label(_Wire):
    name: str | None = None


class _Item(_Wire):
    number: int
    title: str
    state: str = ""
    html_url: str
    repository_url: str
    updated_at: str | None = None
    labels: list[_Label] = []
    body: str | None = None
    pull_request: dict[str, object] | None = None


class _Page(_Wire):
    items: list[_Item]


class _Merging(_Wire):
    merged_at: str | None = None


class _State(_Wire):
    state: str
    merged: bool | None = None
    pull_request: _Merging | None = None


def _issue(item: _Item) -> TrackerIssue:
    return TrackerIssue(
        key=f"#{item.number}",
        title=item.title,
        status=item.state,
        url=item.html_url,
        updated_at=item.updated_at or "",
        labels=tuple(label.name for label in item.labels if label.name),
        excerpt=(item.body or "")[:EXCERPT_LIMIT],
    )
