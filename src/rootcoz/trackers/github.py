"""The issues of a GitHub repository, at github.com or at an Enterprise server: searched and filed.

https://docs.github.com/en/rest/search/search#search-issues-and-pull-requests and
https://docs.github.com/en/rest/issues/issues
"""

import re
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, RootModel

from rootcoz.domain.errors import InvalidInput
from rootcoz.domain.issue import EXCERPT_LIMIT, FiledIssue, NewIssue, TrackerIssue
from rootcoz.domain.link import UNKNOWN, Link, LinkKind
from rootcoz.trackers.base import IssueQuery
from rootcoz.trackers.connection import GitHubConnection
from rootcoz.trackers.http import Endpoint, Errand, Limits, TrackerHttp

SOURCE = "tracker github"
API_VERSION = "2022-11-28"
PAGE_LIMIT = 100
MAX_TERMS = 6
"""GitHub allows five operators in a query."""
MAX_QUERY_CHARS = 256
"""Of the search words; GitHub does not count qualifiers and operators."""
MAX_TERM_WORDS = 8
TITLE_LIMIT = 256
BODY_LIMIT = 65_536
"""Characters that GitHub takes."""
RECENT_PAGES = 3
"""Pages of new issues among which one is looked for that may have been made."""
SLACK_S = 600
SETTLES_S = 3.0
"""Seconds by which the list of issues may lag behind."""
FILING = Errand("new issue", "file issues", "new issue", changes=True)
ASKING_WHO = Errand("question who this is", "say who it is", "user")
LISTING = Errand("list of issues", "list issues", "list of issues")


class GitHubSearch:
    """Made with a connection, which names the repository."""

    name = "GitHub"

    def __init__(self, connection: GitHubConnection, limits: Limits | None = None) -> None:
        self._repository = connection.repository
        self._http = TrackerHttp(endpoint(connection, limits or Limits()))

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
        self._http = TrackerHttp(endpoint(connection, limits or Limits()))

    async def state(self, link: Link) -> str:
        """`open`, `closed` or `merged`."""
        kind = "pulls" if link.kind is LinkKind.GITHUB_PR else "issues"
        found = await self._http.get(_State, f"/repos/{link.repository}/{kind}/{link.number}", params={})
        # The address of an issue leads to a pull request as well: the two share their numbers.
        merged = found.merged or (found.pull_request is not None and found.pull_request.merged_at)
        return "merged" if merged else found.state or UNKNOWN


class GitHubIssues:
    """Files issues in the repository of a connection, and says whose its token is."""

    name = "GitHub"

    def __init__(
        self, connection: GitHubConnection, limits: Limits | None = None, *, settles_s: float = SETTLES_S
    ) -> None:
        self.place = f"{connection.api_url} {connection.repository.lower()}"
        self.settles_s = settles_s
        self._path = f"/repos/{connection.repository}/issues"
        self._http = TrackerHttp(endpoint(connection, limits or Limits()))

    async def create_issue(self, issue: NewIssue) -> FiledIssue:
        """File the issue; the body is Markdown.

        Raises InvalidInput for what is too long, OutcomeUnknown when it may have been filed, Refused (CredentialRefused
        among them) and Unavailable when it certainly was not.
        """
        if len(issue.title) > TITLE_LIMIT:
            raise InvalidInput(f"GitHub takes titles of at most {TITLE_LIMIT} characters: shorten it.")
        text = _signed(issue)
        if len(text) > BODY_LIMIT:
            raise InvalidInput(
                f"GitHub takes bodies of at most {BODY_LIMIT:,} characters, with the lines that are added at the end: "
                f"this one has {len(text):,}."
            )
        body: dict[str, object] = {"title": issue.title, "body": text}
        if issue.labels:
            body["labels"] = list(issue.labels)
        return _filed(await self._http.post(_Filed, self._path, body=body, errand=FILING))

    async def whoami(self) -> str:
        """The login of the token's owner. Raises Refused and Unavailable."""
        return (await self._http.get(_User, "/user", params={}, errand=ASKING_WHO)).login

    async def find_filed(self, issue: NewIssue, since: str) -> FiledIssue | None:
        """The issue, if it has been filed since that time (ISO 8601); known by its marker.

        The list is asked and not the search, which learns of new issues late.
        """
        # GitHub keeps whole seconds, and its clock may go after ours.
        earlier = datetime.fromisoformat(since).astimezone(UTC) - timedelta(seconds=SLACK_S)
        for page in range(1, RECENT_PAGES + 1):
            params = {
                "state": "all",
                "sort": "created",
                "direction": "desc",
                "since": earlier.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "per_page": str(PAGE_LIMIT),
                "page": str(page),
            }
            listed = await self._http.get(_Listed, self._path, params=params, errand=LISTING)
            for item in listed.root:
                if issue.marker in (item.body or ""):
                    return _filed(item)
            if len(listed.root) < PAGE_LIMIT:
                break
        return None


def _signed(issue: NewIssue) -> str:
    """The body with who filed it, and the marker where nobody sees it."""
    parts = [issue.body.rstrip()]
    if issue.reporter:
        parts.append(f"---\nReported by {_literal(issue.reporter)} through rootcoz.")
    if issue.marker:
        parts.append(f"<!-- {issue.marker} -->")
    return "\n\n".join(parts)


_MARKUP = re.compile(r"([\\`*_{}\[\]()#+.!|<>~@&-])")


def _literal(text: str) -> str:
    """As it is, whatever Markdown would make of it."""
    return _MARKUP.sub(r"\\\1", text)


def endpoint(connection: GitHubConnection, limits: Limits) -> Endpoint:
    """How that GitHub is spoken to."""
    headers = {"accept": "application/vnd.github+json", "x-github-api-version": API_VERSION}
    if connection.token:
        headers["authorization"] = f"Bearer {connection.token}"
    return Endpoint(
        name=GitHubSearch.name,
        source=SOURCE,
        url=connection.api_url,
        headers=headers,
        secrets=(connection.token,),
        address_setting="GITHUB_API_URL and the address of the repository",
        credential_setting=connection.credential_name or "GITHUB_TOKEN",
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


class _Filed(_Wire):
    number: int
    title: str
    html_url: str
    body: str | None = None


class _User(_Wire):
    login: str = Field(min_length=1)


class _Listed(RootModel[list[_Filed]]):
    pass


def _filed(item: _Filed) -> FiledIssue:
    return FiledIssue(key=f"#{item.number}", url=item.html_url, title=item.title, number=item.number)


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
