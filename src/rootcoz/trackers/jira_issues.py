"""Filing issues in Jira: Cloud takes a document as the description, Data Center wiki text.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-post and
https://developer.atlassian.com/server/jira/platform/rest/v10003/api-group-issue/
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from rootcoz.domain.errors import InvalidInput, OutsideError, Refused
from rootcoz.domain.issue import FiledIssue, NewIssue
from rootcoz.trackers.connection import CloudLogin, JiraConnection
from rootcoz.trackers.http import Errand, Limits, RefusedFields, TrackerHttp
from rootcoz.trackers.jira import SOURCE, Wire, endpoint, plain_description
from rootcoz.trackers.jira_directory import JiraDirectory
from rootcoz.trackers.jira_text import document, wiki_text

TITLE_LIMIT = 255
BODY_LIMIT = 32_767
"""Characters of a text that Jira takes, unless its administrator says otherwise."""
DEFAULT_TYPE = "Bug"
SETTLES_S = 10.0
"""Seconds by which the search may lag behind; Cloud's is said to."""
FILING = Errand("new issue", "file issues", "new issue", changes=True)
FINDING = Errand("search for the new issue", "search", "search result")
DESCRIBING = Errand("question for its fields", "see what an issue needs", "list of fields")
_SLACK_MINUTES = 10
"""By which the clocks may differ when it is looked for what was filed since a time."""
_NAMED = 12
"""Things that a message names at most."""


class JiraIssues:
    """Files issues in the project of a connection, whose credential says whether it is Cloud or Data Center."""

    name = "Jira"

    def __init__(
        self,
        connection: JiraConnection,
        limits: Limits | None = None,
        *,
        extra_fields: Mapping[str, object] | None = None,
        settles_s: float = SETTLES_S,
    ) -> None:
        """`extra_fields` go along with each issue, for what projects want to know beyond the usual."""
        self.place = f"{connection.url} {connection.project_key}"
        self.settles_s = settles_s
        self._connection = connection
        self._is_cloud = isinstance(connection.credential, CloudLogin)
        self._rest = "/rest/api/3" if self._is_cloud else "/rest/api/2"
        self._http = TrackerHttp(endpoint(connection, limits or Limits()))
        self._directory = JiraDirectory(connection, limits)
        self._extra_fields = dict(extra_fields or {})

    async def create_issue(self, issue: NewIssue) -> FiledIssue:
        """File the issue; the body is wiki text or Markdown, and goes out as what this Jira reads.

        Raises InvalidInput for what is too long, and for an issue type or a security level that the project has not;
        OutcomeUnknown when it may have been filed; Refused (CredentialRefused among them) and Unavailable when it
        certainly was not. A field that the project wants and did not get is named.
        """
        if len(issue.title) > TITLE_LIMIT:
            raise InvalidInput(f"Jira takes titles of at most {TITLE_LIMIT} characters: shorten it.")
        fields = {
            **self._extra_fields,
            "project": {"key": self._connection.project_key},
            "summary": issue.title,
            "description": self._description(issue),
            "issuetype": {"name": issue.issue_type or DEFAULT_TYPE},
        }
        if issue.labels:
            fields["labels"] = list(issue.labels)
        if issue.security_level:
            fields["security"] = {"id": await self._security_level(issue.security_level)}
        try:
            filed = await self._file(fields)
        except RefusedFields as refused:
            type_id = await self._issue_type(issue.issue_type or DEFAULT_TYPE, refused)
            if "issuetype" not in refused.fields:
                raise await self._explained(refused, type_id) from refused
            try:  # The name may only have been spelt otherwise.
                filed = await self._file({**fields, "issuetype": {"id": type_id}})
            except RefusedFields as again:
                raise await self._explained(again, type_id) from again
        return FiledIssue(key=filed.key, url=f"{self._connection.url}/browse/{filed.key}", title=issue.title)

    async def find_filed(self, issue: NewIssue, since: str) -> FiledIssue | None:
        """The issue, if it has been filed since that time (ISO 8601); known by its marker."""
        age_s = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
        minutes = max(0, int(age_s // 60)) + _SLACK_MINUTES
        body: dict[str, object] = {
            "jql": f'project = "{self._connection.project_key}" AND created >= "-{minutes}m" '
            f'AND text ~ "{issue.marker}" ORDER BY created ASC',
            "fields": ["summary", "description"],
            "maxResults": 10,
        }
        path = f"{self._rest}/search/jql" if self._is_cloud else f"{self._rest}/search"
        found = await self._http.post(_Found, path, body=body, errand=FINDING)
        for one in found.issues:
            if issue.marker in plain_description(one.fields.description):
                url = f"{self._connection.url}/browse/{one.key}"
                return FiledIssue(key=one.key, url=url, title=one.fields.summary or issue.title)
        return None

    async def _file(self, fields: Mapping[str, object]) -> "_Filed":
        return await self._http.post(_Filed, f"{self._rest}/issue", body={"fields": fields}, errand=FILING)

    def _description(self, issue: NewIssue) -> object:
        closing = " ".join(
            part
            for part in (
                f"Reported by {issue.reporter} through rootcoz." if issue.reporter else "",
                f"Reference: {issue.marker}" if issue.marker else "",
            )
            if part
        )
        text = wiki_text(issue.body, closing)
        if len(text) > BODY_LIMIT:
            raise InvalidInput(
                f"Jira takes descriptions of at most {BODY_LIMIT:,} characters, with the line that is added at the "
                f"end: this one has {len(text):,}."
            )
        return document(issue.body, closing) if self._is_cloud else text

    # --- what a project wants --------------------------------------------------------------------

    async def _security_level(self, wanted: str) -> str:
        """The level's id. Raises InvalidInput when the project has none of that name."""
        levels = await self._directory.security_levels(self._connection.project_key)
        for level in levels:
            if wanted.casefold() in {level.name.casefold(), level.id.casefold()}:
                return level.id
        raise InvalidInput(
            f"The project {self._connection.project_key} has no security level {wanted!r} for this credential"
            f"{_listed(level.name for level in levels)}."
        )

    async def _issue_type(self, wanted: str, refused: RefusedFields) -> str:
        """The id of the issue type that was wanted; empty when the project does not tell its types.

        Raises InvalidInput when it has no such type.
        """
        types: list[_IssueType] = []
        with suppress(OutsideError):  # It is asked only to explain an error that is there already.
            page = await self._http.get(
                _IssueTypes, self._createmeta, params={"maxResults": "100"}, errand=DESCRIBING
            )
            types = [one for one in page.issueTypes or page.values if not one.subtask]
        for one in types:
            if wanted.casefold() in {one.name.casefold(), one.id}:
                return one.id
        if types:
            raise InvalidInput(
                f"The project {self._connection.project_key} has no issue type {wanted!r}"
                f"{_listed(one.name for one in types)}."
            )
        if "issuetype" in refused.fields:
            raise refused
        return ""

    async def _explained(self, refused: RefusedFields, type_id: str) -> Refused:
        """The refusal with the names of the fields that people know."""
        names: dict[str, str] = {}
        if type_id:
            with suppress(OutsideError):  # As above.
                page = await self._http.get(
                    _Fields, f"{self._createmeta}/{type_id}", params={"maxResults": "200"}, errand=DESCRIBING
                )
                names = {one.fieldId: one.name for one in page.fields or page.results or page.values}
        told = "; ".join(
            f"{names.get(key, key)}{f' ({key})' if key in names and names[key] != key else ''}: {text}"
            for key, text in list(refused.fields.items())[:_NAMED]
        )
        return Refused(
            f"Jira's project {self._connection.project_key} does not take the issue as it is. {told.rstrip('.')}. What "
            "it wants with every issue can be put into JIRA_ISSUE_FIELDS.",
            source=SOURCE,
        )

    @property
    def _createmeta(self) -> str:
        return f"{self._rest}/issue/createmeta/{self._connection.project_key}/issuetypes"


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    if not known:
        return ""
    more = ", …" if len(known) > _NAMED else ""
    return f"; it has {', '.join(known[:_NAMED])}{more}"


# --- answers -------------------------------------------------------------------------------------


class _Filed(Wire):
    key: str = Field(min_length=1)


class _FoundFields(Wire):
    summary: str | None = None
    description: Any = None


class _FoundIssue(Wire):
    key: str
    fields: _FoundFields = _FoundFields()


class _Found(Wire):
    issues: list[_FoundIssue]


class _IssueType(Wire):
    id: str
    name: str
    subtask: bool = False


class _IssueTypes(Wire):
    """Cloud has them as `issueTypes`, Data Center as `values`."""

    issueTypes: tuple[_IssueType, ...] = ()  # noqa: N815 - Jira's spelling
    values: tuple[_IssueType, ...] = ()


class _CreateField(Wire):
    fieldId: str  # noqa: N815 - Jira's spelling
    name: str


class _Fields(Wire):
    """Cloud has them as `fields` (once as `results`), Data Center as `values`."""

    fields: tuple[_CreateField, ...] = ()
    results: tuple[_CreateField, ...] = ()
    values: tuple[_CreateField, ...] = ()
