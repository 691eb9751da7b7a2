"""A local Report Portal with one project: it keeps what it is told, and is as strict as the real one.

It pages from 1, takes a batch of at most 300 as a whole or not at all, keeps links that a change does not mention and
removes them for an empty list. Filters it does not know are refused.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.tracker_server import Answer, Request, TrackerServer, tracker_server

TOKEN = "rp-T0ken-of-the-tests"  # noqa: S105 - made up
PROJECT = "acme_web"
DEFECT_TYPES = {
    "TO_INVESTIGATE": ["ti001"],
    "PRODUCT_BUG": ["pb_flaky", "pb001"],
    "AUTOMATION_BUG": ["ab001"],
    "SYSTEM_ISSUE": ["si001"],
    "NO_DEFECT": ["nd001"],
}
MAX_BATCH = 300

Json = dict[str, Any]


@dataclass
class ReportPortal(TrackerServer):
    """Fill it with `launch` and `item`; `faults` are answered first, each to the first request that it fits."""

    launches: list[Json] = field(default_factory=list)
    items: dict[int, Json] = field(default_factory=dict)
    defect_types: Mapping[str, Sequence[str]] = field(default_factory=lambda: dict(DEFECT_TYPES))
    faults: list[tuple[str, Answer]] = field(default_factory=list)
    """Regular expressions for `METHOD /path?query body`, with what is answered: once, or, where the expression has a
    star at its end, always."""
    refuses: Callable[[int], bool] = lambda _item_id: False
    """Items that nothing can be decided of, for example because they are gone."""

    def __post_init__(self) -> None:
        super().__init__()

    def launch(self, name: str = "nightly", number: int = 1, **fields: object) -> int:
        """One more launch; its id."""
        launch_id = 1000 + len(self.launches)
        self.launches.append(
            {
                "id": launch_id,
                "uuid": f"uuid-{launch_id}",
                "name": name,
                "number": number,
                "status": "FAILED",
                "startTime": "2026-01-01T00:00:00Z",
                "description": "",
                "attributes": [],
                **fields,
            }
        )
        return launch_id

    def item(self, launch_id: int, name: str, **fields: object) -> int:
        """One more failed test that nobody has looked at; its id."""
        item_id = 1 + len(self.items)
        self.items[item_id] = {
            "id": item_id,
            "name": name,
            "type": "STEP",
            "status": "FAILED",
            "launchId": launch_id,
            "hasChildren": False,
            "hasStats": True,
            "issue": {
                "issueType": "ti001",
                "autoAnalyzed": False,
                "ignoreAnalyzer": False,
                "externalSystemIssues": [],
            },
            **fields,
        }
        return item_id

    def issue(self, item_id: int) -> Json:
        """What is decided of the item."""
        decided: Json = self.items[item_id]["issue"]
        return decided

    def fail(self, where: str, answer: Answer) -> None:
        """Answer so where `METHOD /path?query body` matches: once, or always when `where` ends with a star."""
        self.faults.append((where, answer))

    @property
    def changes(self) -> list[Request]:
        """The requests that wanted to change something."""
        return [request for request in self.requests if request.method == "PUT"]

    def take(self, request: Request) -> Answer:
        super().take(request)
        with self._lock:
            return self._fault(request) or self._answered(request)

    def _fault(self, request: Request) -> Answer | None:
        for fault in self.faults:
            where, answer = fault
            if re.match(
                where.removesuffix("*"), f"{request.method} {request.target} {request.body.decode()}"
            ):
                if not where.endswith("*"):
                    self.faults.remove(fault)
                return answer
        return None

    def _answered(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "ACCESS_DENIED", "Full authentication is required")
        parts = urlsplit(request.target)
        base, query = f"/api/v1/{PROJECT}", dict(parse_qsl(parts.query))
        answers: dict[tuple[str, str], Callable[[], Answer]] = {
            ("GET", "/launch"): lambda: self._page(self.launches[::-1], _LAUNCH_FILTERS, query),
            ("GET", "/item"): lambda: self._page(list(self.items.values()), _ITEM_FILTERS, query),
            ("GET", "/settings"): self._settings,
            ("PUT", "/item"): lambda: self._decide(request.json["issues"]),
            ("PUT", "/item/issue/link"): lambda: self._link(request.json),
        }
        answer = answers.get((request.method, unquote(parts.path).removeprefix(base)))
        return (
            answer()
            if answer
            else _error(404, "PROJECT_NOT_FOUND", "Project not found. Did you use correct project name?")
        )

    def _settings(self) -> Answer:
        types = {
            group: [{"locator": locator, "typeRef": group} for locator in locators]
            for group, locators in self.defect_types.items()
        }
        return Answer({"project": 1, "subTypes": types})

    def _page(
        self, rows: list[Json], filters: Mapping[str, Callable[[Json, str], bool]], query: dict[str, str]
    ) -> Answer:
        number, size = int(query.pop("page.page", "1")), int(query.pop("page.size", "20"))
        query.pop("page.sort", None)
        if unknown := query.keys() - filters.keys():
            return _error(400, "INCORRECT_FILTER_PARAMETERS", f"Filter parameters {unknown} are not defined")
        rows = [row for row in rows if all(filters[name](row, value) for name, value in query.items())]
        total = len(rows)
        page = {"number": number, "size": size, "totalElements": total, "totalPages": -(-total // size)}
        return Answer({"content": rows[(number - 1) * size : number * size], "page": page})

    def _decide(self, issues: list[Json]) -> Answer:
        if len(issues) > MAX_BATCH:
            return _error(400, "INCORRECT_REQUEST", "Field 'issues' has a maximum size of 300.")
        known = {locator for locators in self.defect_types.values() for locator in locators}
        for one in issues:
            if one["testItemId"] not in self.items or self.refuses(one["testItemId"]):
                return _error(404, "TEST_ITEM_NOT_FOUND", f"Test Item '{one['testItemId']}' not found.")
            if one["issue"]["issueType"] not in known:
                return _error(400, "ISSUE_TYPE_NOT_FOUND", f"Unknown type {one['issue']['issueType']!r}")
        for one in issues:
            item = self.items[one["testItemId"]]
            item["issue"] = {**item["issue"], **one["issue"]}
        return Answer([one["issue"] for one in issues])

    def _link(self, body: Json) -> Answer:
        missing = [
            one for one in body["issues"] if not {"ticketId", "url", "btsUrl", "btsProject"} <= one.keys()
        ]
        if missing or len(body["testItemIds"]) > MAX_BATCH:
            return _error(400, "INCORRECT_REQUEST", "Incorrect Request.")
        for item_id in body["testItemIds"]:
            links = self.items[item_id]["issue"]["externalSystemIssues"]
            links += [
                one for one in body["issues"] if one["ticketId"] not in {old["ticketId"] for old in links}
            ]
        return Answer([{"message": "linked"}])


def _error(status: int, code: str, message: str) -> Answer:
    return Answer({"errorCode": code, "message": message}, status=status)


def _attributes(launch: Json) -> set[str]:
    return {f"{one['key']}:{one['value']}" for one in launch["attributes"]}


_LAUNCH_FILTERS: Mapping[str, Callable[[Json, str], bool]] = {
    "filter.eq.name": lambda launch, value: launch["name"] == value,
    "filter.eq.number": lambda launch, value: str(launch["number"]) == value,
    "filter.eq.uuid": lambda launch, value: launch["uuid"] == value,
    "filter.cnt.description": lambda launch, value: value.lower() in (launch["description"] or "").lower(),
    "filter.has.compositeAttribute": lambda launch, value: value in _attributes(launch),
}
_ITEM_FILTERS: Mapping[str, Callable[[Json, str], bool]] = {
    "filter.eq.launchId": lambda item, value: str(item["launchId"]) == value,
    "filter.eq.status": lambda item, value: item["status"] == value,
    "filter.eq.hasChildren": lambda item, value: str(item["hasChildren"]).lower() == value,
}


def body_of(request: Request) -> Json:
    """What was sent."""
    sent: Json = json.loads(request.body)
    return sent


@contextmanager
def report_portal_server() -> Iterator[ReportPortal]:
    """One that listens."""
    portal = ReportPortal()
    with tracker_server(portal):
        yield portal
