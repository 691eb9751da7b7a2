"""What a Jira has: who one is there, its projects, and their security levels.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-projects/ and
https://developer.atlassian.com/server/jira/platform/rest/v10003/api-group-project/
"""

from dataclasses import dataclass
from typing import Self

from pydantic import RootModel, model_validator

from rootcoz.trackers.connection import CloudLogin, JiraConnection
from rootcoz.trackers.http import Errand, Limits, TrackerHttp
from rootcoz.trackers.jira import Wire, endpoint

PAGE_SIZE = 100
MAX_PAGES = 20
ASKING_WHO = Errand("question who this is", "say who it is", "user")
LISTING_PROJECTS = Errand("list of projects", "list projects", "list of projects")
LISTING_LEVELS = Errand("list of security levels", "list security levels", "list of security levels")


@dataclass(frozen=True, slots=True)
class JiraProject:
    """A project."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class SecurityLevel:
    """Who may see an issue."""

    id: str
    name: str
    description: str


class JiraDirectory:
    """Made with a connection, whose credential says whether it is Cloud or Data Center; its project does not matter.

    All raise Refused and Unavailable.
    """

    def __init__(self, connection: JiraConnection, limits: Limits | None = None) -> None:
        self._is_cloud = isinstance(connection.credential, CloudLogin)
        self._http = TrackerHttp(endpoint(connection, limits or Limits()))

    async def whoami(self) -> str:
        """The name that is shown of the credential's owner."""
        version = 3 if self._is_cloud else 2
        who = await self._http.get(_User, f"/rest/api/{version}/myself", params={}, errand=ASKING_WHO)
        return who.displayName or who.name or who.accountId

    async def projects(self, query: str = "") -> list[JiraProject]:
        """The projects with the query in their key or name, whatever its case; by key, at most 2,000."""
        found = await (self._cloud_projects(query) if self._is_cloud else self._server_projects())
        wanted = query.strip().casefold()
        return sorted(
            (
                JiraProject(one.key, one.name)
                for one in found
                if wanted in one.key.casefold() or wanted in one.name.casefold()
            ),
            key=lambda project: project.key,
        )

    async def security_levels(self, project_key: str) -> list[SecurityLevel]:
        """Those of the project that the credential's owner may set."""
        version = 3 if self._is_cloud else 2
        listed = await self._http.get(
            _Levels,
            f"/rest/api/{version}/project/{project_key}/securitylevel",
            params={},
            errand=LISTING_LEVELS,
        )
        return [SecurityLevel(one.id, one.name, one.description or "") for one in listed.levels]

    async def _cloud_projects(self, query: str) -> "list[_Project]":
        found: dict[str, _Project] = {}
        start = 0
        for _ in range(MAX_PAGES):
            params = {"startAt": str(start), "maxResults": str(PAGE_SIZE), "orderBy": "key"}
            if query.strip():
                params["query"] = query.strip()
            page = await self._http.get(
                _ProjectPage, "/rest/api/3/project/search", params=params, errand=LISTING_PROJECTS
            )
            known = len(found)
            found |= {one.key: one for one in page.values}
            start += len(page.values)
            if page.isLast or len(found) == known:
                break
        return list(found.values())

    async def _server_projects(self) -> "list[_Project]":
        listed = await self._http.get(_Projects, "/rest/api/2/project", params={}, errand=LISTING_PROJECTS)
        # The vendor's description speaks of one project where servers answer with a list.
        return listed.root[: MAX_PAGES * PAGE_SIZE] if isinstance(listed.root, list) else [listed.root]


class _User(Wire):
    """Somebody: Cloud knows people by `accountId`, Data Center by `name`."""

    displayName: str = ""  # noqa: N815 - Jira's spelling
    name: str = ""
    accountId: str = ""  # noqa: N815 - as above

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if not (self.displayName or self.name or self.accountId):
            raise ValueError("names nobody")
        return self


class _Project(Wire):
    key: str
    name: str = ""


class _Projects(RootModel[list[_Project] | _Project]):
    pass


class _ProjectPage(Wire):
    values: list[_Project]
    isLast: bool = True  # noqa: N815 - Jira's spelling


class _Level(Wire):
    id: str
    name: str
    description: str | None = None


class _Levels(Wire):
    levels: list[_Level]
