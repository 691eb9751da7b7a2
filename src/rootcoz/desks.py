"""Which trackers are spoken to, and as whom: settings and request put together. Part of the wiring."""

import secrets as randomness
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from hashlib import blake2b
from typing import Any

from pydantic import SecretStr

from rootcoz.analysis.enrich import Desk
from rootcoz.domain.analysis import ProgressPhase, StoredAnalysis
from rootcoz.domain.errors import NotConfigured
from rootcoz.domain.finding import Classification
from rootcoz.domain.link import Link, LinkKind
from rootcoz.features.link_states import StateDesk
from rootcoz.features.tracker_access import TrackerAccess, TrackerSettings
from rootcoz.settings import Settings
from rootcoz.trackers.base import IssueStates
from rootcoz.trackers.connection import (
    MAX_MATCHES,
    CloudLogin,
    GitHubAccess,
    GitHubConnection,
    JiraAccess,
    JiraConnection,
    github_connection,
    jira_connection,
)
from rootcoz.trackers.http import Limits
from rootcoz.trackers.issue_states import GitHubIssueStates, JiraIssueStates
from rootcoz.trackers.references import find_links
from rootcoz.trackers.registry import issue_filer, issue_search, state_lookup

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
            jira=_jira_of_server(settings),
            github=GitHubAccess(settings.github_api_url, _plain(settings.github_token) or ""),
            files_jira=settings.enable_jira_issues is not False,
            files_github=settings.enable_github_issues is not False,
            proxy=settings.tracker_proxy,
        ),
        partial(issue_filer, jira_fields=settings.jira_issue_fields),
    )


def _jira_connection(
    settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]
) -> JiraConnection | None:
    return jira_connection(
        _jira_of_server(settings), _jira_of_request(analysis, secrets), proxy=settings.tracker_proxy
    )


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


def _jira_of_server(settings: Settings) -> JiraAccess:
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


def _jira_of_request(analysis: StoredAnalysis, secrets: Mapping[str, str]) -> JiraAccess:
    asked: dict[str, Any] = analysis.request_params
    return JiraAccess(
        enabled=asked.get("enable_jira"),
        url=asked.get("jira_url"),
        email=secrets.get("jira_email"),
        api_token=secrets.get("jira_api_token"),
        pat=secrets.get("jira_pat"),
        project_key=asked.get("jira_project_key"),
        ssl_verify=asked.get("jira_ssl_verify"),
        max_results=asked.get("jira_max_results"),
    )


def _github_desk(settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]) -> Desk | None:
    tests = next((repo for repo in analysis.options.repositories if repo.is_tests), None)
    if tests is None or settings.enable_github_issues is False:
        return None
    try:
        connection = github_connection(
            _github_of_server(settings),
            tests.url,
            token=secrets.get("github_token", ""),
            proxy=settings.tracker_proxy,
        )
    except NotConfigured:
        if settings.enable_github_issues is None:  # nobody asked for it: the tests are simply not on GitHub
            return None
        raise
    return Desk(
        issue_search(connection), Classification.CODE_ISSUE, matches=MAX_MATCHES, candidates=CANDIDATES
    )


def _github_of_server(settings: Settings) -> GitHubAccess:
    return GitHubAccess(settings.github_api_url, _plain(settings.github_token) or "")


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


# --- what comments name --------------------------------------------------------------------------

STATE_LIMITS = Limits(attempt_s=4.0, total_s=8.0, tries=2, longest_pause_s=2.0, reply_bytes=2_000_000)
"""Somebody waits for the page."""
_SIGHT_KEY = randomness.token_bytes(32)
"""Of this process: what names a credential here says nothing of it anywhere else."""


class LinkTrackers:
    """The trackers that comments on one result are held against: `features.link_states.CommentTrackers`.

    Of the credentials that may be sent to a server, those that whoever asks has saved go first, then those that came
    with the analysis, then the server's. Saved ones were given for the trackers of the settings and go nowhere else.
    """

    def __init__(
        self,
        settings: Settings,
        analysis: StoredAnalysis,
        secrets: Mapping[str, str],
        saved: Mapping[str, str],
    ) -> None:
        """`secrets`: what came with the analysis; `saved`: of whoever asks. Both by field name."""
        self._settings = settings
        self._analysis = analysis
        self._secrets = secrets
        self._saved = saved

    def links(self, text: str) -> tuple[Link, ...]:
        """What the text names."""
        project = (
            self._analysis.request_params.get("jira_project_key") or self._settings.jira_project_key or ""
        )
        return find_links(text, is_github=self._is_github, known_project=str(project).upper())

    def desk(self, link: Link) -> StateDesk | None:
        """Where to look it up: at GitHub for its links, at the one Jira that is known for its keys."""
        if link.kind is not LinkKind.JIRA:
            connection = self._github(link)
            if connection is None:
                return None
            sight = _sight(connection.api_url, connection.token)
            return StateDesk(state_lookup(connection, STATE_LIMITS), sight)
        return self._jira_desk if self._is_ours(link) else None

    def address(self, link: Link) -> str:
        """Where people find it."""
        match link.kind:
            case LinkKind.GITHUB_PR:
                return f"https://{link.site}/{link.repository}/pull/{link.number}"
            case LinkKind.GITHUB_ISSUE:
                return f"https://{link.site}/{link.repository}/issues/{link.number}"
        site = link.site or (self._jira.url if self._jira else "")
        return f"{site}/browse/{link.key}" if site else ""

    # --- GitHub ----------------------------------------------------------------------------------

    def _is_github(self, host: str) -> bool:
        return self._connection(f"https://{host}/owner/name", "") is not None

    def _github(self, link: Link) -> GitHubConnection | None:
        where = f"https://{link.site}/{link.repository}"
        plain = self._connection(where, "")
        if plain is None:
            return None
        token = ""
        if plain.api_url == self._own_github:
            token = self._saved.get("github_token", "")
        if not token and plain.api_url == self._github_of_request:
            token = self._secrets.get("github_token", "")
        return self._connection(where, token) if token else plain

    @cached_property
    def _own_github(self) -> str:
        """The API of the settings, where saved tokens belong."""
        server = GitHubAccess(self._settings.github_api_url)
        host = self._settings.github_api_url.partition("://")[2].partition("/")[0].removeprefix("api.")
        try:
            return github_connection(server, f"https://{host}/owner/name").api_url
        except NotConfigured:
            return ""

    @cached_property
    def _github_of_request(self) -> str:
        """The API where the token of the request belongs: that of the tests' repository, or of the settings."""
        tests = next((repo for repo in self._analysis.options.repositories if repo.is_tests), None)
        if tests is None:
            return self._own_github
        connection = self._connection(tests.url, "")
        return connection.api_url if connection else ""

    def _connection(self, repository_url: str, token: str) -> GitHubConnection | None:
        try:
            return github_connection(
                _github_of_server(self._settings),
                repository_url,
                token=token,
                proxy=self._settings.tracker_proxy,
            )
        except NotConfigured:
            return None

    # --- Jira ------------------------------------------------------------------------------------

    def _is_ours(self, link: Link) -> bool:
        """Whether a key is one of the Jira that is known: it stands alone, or links there."""
        if self._jira is None or not link.site:
            return self._jira is not None
        return link.site.partition("://")[2] == self._jira.url.partition("://")[2]

    @cached_property
    def _jira(self) -> JiraConnection | None:
        if self._settings.enable_jira is False and not self._settings.enable_jira_issues:
            return None
        server = replace(_jira_of_server(self._settings), enabled=None)
        # Whether duplicates were looked for says nothing about what people write.
        request = replace(_jira_of_request(self._analysis, self._secrets), enabled=None)
        for access in (self._saved_access(request), request):
            try:
                connection = access and jira_connection(
                    server, access, proxy=self._settings.tracker_proxy, needs_project=False
                )
            except NotConfigured:
                continue
            if connection:
                return connection
        return None

    def _saved_access(self, request: JiraAccess) -> JiraAccess | None:
        """What whoever asks has saved, when the analysis speaks to the Jira of the settings."""
        token, email = self._saved.get("jira_token", ""), self._saved.get("jira_email", "")
        own = self._settings.jira_url
        if not token or not own or (request.url and request.url.rstrip("/") != own.rstrip("/")):
            return None
        return JiraAccess(email=email, api_token=token) if email else JiraAccess(pat=token)

    @cached_property
    def _jira_desk(self) -> StateDesk | None:
        connection = self._jira
        if connection is None:
            return None
        login = connection.credential
        parts = (login.email, login.api_token) if isinstance(login, CloudLogin) else (login.token,)
        verified = "checked" if connection.verify_tls else "unchecked"
        return StateDesk(state_lookup(connection, STATE_LIMITS), _sight(connection.url, verified, *parts))


def _sight(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "replace"), key=_SIGHT_KEY, digest_size=16).hexdigest()
