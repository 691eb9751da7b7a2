"""The calls of Report Portal's API that a push is made of, in typed form.

https://developers.reportportal.io/api-docs/ (service API, version 5.11 and later). Everything here may be asked twice:
reading changes nothing, and what is written is written the same way again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, RootModel, field_validator

PAGE_SIZE = 300
BATCH = 300
"""Items of one change, by Report Portal's own description of its API."""
MAX_ITEMS = 30_000
"""Failed items of one launch that are looked at."""

Reply = TypeVar("Reply", bound=BaseModel)


class Http(Protocol):
    """Speaks to one server with one credential; time limits and retries are its work.

    Raises Unavailable (no answer, however often it was asked) and Refused (CredentialRefused among them).
    """

    async def get(self, kind: type[Reply], path: str, *, params: Mapping[str, str]) -> Reply:
        """The answer to a GET, read as `kind`."""
        ...

    async def put(self, kind: type[Reply], path: str, *, body: Mapping[str, object]) -> Reply:
        """The answer to a PUT, read as `kind`."""
        ...


@dataclass(frozen=True, slots=True)
class Launch:
    """One run of tests, as Report Portal knows it."""

    id: int
    uuid: str
    name: str
    number: int
    """Report Portal's own count of the launches of that name; no build number."""
    description: str
    attributes: tuple[tuple[str, str], ...]
    """Keys, empty for attributes that are a value only, with their values."""

    def __str__(self) -> str:
        return f"{self.name} #{self.number}"


@dataclass(frozen=True, slots=True)
class ExternalIssue:
    """An issue of a tracker, linked from an item."""

    key: str
    url: str
    """Where people read it."""
    tracker_url: str
    project: str


@dataclass(frozen=True, slots=True)
class Item:
    """A failed test of a launch, with what is decided of it so far."""

    id: int
    name: str
    code_ref: str
    path: tuple[str, ...]
    parameters: tuple[str, ...]
    defect_type: str
    """Locator: `ti001` before anybody decided."""
    comment: str
    auto_analyzed: bool
    """Whether Report Portal's own analyser set the defect type, not a person."""
    ignore_analyzer: bool
    linked: frozenset[tuple[str, str]]
    """Keys and addresses of the issues that are linked already."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an item is to have."""

    item: Item
    defect_type: str
    comment: str


class ReportPortalClient:
    """One project of one Report Portal."""

    def __init__(self, http: Http, project: str) -> None:
        self.project = project
        self._http = http
        self._base = f"/api/v1/{quote(project, safe='')}"

    async def launches(self, filters: Mapping[str, str], *, most: int) -> list[Launch]:
        """The newest launches that fit the filters of Report Portal's API, at most so many."""
        found: dict[int, Launch] = {}
        params = {**filters, "page.sort": "startTime,desc"}
        async for page in self._pages(_LaunchPage, f"{self._base}/launch", params):
            found |= {launch.id: _launch(launch) for launch in page.content}
            if len(found) >= most:
                break
        return list(found.values())[:most]

    async def failed_items(self, launch_id: int) -> list[Item]:
        """The failed tests of the launch, without suites and nested steps; MAX_ITEMS at most."""
        params = {
            "filter.eq.launchId": str(launch_id),
            "filter.eq.status": "FAILED",
            "filter.eq.hasChildren": "false",
            "page.sort": "id,asc",
        }
        found: dict[int, Item] = {}
        async for page in self._pages(_ItemPage, f"{self._base}/item", params):
            found |= {item.id: _item(item) for item in page.content if _is_a_test(item, launch_id)}
            if len(found) >= MAX_ITEMS:
                break
        return list(found.values())[:MAX_ITEMS]

    async def defect_types(self) -> dict[str, tuple[str, ...]]:
        """The project's defect types: locators by group (`PRODUCT_BUG`), each group's own type first."""
        settings = await self._http.get(_Settings, f"{self._base}/settings", params={})
        return {
            group.upper(): tuple(kind.locator for kind in kinds if kind.locator)
            for group, kinds in settings.subTypes.items()
        }

    async def decide(self, decisions: Sequence[Decision]) -> None:
        """Set defect types and comments of at most BATCH items, of all or of none."""
        # An empty externalSystemIssues would remove the links that people made; without the field they stay.
        issues = [
            {
                "testItemId": decision.item.id,
                "issue": {
                    "issueType": decision.defect_type,
                    "comment": decision.comment,
                    "autoAnalyzed": False,
                    "ignoreAnalyzer": decision.item.ignore_analyzer,
                },
            }
            for decision in decisions
        ]
        await self._http.put(_Anything, f"{self._base}/item", body={"issues": issues})

    async def link(self, item_ids: Sequence[int], issues: Sequence[ExternalIssue]) -> None:
        """Link the issues from at most BATCH items, beside those that are linked already."""
        linked = [
            {
                "ticketId": issue.key,
                "url": issue.url,
                "btsUrl": issue.tracker_url,
                "btsProject": issue.project,
            }
            for issue in issues
        ]
        body = {"testItemIds": list(item_ids), "issues": linked}
        await self._http.put(_Anything, f"{self._base}/item/issue/link", body=body)

    async def _pages(
        self, kind: "type[_Page]", path: str, params: Mapping[str, str]
    ) -> "AsyncIterator[_Page]":
        """All pages. Report Portal numbers them from 1, its description from 0: the answer says which it was."""
        number: int | None = None
        seen = 0
        while True:
            asked = {**params, "page.size": str(PAGE_SIZE)}
            if number is not None:
                asked["page.page"] = str(number)
            page = await self._http.get(kind, path, params=asked)
            yield page
            seen += len(page.content)
            if not page.content or seen >= page.page.totalElements:
                return
            if number is not None and page.page.number != number:
                return  # It gave another page than was asked for, and would do so for ever.
            number = page.page.number + 1


# --- answers -------------------------------------------------------------------------------------


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


_Page = TypeVar("_Page", "_LaunchPage", "_ItemPage")


class _Anything(RootModel[Any]):
    """An answer of which nothing is used."""


class _PageNumbers(_Wire):
    number: int = 1
    totalElements: int = 0  # noqa: N815 - Report Portal's spelling, as everywhere below


class _Attribute(_Wire):
    key: str | None = None
    value: str = ""


class _Launch(_Wire):
    id: int
    uuid: str = ""
    name: str = ""
    number: int = 0
    description: str | None = None
    attributes: list[_Attribute] | None = None


class _LaunchPage(_Wire):
    content: list[_Launch]
    page: _PageNumbers = _PageNumbers()


class _LinkedIssue(_Wire):
    ticketId: str = ""  # noqa: N815
    url: str = ""


class _IssueState(_Wire):
    issueType: str = ""  # noqa: N815
    comment: str | None = None
    autoAnalyzed: bool = False  # noqa: N815
    ignoreAnalyzer: bool = False  # noqa: N815
    externalSystemIssues: list[_LinkedIssue] | None = None  # noqa: N815


class _PathName(_Wire):
    name: str | None = None


class _PathNames(_Wire):
    itemPaths: list[_PathName] | None = None  # noqa: N815


class _Item(_Wire):
    id: int
    name: str | None = None
    codeRef: str | None = None  # noqa: N815
    parameters: list[_Attribute] | None = None
    status: str = "FAILED"
    launchId: int | None = None  # noqa: N815
    hasChildren: bool = False  # noqa: N815
    hasStats: bool = True  # noqa: N815
    pathNames: _PathNames | None = None  # noqa: N815
    issue: _IssueState | None = None

    @field_validator("parameters", mode="before")
    @classmethod
    def _with_values(cls, value: object) -> object:
        """Parameters without a value say nothing."""
        if not isinstance(value, list):
            return None
        return [one for one in value if isinstance(one, dict) and isinstance(one.get("value"), str)]


class _ItemPage(_Wire):
    content: list[_Item]
    page: _PageNumbers = _PageNumbers()


class _DefectType(_Wire):
    locator: str = ""


class _Settings(_Wire):
    subTypes: dict[str, list[_DefectType]]  # noqa: N815


def _launch(launch: _Launch) -> Launch:
    return Launch(
        id=launch.id,
        uuid=launch.uuid,
        name=launch.name,
        number=launch.number,
        description=launch.description or "",
        attributes=tuple((one.key or "", one.value) for one in launch.attributes or ()),
    )


def _is_a_test(item: _Item, launch_id: int) -> bool:
    """Not a suite, not a step within a test, and, should a server not know a filter, of no other launch or status."""
    return (
        not item.hasChildren
        and item.hasStats
        and item.status.upper() == "FAILED"
        and item.launchId in {None, launch_id}
    )


def _item(item: _Item) -> Item:
    issue = item.issue or _IssueState()
    around = item.pathNames.itemPaths if item.pathNames else None
    return Item(
        id=item.id,
        name=item.name or "",
        code_ref=item.codeRef or "",
        path=tuple(one.name for one in around or () if one.name),
        parameters=tuple(one.value for one in item.parameters or ()),
        defect_type=issue.issueType,
        comment=issue.comment or "",
        auto_analyzed=issue.autoAnalyzed,
        ignore_analyzer=issue.ignoreAnalyzer,
        linked=frozenset((one.ticketId, one.url) for one in issue.externalSystemIssues or ()),
    )
