"""Two mornings of a team, over HTTP: a build is analysed, reviewed and handed on; the next day a closed bug is back."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.jenkins_server import JenkinsServer, payload, running_jenkins
from tests.support.report_portal_server import PROJECT, TOKEN, ReportPortal
from tests.support.server import Server, running_server
from tests.support.tracker_server import Answer, Request, TrackerServer, tracker_server
from tests.support.tracker_stand_ins import GitHubStandIn, JiraStandIn

JENKINS_TOKEN, GITHUB_TOKEN, JIRA_TOKEN = "jenkins-t0ken", "github-t0ken", "jira-t0ken"
ADMIN_KEY = "correct-horse-battery"
SECRETS = (JENKINS_TOKEN, GITHUB_TOKEN, JIRA_TOKEN, TOKEN, ADMIN_KEY)
PUBLIC = "https://rootcoz.example.com"
CART, PAY = "tests.shop.test_cart.TestCart.test_remove", "com.example.PayTest.pays"
ALICE = {"Cookie": "rootcoz_username=alice"}


class Jira(JiraStandIn):
    """Knows how its issues stand, too; finds nothing that rootcoz has not filed."""

    def __init__(self) -> None:
        super().__init__(cloud=False)
        self.closed: set[str] = set()

    def search(self, request: Request) -> Answer:
        if 'text ~ "rootcoz' in request.json["jql"]:
            return super().search(request)
        return Answer({"issues": [], "startAt": 0, "maxResults": 10, "total": 0})

    def list(self, resource: str, query: dict[str, str]) -> Answer | None:
        kind, _, key = resource.partition("/")
        if kind != "issue":
            return super().list(resource, query)
        closed = key in self.closed
        status = {
            "name": "Done" if closed else "Open",
            "statusCategory": {"key": "done" if closed else "new"},
        }
        return Answer({"key": key, "fields": {"summary": "It fails", "status": status}})


class GitHub(GitHubStandIn):
    """Knows how its issues stand, too; its search finds nothing."""

    def answer(self, request: Request, path: str, query: dict[str, str]) -> Answer | None:
        if path == "/search/issues":
            return Answer({"total_count": 0, "incomplete_results": False, "items": []})
        if re.fullmatch(r"/repos/shop/tests/(issues|pulls)/\d+", path):
            return Answer({"number": int(path.rpartition("/")[2]), "state": "open"})
        return super().answer(request, path, query)


class Town:
    """Everybody the team works with."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.jenkins: JenkinsServer = stack.enter_context(running_jenkins("/ci"))
        self.jenkins.credentials = None
        self.jira, self.github, self.portal = Jira(), GitHub(), ReportPortal()
        self.hooks = TrackerServer()
        for one in (self.jira, self.github, self.portal, self.hooks):
            stack.enter_context(tracker_server(one))
        settings = {
            "JENKINS_URL": self.jenkins.url,
            "JENKINS_USER": "ci",
            "JENKINS_PASSWORD": JENKINS_TOKEN,
            "JIRA_URL": self.jira.url,
            "JIRA_PAT": JIRA_TOKEN,
            "JIRA_PROJECT_KEY": "SHOP",
            "GITHUB_API_URL": self.github.url,
            "GITHUB_TOKEN": GITHUB_TOKEN,
            "REPORTPORTAL_URL": self.portal.url,
            "REPORTPORTAL_API_TOKEN": TOKEN,
            "REPORTPORTAL_PROJECT": PROJECT,
            "SLACK_WEBHOOK_URL": f"{self.hooks.url}/hook",
            "PUBLIC_BASE_URL": PUBLIC,
            "ADMIN_KEY": ADMIN_KEY,
        }
        self.log = folder / "server.log"
        self.server: Server = stack.enter_context(running_server(folder, settings))

    def build(self, number: int) -> str:
        """A failed build; the address of its page."""
        path = f"job/team/job/nightly/{number}/"
        self.jenkins.build(path, {"number": number, "result": "UNSTABLE", "building": False})
        self.jenkins.report(path, payload("report-plain.json"))
        self.jenkins.console(path, "Finished: UNSTABLE\n")
        return f"{self.jenkins.url}{path}"

    def analysed(self, number: int) -> tuple[str, dict[str, Any]]:
        """Job id and result of the analysis of a build."""
        order = {"job_name": "team/nightly", "build_number": number}
        job_id = self.post("/analyze", order, status=202)["job_id"]
        result: dict[str, Any] = self.server.finished(job_id)["result"]
        return job_id, result

    def post(self, where: str, body: object = None, *, status: int = 200) -> Any:  # noqa: ANN401 - JSON
        reply = self.server.client.post(where, json=body, headers=ALICE)
        assert reply.status_code == status, (where, reply.text)
        return reply.json()

    def get(self, where: str) -> Any:  # noqa: ANN401 - JSON
        reply = self.server.client.get(where, headers=ALICE)
        assert reply.status_code == 200, (where, reply.text)
        return reply.json()

    def leaks(self) -> list[str]:
        """Credentials that somebody saw whom they are not for, or that stand in the log."""
        own = [(self.jira, JIRA_TOKEN), (self.github, GITHUB_TOKEN), (self.portal, TOKEN), (self.hooks, "")]
        found: list[str] = []
        for server, allowed in own:
            seen = str([(request.headers, request.body) for request in server.requests])
            found += [token for token in SECRETS if token in seen and token != allowed]
        log = self.log.read_text()
        return [*found, *(token for token in SECRETS if token in log)]

    def told(self, words: str) -> str:
        """What the channel was told that has these words."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for request in list(self.hooks.requests):
                if words in request.body.decode():
                    return request.body.decode()
            time.sleep(0.05)
        raise AssertionError([request.body for request in self.hooks.requests])


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with ExitStack() as stack:
        yield Town(tmp_path, stack)


def test_a_build_is_reviewed_and_handed_on_and_a_closed_bug_is_told_when_it_is_back(town: Town) -> None:
    page = town.build(12)
    launch = town.portal.launch("nightly", 3, description=f"run of {page}")
    items = {name: town.portal.item(launch, name, code_ref=name) for name in (CART, PAY)}

    # --- analysed ---
    job_id, result = town.analysed(12)
    assert {failure["test_name"] for failure in result["failures"]} == {CART, PAY}
    news = town.told("nightly")
    assert f"{PUBLIC}/results/{job_id}" in news

    # --- reviewed ---
    cart, pay = {"test_name": CART}, {"test_name": PAY}
    reply = town.server.client.put(
        f"/results/{job_id}/override-classification",
        json=pay | {"classification": "PRODUCT BUG"},
        headers=ALICE,
    )
    assert reply.status_code == 200, reply.text
    assert (
        town.server.client.put(
            f"/results/{job_id}/reviewed", json=cart | {"reviewed": True}, headers=ALICE
        ).status_code
        == 200
    )
    intent = town.post("/api/analyze-comment-intent", {"comment": "Filed SHOP-1 for it, known issue."})
    assert intent["suggests_reviewed"] is True

    # --- filed, once each, however often somebody clicks ---
    bug = town.post(f"/results/{job_id}/preview-jira-bug", pay | {"include_links": True})
    assert f"{PUBLIC}/results/{job_id}" in bug["body"]
    assert "```" not in bug["body"]
    draft = town.post(f"/results/{job_id}/preview-github-issue", cart)
    order = {name: bug[name] for name in ("title", "body")}
    filed = [town.post(f"/results/{job_id}/create-jira-bug", pay | order, status=201) for _ in range(2)]
    repository = {"github_repo_url": "http://127.0.0.1/shop/tests"}
    issue = cart | repository | {name: draft[name] for name in ("title", "body")}
    both = [town.post(f"/results/{job_id}/create-github-issue", issue, status=201) for _ in range(2)]
    assert [one["key"] for one in filed] == ["SHOP-1", "SHOP-1"]
    assert both[0]["url"] == both[1]["url"]
    assert (len(town.jira.issues), len(town.github.issues)) == (1, 1)
    discussion = town.get(f"/results/{job_id}/comments")
    assert len(discussion["comments"]) == 2

    # --- pushed ---
    pushed = [town.post(f"/results/{job_id}/push-reportportal") for _ in range(2)]
    assert (pushed[0]["pushed"], pushed[0]["errors"]) == (2, [])
    assert (pushed[1]["pushed"], pushed[1]["unchanged"]) == (0, 2)
    assert town.portal.issue(items[PAY])["issueType"] == "pb001"

    # --- enriched ---
    states = town.post(f"/results/{job_id}/enrich-comments")["enrichments"]
    found = {(one["type"], one["status"]) for records in states.values() for one in records}
    assert ("jira", "Open") in found

    # --- the next day ---
    town.jira.closed.add("SHOP-1")
    town.build(13)
    again, result = town.analysed(13)
    reopened = {failure["test_name"]: failure["reopened"] for failure in result["failures"]}
    assert [(one["key"], one["status"], one["linked_by"]) for one in reopened[PAY]] == [
        ("SHOP-1", "Done", "filed")
    ]
    assert reopened[CART] == []
    assert f"{PUBLIC}/results/{again}" in town.told("SHOP-1")
    decided = {failure["test_name"]: failure["past_decisions"] for failure in result["failures"]}
    assert [one["username"] for one in decided[PAY]] == ["alice"]

    # --- written down ---
    key = {"Authorization": f"Bearer {ADMIN_KEY}"}
    audit = town.server.client.get("/api/admin/audit", params={"limit": 100}, headers=key).json()
    assert {entry["action"] for entry in audit["entries"] if entry["actor"] == "alice"} == {
        *("classification_overridden", "failure_marked", "issue_filed", "result_pushed")
    }
    assert town.leaks() == []
