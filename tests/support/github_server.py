"""A local GitHub: finds the issues and files it is given, and files new issues."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.tracker_server import Answer, Request, TrackerServer

REPOSITORY = "shop/tests"


def found_issue(number: int, title: str, body: str = "") -> dict[str, Any]:
    """An issue as GitHub's search tells it."""
    return {
        "number": number,
        "title": title,
        "state": "open",
        "html_url": f"https://github.test/{REPOSITORY}/issues/{number}",
        "repository_url": f"https://api.github.test/repos/{REPOSITORY}",
        "updated_at": "2026-01-01T00:00:00Z",
        "labels": [],
        "body": body,
    }


class GitHubServer(TrackerServer):
    """Its API stands at its address, its repositories at `http://127.0.0.1/owner/name`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.filed: list[dict[str, Any]] = []
        self.trouble: list[Answer | None] = []
        """For the next requests, before all else; None: none. What is filed is filed all the same."""

    @property
    def repository(self) -> str:
        return f"http://127.0.0.1/{REPOSITORY}"

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests for what begins with that path."""
        return [one for one in self.requests if one.method == method and one.target.startswith(path)]

    def take(self, request: Request) -> Answer:
        answer = self._answer(request)
        trouble = self.trouble.pop(0) if self.trouble else None
        self.script = [trouble or answer]
        return super().take(request)

    def _answer(self, request: Request) -> Answer:
        parts = urlsplit(request.target)
        path = unquote(parts.path)
        if path == "/search/issues":
            return Answer({"total_count": len(self.found), "items": self.found})
        contents = f"/repos/{REPOSITORY}/contents/"
        if path.startswith(contents):
            content = self.files.get(path.removeprefix(contents))
            ref = parse_qs(parts.query).get("ref", [""])[0]
            if content is None or ref not in {"", "main"}:
                return Answer({"message": "Not Found"}, 404)
            encoded = base64.encodebytes(content).decode()
            return Answer({"type": "file", "encoding": "base64", "content": encoded})
        if path.endswith("/issues") and request.method == "GET":
            return Answer(self.filed[::-1])
        if path.endswith("/issues"):
            issue = json.loads(request.body)
            issue |= {"number": len(self.filed) + 1}
            issue |= {"html_url": f"https://github.test{path.removeprefix('/repos')}/{issue['number']}"}
            self.filed.append(issue)
            return Answer(issue, 201)
        return Answer({"message": "Not Found"}, 404)
