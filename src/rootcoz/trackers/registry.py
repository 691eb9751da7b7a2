"""All trackers, in plain sight. Read by `wiring` alone."""

from collections.abc import Mapping

from rootcoz.trackers.base import IssueFiler, IssueSearch, StateLookup
from rootcoz.trackers.connection import GitHubConnection, JiraConnection
from rootcoz.trackers.github import GitHubIssues, GitHubSearch, GitHubStates
from rootcoz.trackers.http import Limits
from rootcoz.trackers.jira import JiraSearch, JiraStates

Connection = JiraConnection | GitHubConnection


def issue_search(connection: Connection, limits: Limits | None = None) -> IssueSearch:
    """The search that speaks over this connection."""
    match connection:
        case JiraConnection():
            return JiraSearch(connection, limits)
        case GitHubConnection():
            return GitHubSearch(connection, limits)


def state_lookup(connection: Connection, limits: Limits | None = None) -> StateLookup:
    """The lookup that speaks over this connection."""
    match connection:
        case JiraConnection():
            return JiraStates(connection, limits)
        case GitHubConnection():
            return GitHubStates(connection, limits)


def issue_filer(
    connection: Connection, limits: Limits | None = None, *, jira_fields: Mapping[str, object] | None = None
) -> IssueFiler:
    """What files issues over this connection; `jira_fields` go along with each issue of Jira."""
    match connection:
        case JiraConnection():
            # Not with every analysis: what reads Markdown takes a tenth of a second to load.
            from rootcoz.trackers.jira_issues import JiraIssues  # noqa: PLC0415

            return JiraIssues(connection, limits, extra_fields=jira_fields)
        case GitHubConnection():
            return GitHubIssues(connection, limits)
