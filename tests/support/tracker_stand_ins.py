"""Stand-ins for GitHub and Jira that keep the issues they are given, and fail as they are told."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.tracker_server import Answer, Request, TrackerServer

from rootcoz.kit.clock import utc_now


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens instead of the answer to an attempt to file an issue."""

    answer: Answer | None
    """None: the answer is as it should be."""
    files: bool
    """Whether the issue is filed all the same."""


class StandIn(TrackerServer):
    """Answers by path. `faults` are used up by attempts to file an issue, one each."""

    def __init__(self) -> None:
        super().__init__()
        self.issues: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.accepts: Callable[[str], bool] = lambda _authorization: True
        self.hidden_looks = 0
        """How many looks for issues do not see any yet."""

    def take(self, request: Request) -> Answer:
        """The answer, and what it leaves behind."""
        super().take(request)
        if not self.accepts(request.headers.get("authorization", "")) and "serverInfo" not in request.target:
            return Answer({"message": "Bad credentials"}, status=401)
        parts = urlsplit(request.target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return self.answer(request, parts.path, query) or Answer({"message": "Not Found"}, status=404)

    def answer(self, request: Request, path: str, query: dict[str, str]) -> Answer | None:
        """The answer to a request whose credential is accepted; None for what is not there."""
        raise NotImplementedError

    def filed(self, issue: dict[str, Any], answer: Answer) -> Answer:
        fault = self.faults.pop(0) if self.faults else Fault(None, files=True)
        if fault.files:
            self.issues.append(issue)
        return fault.answer or answer

    def seen(self) -> list[dict[str, Any]]:
        if self.hidden_looks:
            self.hidden_looks -= 1
            return []
        return self.issues

    @property
    def attempts(self) -> list[Request]:
        """Requests that asked for a new issue."""
        return [
            one
            for one in self.requests
            if one.method == "POST" and one.target.endswith(("/issues", "/issue"))
        ]


class GitHubStandIn(StandIn):
    """Its repositories are all there are."""

    def answer(self, request: Request, path: str, query: dict[str, str]) -> Answer | None:
        assert request.method == "POST" or int(query.get("page", "1")) == 1
        if path == "/user":
            return Answer({"login": "octo"})
        if not re.fullmatch(r"/repos/[\w.-]+/[\w.-]+/issues", path):
            return None
        if request.method == "GET":
            listed = [one for one in self.seen() if one["updated_at"] >= query["since"]]
            return Answer(listed[::-1])
        number = len(self.issues) + 1
        sent = request.json
        issue = {
            "number": number,
            "title": sent["title"],
            "body": sent.get("body"),
            "state": "open",
            "updated_at": utc_now()[:19] + "Z",  # whole seconds, as GitHub has them
            "html_url": f"https://github.test/{path.removeprefix('/repos/')}/{number}",
        }
        return self.filed(issue, Answer(issue, status=201))


LEVELS = [
    {"id": "10001", "name": "Internal", "description": "Employees"},
    {"id": "10002", "name": "Partners"},
]
TYPES = [
    {"id": "1", "name": "Bug", "subtask": False},
    {"id": "2", "name": "Task", "subtask": False},
    {"id": "5", "name": "Sub-task", "subtask": True},
]
PROJECTS = [{"key": "APP", "name": "The app"}, {"key": "SHOP", "name": "Shop"}, {"key": "ZOO", "name": "Zoo"}]


class JiraStandIn(StandIn):
    """Cloud or Data Center; each knows only its own paths."""

    def __init__(self, *, cloud: bool) -> None:
        super().__init__()
        self.cloud = cloud
        self.required: dict[str, str] = {}
        """Fields that each issue needs, with their names."""

    def answer(self, request: Request, path: str, query: dict[str, str]) -> Answer | None:
        version, _, resource = path.removeprefix("/rest/api/").partition("/")
        if resource == "serverInfo":
            return Answer({"deploymentType": "Cloud" if self.cloud else "Server"})
        if version != ("3" if self.cloud else "2"):
            return None
        if request.method == "POST":
            search = "search/jql" if self.cloud else "search"
            return {"issue": self.file, search: self.search}[resource](request)
        return self.describe(resource) if "createmeta" in resource else self.list(resource, query)

    def file(self, request: Request) -> Answer:
        fields = request.json["fields"]
        wrong = {key: f"{name} is required." for key, name in self.required.items() if key not in fields}
        kind = fields["issuetype"]
        if kind.get("name") not in {one["name"] for one in TYPES} and kind.get("id") not in {"1", "2"}:
            wrong["issuetype"] = "The issue type selected is invalid."
        if wrong:
            return Answer({"errorMessages": [], "errors": wrong}, status=400)
        key = f"{fields['project']['key']}-{len(self.issues) + 1}"
        answer = {"id": str(10_000 + len(self.issues)), "key": key, "self": f"{self.url}/rest/api/2/issue/1"}
        return self.filed({"key": key, "fields": fields}, Answer(answer, status=201))

    def search(self, request: Request) -> Answer:
        word = re.search(r'text ~ "(\w+)"', request.json["jql"])
        assert word is not None
        found = [one for one in self.seen() if word[1] in json.dumps(one["fields"]["description"])]
        end = {"isLast": True} if self.cloud else {"startAt": 0, "maxResults": 10, "total": len(found)}
        return Answer({"issues": found, **end})

    def describe(self, resource: str) -> Answer:
        if resource.endswith("/issuetypes"):
            return Answer({"issueTypes" if self.cloud else "values": TYPES})
        fields = [
            {
                "fieldId": key,
                "key": key,
                "name": name,
                "required": True,
                "operations": ["set"],
                "schema": {"type": "string"},
            }
            for key, name in self.required.items()
        ]
        return Answer({"fields" if self.cloud else "values": fields})

    def list(self, resource: str, query: dict[str, str]) -> Answer | None:
        if resource == "myself":
            return Answer({"displayName": "Jo Doe"})
        if resource.endswith("/securitylevel"):
            return Answer({"levels": LEVELS})
        if self.cloud and resource == "project/search":
            wanted = query.get("query", "").casefold()
            found = [one for one in PROJECTS if wanted in f"{one['key']} {one['name']}".casefold()]
            start = int(query["startAt"])
            page = found[start : start + 2]
            return Answer({"values": page, "isLast": start + 2 >= len(found), "total": len(found)})
        if not self.cloud and resource == "project":
            return Answer(PROJECTS)
        return None


def unanswered(answer: Answer, *, files: bool = True) -> Fault:
    """An attempt that ends otherwise than it should."""
    return Fault(replace(answer), files=files)
