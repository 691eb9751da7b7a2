"""All trackers, in plain sight. Read by `wiring` alone."""

from rootcoz.trackers.base import IssueSearch, StateLookup
from rootcoz.trackers.connection import GitHubConnection, JiraConnection
from rootcoz.trackers.github import GitHubSearch, GitHubStates
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
