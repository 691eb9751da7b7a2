"""Which trackers are spoken to, and as whom: settings and request put together. Part of the wiring."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from pydantic import SecretStr

from rootcoz.analysis.enrich import Desk
from rootcoz.domain.analysis import ProgressPhase, StoredAnalysis
from rootcoz.domain.draft import SearchOrder
from rootcoz.domain.errors import NotConfigured
from rootcoz.domain.finding import Classification
from rootcoz.features.tracker_access import LOOKUP_LIMITS, TrackerAccess, TrackerSettings
from rootcoz.settings import Settings
from rootcoz.trackers.connection import (
    MAX_MATCHES,
    GitHubAccess,
    JiraAccess,
    JiraConnection,
    github_connection,
    jira_connection,
)
from rootcoz.trackers.http import Limits
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


# --- for drafts of issues --------------------------------------------------------------------------


def check_github_repository(settings: Settings, url: str) -> None:
    """Raise NotConfigured for an address that is no repository of a GitHub that this server knows."""
    github_connection(GitHubAccess(settings.github_api_url), url)


def github_draft_desk(settings: Settings, order: SearchOrder, analysis: StoredAnalysis) -> Desk | None:
    """Where issues like a draft are looked for in GitHub: the tests repository, or the one that is named.

    The server's token is used for the tests repository alone: nobody is to read with it what they name themselves.
    None when there is no repository. Raises NotConfigured.
    """
    tests = next((repo.url for repo in analysis.options.repositories if repo.is_tests), "")
    named = order.repository_url
    address = named or tests or settings.tests_repo_url
    if not address:
        return None
    saved = GitHubAccess(settings.github_api_url, order.saved.github_token)
    connection = github_connection(saved, address, proxy=settings.tracker_proxy)
    if not connection.token:
        own = not named or _is_repository(settings, named, (tests, settings.tests_repo_url))
        server = GitHubAccess(settings.github_api_url, (_plain(settings.github_token) or "") if own else "")
        sent = order.sent.github_token.strip()
        connection = github_connection(server, address, token=sent, proxy=settings.tracker_proxy)
    return Desk(
        issue_search(connection, LOOKUP_LIMITS),
        Classification.CODE_ISSUE,
        matches=MAX_MATCHES,
        candidates=CANDIDATES,
    )


def _is_repository(settings: Settings, address: str, known: Iterable[str]) -> bool:
    """Whether the address is one of the known ones, however it is written."""
    server = GitHubAccess(settings.github_api_url)
    wanted = github_connection(server, address)
    for other in filter(None, known):
        with suppress(NotConfigured):
            found = github_connection(server, other)
            if (found.api_url, found.repository.lower()) == (wanted.api_url, wanted.repository.lower()):
                return True
    return False


def jira_draft_desk(settings: Settings, order: SearchOrder, _analysis: StoredAnalysis) -> Desk | None:
    """Where issues like a draft are looked for in the server's Jira.

    None where Jira is not to be searched. Raises NotConfigured.
    """
    own = order.saved if order.saved.jira_token.strip() else order.sent
    token, email = own.jira_token.strip(), own.jira_email.strip()
    is_cloud = bool(email and token)
    asked = JiraAccess(
        email=email if is_cloud else None,
        api_token=token if is_cloud else None,
        pat=None if is_cloud else token or None,
        project_key=order.project_key or None,
    )
    connection = jira_connection(_server_jira(settings), asked, proxy=settings.tracker_proxy)
    return _searching_jira(connection, LOOKUP_LIMITS)


# --- where ----------------------------------------------------------------------------------------


def _jira_desk(settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]) -> Desk | None:
    asked: dict[str, Any] = analysis.request_params
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
    return _searching_jira(jira_connection(_server_jira(settings), request, proxy=settings.tracker_proxy))


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


def _searching_jira(connection: JiraConnection | None, limits: Limits | None = None) -> Desk | None:
    if connection is None:
        return None
    # The newest of an OR search are mostly noise: more are asked for than are shown.
    candidates = min(100, 4 * connection.max_results)
    return Desk(
        issue_search(connection, limits),
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
