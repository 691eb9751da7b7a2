"""With which credential a person works in Jira and GitHub, and what that credential shows them.

In this order: what they have saved, what came with the request, what the server has. The server's is taken only when
there is neither of the others. All of them are for the server's own Jira and GitHub; only what came with a request goes
to another place that the request names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from rootcoz.domain.errors import InvalidInput, NotAllowed, NotConfigured, OutsideError
from rootcoz.domain.tracker import TokenCheck, TokenType, TrackerCredentials
from rootcoz.trackers.base import IssueFiler
from rootcoz.trackers.connection import (
    GitHubAccess,
    GitHubConnection,
    JiraAccess,
    JiraConnection,
    Offer,
    github_filings,
    github_server,
    is_project_key,
    jira_filings,
)
from rootcoz.trackers.github import GitHubIssues
from rootcoz.trackers.http import Limits
from rootcoz.trackers.jira_deployment import fitting
from rootcoz.trackers.jira_directory import JiraDirectory, JiraProject, SecurityLevel

LOOKUP_LIMITS = Limits(attempt_s=10.0, total_s=20.0, tries=2)
"""Somebody sits before a form and waits."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """What the server's settings say."""

    jira: JiraAccess
    github: GitHubAccess
    files_jira: bool
    files_github: bool
    proxy: str = field(default="", repr=False)


class TrackerAccess:
    """One for each server."""

    def __init__(
        self,
        settings: TrackerSettings,
        make_filer: Callable[[JiraConnection | GitHubConnection], IssueFiler],
        limits: Limits = LOOKUP_LIMITS,
    ) -> None:
        """`limits` are for what is only looked up."""
        self._settings = settings
        self._limits = limits
        self._make_filer = make_filer

    def check_github(self, saved: TrackerCredentials, sent: TrackerCredentials) -> None:
        """Raise NotAllowed when no issues are filed in GitHub, NotConfigured when there is no token at all."""
        if not self._settings.files_github:
            raise NotAllowed("This server files no issues in GitHub (ENABLE_GITHUB_ISSUES).")
        if not any(offer.token for offer in self._github_offers(saved, sent)):
            raise NotConfigured(
                "No issue was filed in GitHub: there is no token. Send github_token, save one of your own, or have "
                "GITHUB_TOKEN set."
            )

    def github_filers(
        self, repository_url: str, saved: TrackerCredentials, sent: TrackerCredentials
    ) -> Sequence[IssueFiler]:
        """For the repository. Raises NotConfigured for one that no token may go to."""
        github = self._settings.github
        connections = github_filings(
            github.api_url, repository_url, self._github_offers(saved, sent), proxy=self._settings.proxy
        )
        return [self._make_filer(connection) for connection in connections]

    def check_github_address(self, url: str) -> None:
        """Raise InvalidInput for an address that nobody should send: no HTTPS where GitHub has it."""
        schemes = (
            ("https://", "http://") if self._settings.github.api_url.startswith("http://") else ("https://",)
        )
        if not url.lower().startswith(schemes):
            raise InvalidInput("github_repo_url must be an address such as https://github.com/owner/name.")

    async def jira_filers(
        self, project_key: str, saved: TrackerCredentials, sent: TrackerCredentials
    ) -> Sequence[IssueFiler]:
        """For the project, or the server's when none is named.

        Raises NotAllowed when no bugs are filed in Jira, and NotConfigured.
        """
        settings = self._settings
        if not settings.files_jira:
            raise NotAllowed("This server files no bugs in Jira (ENABLE_JIRA_ISSUES).")
        key = project_key.strip() or settings.jira.project_key or ""
        connections = self._jira_connections(_offers(*self._own_jira(saved, sent), self._server_jira()), key)
        if not key:
            raise NotConfigured(
                "No bug was filed in Jira: there is no project; send jira_project_key, or have JIRA_PROJECT_KEY set."
            )
        return [self._make_filer(await fitting(connection)) for connection in connections]

    # --- looking things up -----------------------------------------------------------------------

    async def validate(self, kind: TokenType, token: str, email: str) -> TokenCheck:
        """Whether the tracker accepts the token. Never raises: why it does not is in the message."""
        if not token.strip():
            return TokenCheck(valid=False, username="", message="The token is blank.")
        try:
            if kind is TokenType.GITHUB:
                username = await self._github_user(token.strip())
            else:
                username = await self._jira_user(token.strip(), email.strip())
        except (OutsideError, NotConfigured) as error:
            return TokenCheck(valid=False, username="", message=str(error))
        return TokenCheck(
            valid=True, username=username, message=f"The token is valid: it is that of {username}."
        )

    async def jira_projects(
        self, query: str, saved: TrackerCredentials, sent: TrackerCredentials
    ) -> Sequence[JiraProject]:
        """The projects that a person's own credential shows, the server's project first.

        Without a usable one only the server's project, if there is one.
        """
        key = (self._settings.jira.project_key or "").upper()
        own = [JiraProject(key, key)] if key else []
        offers = [offer for offer in self._own_jira(saved, sent) if offer.token]
        directories = await self._directories(offers)
        for directory in directories:
            try:
                projects = await directory.projects(query)
            except OutsideError as error:
                log.info("jira_projects_not_listed", reason=str(error))
                continue
            return sorted(projects, key=lambda project: project.key != key)
        return own

    async def jira_security_levels(
        self, project_key: str, saved: TrackerCredentials, sent: TrackerCredentials
    ) -> Sequence[SecurityLevel]:
        """The project's levels; empty where there are none to be seen."""
        key = project_key.strip().upper()
        if not is_project_key(key):
            return []
        for directory in await self._directories(_offers(*self._own_jira(saved, sent), self._server_jira())):
            try:
                return await directory.security_levels(key)
            except OutsideError as error:
                log.info("jira_security_levels_not_listed", reason=str(error))
        return []

    async def _github_user(self, token: str) -> str:
        connection = github_server(
            self._settings.github.api_url, Offer("the token", token), proxy=self._settings.proxy
        )
        return await GitHubIssues(connection, self._limits).whoami()

    async def _jira_user(self, token: str, email: str) -> str:
        (connection,) = self._jira_connections([Offer("the credential", token, email)])
        return await JiraDirectory(await fitting(connection), self._limits).whoami()

    async def _directories(self, offers: Sequence[Offer]) -> list[JiraDirectory]:
        try:
            return [
                JiraDirectory(await fitting(connection), self._limits)
                for connection in self._jira_connections(offers)
            ]
        except NotConfigured as error:
            log.info("jira_not_asked", reason=str(error))
            return []

    # --- whose credential ------------------------------------------------------------------------

    def _jira_connections(self, offers: Sequence[Offer], project_key: str = "") -> list[JiraConnection]:
        return jira_filings(self._settings.jira, offers, project_key=project_key, proxy=self._settings.proxy)

    def _github_offers(self, saved: TrackerCredentials, sent: TrackerCredentials) -> list[Offer]:
        return _offers(
            Offer("your saved GitHub token", saved.github_token),
            Offer("the request's github_token", sent.github_token.strip(), travels=True),
            Offer("GITHUB_TOKEN", self._settings.github.token),
        )

    def _own_jira(self, saved: TrackerCredentials, sent: TrackerCredentials) -> tuple[Offer, Offer]:
        return (
            Offer("your saved Jira token and e-mail address", saved.jira_token, saved.jira_email),
            Offer(
                "the request's jira_token and jira_email", sent.jira_token.strip(), sent.jira_email.strip()
            ),
        )

    def _server_jira(self) -> Offer:
        jira = self._settings.jira
        if jira.email and jira.api_token:
            return Offer("JIRA_EMAIL and JIRA_API_TOKEN", jira.api_token, jira.email)
        return Offer("JIRA_PAT", jira.pat or "")


def _offers(saved: Offer, sent: Offer, server: Offer) -> list[Offer]:
    """A person's own, in their order; only without any of them the server's."""
    own = [offer for offer in (saved, sent) if offer.token]
    return own or [server]
