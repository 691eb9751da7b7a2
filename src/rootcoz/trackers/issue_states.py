"""How single issues stand: open or closed.

https://docs.github.com/en/rest/issues/issues#get-an-issue and
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-get; the
address of version 2 answers in Cloud and Data Center alike.
"""

import re

from pydantic import Field

from rootcoz.domain.errors import NotConfigured, Refused
from rootcoz.domain.issue import IssueState
from rootcoz.trackers.connection import GitHubAccess, JiraConnection, github_connection
from rootcoz.trackers.github import SOURCE as GITHUB
from rootcoz.trackers.github import endpoint as github_endpoint
from rootcoz.trackers.http import Errand, Limits, TrackerHttp
from rootcoz.trackers.jira import SOURCE as JIRA
from rootcoz.trackers.jira import Wire
from rootcoz.trackers.jira import endpoint as jira_endpoint

LIMITS = Limits(attempt_s=10.0, total_s=20.0, tries=2, reply_bytes=2_000_000)
ASKING_STATE = Errand("look at an issue", "read the issue", "issue")
_CLOSED_CATEGORY = "done"
"""Jira's key for all states in which nothing is left to do, whatever a project calls them."""


class JiraIssueStates:
    """Of the Jira of a connection."""

    name = "Jira"

    def __init__(self, connection: JiraConnection, limits: Limits = LIMITS) -> None:
        self._browse = f"{connection.url}/browse/"
        self._http = TrackerHttp(jira_endpoint(connection, limits))
        self._address = re.compile(rf"{re.escape(self._browse)}([A-Z][A-Z0-9_]*-[0-9]+)(?![\w-])")
        # Only keys of the project that is looked into: UTF-8 and SHA-256 look like keys as well.
        self._key = re.compile(rf"(?<![\w/-]){re.escape(connection.project_key)}-[0-9]{{1,10}}(?![\w-])")

    def named_in(self, text: str) -> list[str]:
        """By their addresses, and by keys of the connection's project."""
        keys = [*self._address.findall(text), *self._key.findall(text)]
        return [self._browse + key for key in dict.fromkeys(keys)]

    def knows(self, url: str) -> bool:
        """Whether it stands below this Jira's address."""
        return bool(self._address.fullmatch(url))

    async def state(self, url: str) -> IssueState:
        """Closed is what is in a state of the category "done"."""
        key = url.removeprefix(self._browse)
        issue = await self._http.get(
            _JiraIssue,
            f"/rest/api/2/issue/{key}",
            params={"fields": "summary,status"},
            errand=ASKING_STATE,
        )
        status = issue.fields.status
        if status is None:
            raise Refused(f"Jira does not tell the state of {key}.", source=JIRA)
        return IssueState(
            key=key,
            url=url,
            title=issue.fields.summary or "",
            status=status.name,
            is_closed=status.category.key == _CLOSED_CATEGORY,
        )


class GitHubIssueStates:
    """Of whatever repository of github.com, or of the server's own GitHub, the token may read."""

    name = "GitHub"

    def __init__(
        self, server: GitHubAccess, *, token: str = "", proxy: str = "", limits: Limits = LIMITS
    ) -> None:
        """`token` is the request's own, as for `github_connection`."""
        self._server = server
        self._token = token
        self._proxy = proxy
        self._limits = limits

    def named_in(self, text: str) -> list[str]:
        """By their addresses."""
        found = (match[0] for match in _GITHUB_ISSUE.finditer(text))
        return [url for url in dict.fromkeys(found) if self.knows(url)]

    def knows(self, url: str) -> bool:
        """Whether it is an issue at a GitHub that may be asked."""
        match = _GITHUB_ISSUE.fullmatch(url)
        if match is None:
            return False
        try:
            github_connection(self._server, match["repository"], token=self._token)
        except NotConfigured:
            return False
        return True

    async def state(self, url: str) -> IssueState:
        """Closed is what GitHub calls so."""
        match = _GITHUB_ISSUE.fullmatch(url)
        if match is None:
            raise Refused("That is no address of a GitHub issue.", source=GITHUB)
        connection = github_connection(
            self._server, match["repository"], token=self._token, proxy=self._proxy
        )
        http = TrackerHttp(github_endpoint(connection, self._limits))
        issue = await http.get(
            _GitHubIssue,
            f"/repos/{connection.repository}/issues/{match['number']}",
            params={},
            errand=ASKING_STATE,
        )
        return IssueState(
            key=f"{connection.repository}#{match['number']}",
            url=url,
            title=issue.title,
            status=issue.state,
            is_closed=issue.state == "closed",
        )


_GITHUB_ISSUE = re.compile(
    r"(?P<repository>https?://[\w.-]+(?::[0-9]+)?/[\w-]+/[\w.-]+)/issues/(?P<number>[0-9]{1,10})(?![\w-])"
)


# --- answers -------------------------------------------------------------------------------------


class _Category(Wire):
    key: str = ""


class _Status(Wire):
    name: str = ""
    category: _Category = Field(default=_Category(), alias="statusCategory")


class _JiraFields(Wire):
    summary: str | None = None
    status: _Status | None = None


class _JiraIssue(Wire):
    fields: _JiraFields = _JiraFields()


class _GitHubIssue(Wire):
    title: str = ""
    state: str
