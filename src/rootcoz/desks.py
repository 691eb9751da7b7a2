"""Which trackers are spoken to, and as whom: settings and request put together. Part of the wiring."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from pydantic import SecretStr

from rootcoz.analysis.enrich import Desk
from rootcoz.domain.analysis import ProgressPhase, StoredAnalysis
from rootcoz.domain.errors import NotConfigured
from rootcoz.domain.finding import Classification
from rootcoz.features.tracker_access import TrackerAccess, TrackerSettings
from rootcoz.settings import Settings
from rootcoz.trackers.base import IssueStates
from rootcoz.trackers.connection import (
    MAX_MATCHES,
    GitHubAccess,
    JiraAccess,
    JiraConnection,
    github_connection,
    jira_connection,
)
from rootcoz.trackers.issue_states import GitHubIssueStates, JiraIssueStates
from rootcoz.trackers.registry import issue_filer, issue_search

CANDIDATES = 10
"""Issues asked for with each search of GitHub; the best of them are shown."""


def tracker_desks(
    settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]
) -> tuple[dict[ProgressPhase, Desk], tuple[str, ...]]:
    """The desks by the phase that asks there, and sentences about trackers that cannot be asked.

    `secrets` are the credentials that came with the request, by field name.
    """
    desks: dict[ProgressPhase, Desk] = {}
    notes = []
    for phase, make in (
        (ProgressPhase.ENRICHING_JIRA, _jira_desk),
        (ProgressPhase.ENRICHING_TESTS_REPO, _github_desk),
    ):
        try:
            desk = make(settings, analysis, secrets)
        except NotConfigured as error:
            notes.append(str(error))
            continue
        if desk is not None:
            desks[phase] = desk
    return desks, tuple(notes)


def issue_states(
    settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]
) -> list[IssueStates]:
    """Who can say how issues stand; trackers that cannot be asked are left out, `tracker_desks` says why."""
    states: list[IssueStates] = []
    with suppress(NotConfigured):
        if (jira := _jira_connection(settings, analysis, secrets)) is not None:
            states.append(JiraIssueStates(jira))
    server = GitHubAccess(settings.github_api_url, _plain(settings.github_token) or "")
    token = secrets.get("github_token", "")
    # Without a token nobody has said that GitHub may be spoken to because a comment names an issue there.
    if settings.enable_github_issues is not False and (server.token or token):
        states.append(GitHubIssueStates(server, token=token, proxy=settings.tracker_proxy))
    return states


def tracker_access(settings: Settings) -> TrackerAccess:
    """What files issues for people and looks things up for them."""
    return TrackerAccess(
        TrackerSettings(
            jira=_server_jira(settings),
            github=GitHubAccess(settings.github_api_url, _plain(settings.github_token) or ""),
            files_jira=settings.enable_jira_issues is not False,
            files_github=settings.enable_github_issues is not False,
            proxy=settings.tracker_proxy,
        ),
        partial(issue_filer, jira_fields=settings.jira_issue_fields),
    )


def _server_jira(settings: Settings) -> JiraAccess:
    return JiraAccess(
        enabled=settings.enable_jira,
        url=settings.jira_url or None,
        email=settings.jira_email or None,
        api_token=_plain(settings.jira_api_token),
        pat=_plain(settings.jira_pat),
        project_key=settings.jira_project_key or None,
        ssl_verify=settings.jira_ssl_verify,
        max_results=settings.jira_max_results,
    )


def _jira_connection(
    settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]
) -> JiraConnection | None:
    asked: dict[str, Any] = analysis.request_params
    server = _server_jira(settings)
    request = JiraAccess(
        enabled=asked.get("enable_jira"),
        url=asked.get("jira_url"),
        email=secrets.get("jira_email"),
        api_token=secrets.get("jira_api_token"),
        pat=secrets.get("jira_pat"),
        project_key=asked.get("jira_project_key"),
        ssl_verify=asked.get("jira_ssl_verify"),
        max_results=asked.get("jira_max_results"),
    )
    return jira_connection(server, request, proxy=settings.tracker_proxy)


def _jira_desk(settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]) -> Desk | None:
    connection = _jira_connection(settings, analysis, secrets)
    if connection is None:
        return None
    # The newest of an OR search are mostly noise: more are asked for than are shown.
    candidates = min(100, 4 * connection.max_results)
    return Desk(
        issue_search(connection),
        Classification.PRODUCT_BUG,
        matches=connection.max_results,
        candidates=candidates,
    )


def _github_desk(settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]) -> Desk | None:
    tests = next((repo for repo in analysis.options.repositories if repo.is_tests), None)
    if tests is None or settings.enable_github_issues is False:
        return None
    server = GitHubAccess(settings.github_api_url, _plain(settings.github_token) or "")
    try:
        connection = github_connection(
            server, tests.url, token=secrets.get("github_token", ""), proxy=settings.tracker_proxy
        )
    except NotConfigured:
        if settings.enable_github_issues is None:  # nobody asked for it: the tests are simply not on GitHub
            return None
        raise
    return Desk(
        issue_search(connection), Classification.CODE_ISSUE, matches=MAX_MATCHES, candidates=CANDIDATES
    )


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
