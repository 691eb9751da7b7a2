"""Searching Jira: Cloud and Data Center have the same query language and different doors.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/ and
https://developer.atlassian.com/server/jira/platform/rest/v10003/api-group-search/
"""

import base64
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from rootcoz.domain.issue import EXCERPT_LIMIT, TrackerIssue
from rootcoz.domain.link import UNKNOWN, Link
from rootcoz.trackers.base import IssueQuery
from rootcoz.trackers.connection import CloudLogin, JiraConnection
from rootcoz.trackers.http import Endpoint, Limits, TrackerHttp

SOURCE = "tracker jira"
FIELDS = ("summary", "status", "priority", "updated", "labels", "description")
PAGE_LIMIT = 100
MAX_PAGES = 10
"""Cloud may give fewer than asked on a page; an answer in so many pieces is taken as it is."""
MAX_TERMS = 12
MAX_TERM_WORDS = 8
MAX_WORD_CHARS = 60
_DEPTH = 40
"""Nesting of a document that is followed; editors stay far below."""


class JiraSearch:
    """Made with a connection; its credential says whether it is Cloud or Data Center."""

    name = "Jira"

    def __init__(self, connection: JiraConnection, limits: Limits | None = None) -> None:
        self._connection = connection
        self._http = TrackerHttp(endpoint(connection, limits or Limits()))
        self._page = self._cloud_page if isinstance(connection.credential, CloudLogin) else self._server_page

    async def search(self, query: IssueQuery) -> list[TrackerIssue]:
        """Bugs of the project that fit, the most recently updated first."""
        jql = bug_jql(self._connection.project_key, query)
        if not jql:
            return []
        found: list[TrackerIssue] = []
        token: str | int | None = None
        for _ in range(MAX_PAGES):
            issues, token = await self._page(jql, query.limit - len(found), token)
            found += [_issue(issue, self._connection.url) for issue in issues if issue.key]
            if token is None or len(found) >= query.limit:
                break
        return found[: query.limit]

    async def _cloud_page(
        self, jql: str, wanted: int, token: str | int | None
    ) -> "tuple[list[_Issue], str | int | None]":
        body: dict[str, object] = {"jql": jql, "fields": FIELDS, "maxResults": min(wanted, PAGE_LIMIT)}
        if token is not None:
            body["nextPageToken"] = token
        page = await self._http.post(_CloudPage, "/rest/api/3/search/jql", body=body)
        return page.issues, None if page.isLast else page.nextPageToken or None

    async def _server_page(
        self, jql: str, wanted: int, token: str | int | None
    ) -> "tuple[list[_Issue], str | int | None]":
        start = token if isinstance(token, int) else 0
        body: dict[str, object] = {
            "jql": jql,
            "fields": FIELDS,
            "maxResults": min(wanted, PAGE_LIMIT),
            "startAt": start,
        }
        page = await self._http.post(_ServerPage, "/rest/api/2/search", body=body)
        seen = start + len(page.issues)
        return page.issues, seen if page.issues and seen < page.total else None


class JiraStates:
    """Made with a connection; the project of the connection does not matter.

    https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-get
    """

    name = "Jira"

    def __init__(self, connection: JiraConnection, limits: Limits | None = None) -> None:
        version = "3" if isinstance(connection.credential, CloudLogin) else "2"
        self._path = f"/rest/api/{version}/issue"
        self._http = TrackerHttp(endpoint(connection, limits or Limits()))

    async def state(self, link: Link) -> str:
        """The name of the issue's status."""
        found = await self._http.get(_Issue, f"{self._path}/{link.key}", params={"fields": "status"})
        status = found.fields.status
        return (status.name if status else None) or UNKNOWN


def endpoint(connection: JiraConnection, limits: Limits) -> Endpoint:
    """How that Jira is spoken to."""
    credential = connection.credential
    if isinstance(credential, CloudLogin):
        login = base64.b64encode(f"{credential.email}:{credential.api_token}".encode()).decode()
        authorization, setting = f"Basic {login}", "JIRA_EMAIL and JIRA_API_TOKEN"
        secrets = [login, credential.api_token, credential.email]
    else:
        authorization, setting = f"Bearer {credential.token}", "JIRA_PAT"
        secrets = [credential.token]
    return Endpoint(
        name=JiraSearch.name,
        source=SOURCE,
        url=connection.url,
        headers={"authorization": authorization},
        secrets=tuple(secrets),
        address_setting="JIRA_URL",
        credential_setting=connection.credential_name or setting,
        verify_tls=connection.verify_tls,
        proxy=connection.proxy,
        limits=limits,
    )


# --- the query language --------------------------------------------------------------------------

_WORD = re.compile(r"[^\W_]+(?:_+[^\W_]+)*")
"""Letters, digits and inner underscores: all else means something, in JQL's strings or to its text search."""
_OPERATORS = frozenset({"and", "or", "not", "to"})
"""Words that the text search takes as operators when they are in capitals."""


def bug_jql(project_key: str, query: IssueQuery) -> str:
    """The query for bugs of the project that any term fits; empty when no term has a word left.

    A term cannot leave its quotes: only letters, digits and underscores of it are used.
    https://support.atlassian.com/jira-software-cloud/docs/search-for-issues-using-the-text-field/
    """
    clauses = [f'summary ~ "{words}"' for words in _terms(query.title_terms)]
    clauses += [rf'text ~ "\"{words}\""' for words in _terms(query.phrases)]
    if not clauses:
        return ""
    fits = " OR ".join(clauses[:MAX_TERMS])
    return f'project = "{project_key}" AND issuetype = Bug AND ({fits}) ORDER BY updated DESC'


def _terms(terms: tuple[str, ...]) -> Iterator[str]:
    """The terms' words, as the text search takes them, each term once."""
    seen = set()
    for term in terms:
        words = [word[:MAX_WORD_CHARS] for word in _WORD.findall(term)[:MAX_TERM_WORDS]]
        text = " ".join(word.lower() if word.lower() in _OPERATORS else word for word in words)
        if text and text not in seen:
            seen.add(text)
            yield text


# --- answers -------------------------------------------------------------------------------------


class Wire(BaseModel):
    """Part of an answer of Jira. What is not read may be anything."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Named(Wire):
    name: str | None = None


class _Fields(Wire):
    """All optional: an administrator can hide any of them."""

    summary: str | None = None
    status: _Named | None = None
    priority: _Named | None = None
    updated: str | None = None
    labels: list[str] | None = None
    description: Any = None

    @field_validator("updated", mode="before")
    @classmethod
    def _only_text(cls, value: object) -> object:
        return value if isinstance(value, str) else None


class _Issue(Wire):
    key: str = ""
    fields: _Fields = _Fields()


class _CloudPage(Wire):
    issues: list[_Issue]
    isLast: bool = False  # noqa: N815 - Jira's spelling
    nextPageToken: str | None = None  # noqa: N815 - as above


class _ServerPage(Wire):
    issues: list[_Issue]
    total: int = 0


def _issue(issue: _Issue, url: str) -> TrackerIssue:
    fields = issue.fields
    return TrackerIssue(
        key=issue.key,
        title=fields.summary or "",
        status=(fields.status.name if fields.status else "") or "",
        url=f"{url}/browse/{issue.key}",
        priority=(fields.priority.name if fields.priority else "") or "",
        updated_at=fields.updated or "",
        labels=tuple(fields.labels or ()),
        excerpt=plain_description(fields.description)[:EXCERPT_LIMIT],
    )


def plain_description(description: object) -> str:
    """Text of a description: Data Center gives wiki text, Cloud a document.

    https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
    """
    if isinstance(description, str):
        return description
    return " ".join("".join(_texts(description, _DEPTH)).split())


def _texts(node: object, depth: int) -> Iterator[str]:
    if not isinstance(node, dict) or depth == 0:
        return
    text = node.get("text")
    if isinstance(text, str):
        yield text
    content = node.get("content")
    for child in content if isinstance(content, list) else ():
        yield from _texts(child, depth - 1)
    if node.get("type") != "text":
        yield " "
