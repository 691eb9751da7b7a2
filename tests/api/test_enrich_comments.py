"""What comments name, and the states that trackers give for it, over HTTP."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process import Api, running_api
from tests.support.tracker_server import Answer, Request, TrackerServer, tracker_server

from rootcoz import desks
from rootcoz.trackers.http import Limits

FAILURES = {"failures": [{"test_name": "a.one", "error_message": "ValueError: alpha"}]}
OF_REQUEST = {
    "github_token": "request-github",
    "jira_email": "r@example.com",
    "jira_api_token": "request-jira",
}
TO_GITHUB_COM = {"github_token": "for-github.com"}
ALICE = {"Cookie": "rootcoz_username=alice"}


class ByPath(TrackerServer):
    """Answers each path in its own way; the others with 404."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Answer] = {}

    def take(self, request: Request) -> Answer:
        super().take(request)
        path = request.target.partition("?")[0]
        return self.answers.get(path, Answer({"message": "Not Found"}, 404))

    def sent(self, path: str) -> list[str]:
        """The credentials that came with requests for this path."""
        return [
            request.headers.get("authorization", "")
            for request in self.requests
            if request.target.partition("?")[0] == path
        ]


@pytest.fixture
def trackers() -> Iterator[tuple[ByPath, ByPath]]:
    """A GitHub and a Jira."""
    with ExitStack() as stack:
        github, jira = (stack.enter_context(tracker_server(ByPath())) for _ in range(2))
        assert isinstance(github, ByPath)
        assert isinstance(jira, ByPath)
        github.answers = {
            "/repos/shop/ui/pulls/1": Answer({"state": "closed", "merged": True}),
            "/repos/shop/ui/pulls/2": Answer({"state": "open", "merged": False}),
            "/repos/shop/ui/issues/3": Answer({"state": "closed"}),
            "/repos/shop/ui/issues/1": Answer(
                {"state": "closed", "pull_request": {"merged_at": "2026-01-01T00:00:00Z"}}
            ),
        }
        for version in ("2", "3"):
            jira.answers[f"/rest/api/{version}/issue/CORE-7"] = Answer(
                {"key": "CORE-7", "fields": {"status": {"name": "In Progress"}}}
            )
        yield github, jira


@asynccontextmanager
async def open_api(data_dir: Path, trackers: tuple[ByPath, ByPath], **settings: object) -> AsyncIterator[Api]:
    github, jira = trackers
    given = {
        "github_api_url": github.url,
        "github_token": "server-github",
        "jira_url": jira.url,
        "jira_pat": "server-jira",
        **settings,
    }
    async with running_api(data_dir, **given) as api:
        yield api


async def commented(api: Api, *texts: str, **fields: object) -> tuple[str, list[str]]:
    """An analysis with these comments: its job id and theirs."""
    job_id = (await api.analyze({**FAILURES, "enable_jira": False, **fields})).json()["job_id"]
    written = [
        await api.post(
            f"/results/{job_id}/comments", headers=ALICE, json={"test_name": "a.one", "comment": text}
        )
        for text in texts
    ]
    return job_id, [str(reply.json()["id"]) for reply in written]


async def enriched(api: Api, job_id: str, **options: Any) -> dict[str, list[tuple[str, str, str]]]:  # noqa: ANN401 - httpx2's own
    reply = await api.post(f"/results/{job_id}/enrich-comments", **options)
    assert reply.status_code == 200, reply.text
    return {
        comment: [(one["type"], one["key"], one["status"]) for one in records]
        for comment, records in reply.json()["enrichments"].items()
    }


async def test_comments_are_enriched_with_the_states_of_what_they_name(
    tmp_path: Path, trackers: tuple[ByPath, ByPath]
) -> None:
    github, jira = trackers
    host = "https://127.0.0.1/shop/ui"
    async with open_api(tmp_path, trackers) as api:
        job_id, (first, _, third) = await commented(
            api,
            f"Fixed by {host}/pull/1, see CORE-7 and {host}/issues/3. It was UTF-8, SHA-256 and ISO-8859-1.",
            "Nothing to see here: UTF-8.",
            f"{host}/pull/2 {host}/issues/1 {host}/pull/99 CORE-8 https://other.example.com/browse/CORE-7",
        )
        reply = await api.post(f"/results/{job_id}/enrich-comments")
        found = await enriched(api, job_id)
        nobody = await enriched(api, "no-such-job")

    assert found == {
        first: [
            ("github_pr", "shop/ui#1", "merged"),
            ("jira", "CORE-7", "In Progress"),
            ("github_issue", "shop/ui#3", "closed"),
        ],
        third: [
            ("github_pr", "shop/ui#2", "open"),
            ("github_issue", "shop/ui#1", "merged"),
            ("github_pr", "shop/ui#99", "unknown"),
            ("jira", "CORE-8", "unknown"),
            ("jira", "CORE-7", "unknown"),
        ],
    }
    assert [one["url"] for one in reply.json()["enrichments"][first]] == [
        f"{host}/pull/1",
        f"{jira.url}/browse/CORE-7",
        f"{host}/issues/3",
    ]
    assert nobody == {}
    assert len(github.requests) == 5
    assert len(jira.requests) == 2


async def test_without_trackers_every_state_is_unknown_and_nobody_is_asked(
    tmp_path: Path, trackers: tuple[ByPath, ByPath]
) -> None:
    github, jira = trackers
    async with open_api(tmp_path, trackers, jira_url="", jira_pat=None) as api:
        job_id, (only,) = await commented(api, "CORE-7 https://jira.example.com/browse/CORE-7")
        found = await enriched(api, job_id)

    assert found == {only: [("jira", "CORE-7", "unknown")]}
    assert github.requests == jira.requests == []


async def test_the_asker_s_credential_goes_first_then_the_analysis_s_then_the_server_s(
    tmp_path: Path, trackers: tuple[ByPath, ByPath]
) -> None:
    github, jira = trackers
    pull, cloud, server = "/repos/shop/ui/pulls/1", "/rest/api/3/issue/CORE-7", "/rest/api/2/issue/CORE-7"
    text = "https://127.0.0.1/shop/ui/pull/1 CORE-7"
    async with open_api(tmp_path, trackers) as api:
        plain, _ = await commented(api, text)
        own, _ = await commented(api, text, **OF_REQUEST)
        admin = api.bearer("correct-horse-battery")
        key = (await admin.post("/api/admin/users", json={"username": "carol"})).json()["api_key"]
        carol = api.bearer(key)
        await carol.put(
            "/api/user/tokens",
            json={"github_token": "carol-github", "jira_email": "c@example.com", "jira_token": "carol-jira"},
        )
        for who, job_id in ((api, plain), (api, own), (carol, own)):
            await enriched(who, job_id)
        # Who only says that they are Carol gets nothing of hers.
        await enriched(api, own, headers={"Cookie": "rootcoz_username=carol"})

    def basic(login: str) -> str:
        return f"Basic {base64.b64encode(login.encode()).decode()}"

    assert github.sent(pull) == ["Bearer server-github", "Bearer request-github", "Bearer carol-github"]
    assert jira.sent(server) == ["Bearer server-jira"]
    assert jira.sent(cloud) == [basic("r@example.com:request-jira"), basic("c@example.com:carol-jira")]


async def test_credentials_go_only_where_they_belong(tmp_path: Path, trackers: tuple[ByPath, ByPath]) -> None:
    github, jira = trackers
    with tracker_server(ByPath()) as elsewhere:
        async with open_api(tmp_path, trackers) as api:
            # Of another Jira the analysis has brought no credential; the tests are on another GitHub than ours.
            other_jira, _ = await commented(api, "CORE-7", jira_url=elsewhere.url)
            other_github, _ = await commented(
                api,
                "https://127.0.0.1/shop/ui/pull/1",
                tests_repo_url="https://github.com/shop/tests",
                **TO_GITHUB_COM,
            )
            states = [await enriched(api, job_id) for job_id in (other_jira, other_github)]

    assert elsewhere.requests == jira.requests == []
    assert [records[0][2] for one in states for records in one.values()] == ["unknown", "merged"]
    assert github.sent("/repos/shop/ui/pulls/1") == ["Bearer server-github"]


FAULTS = {
    "401": Answer({"message": "Bad credentials secret-g-401"}, 401),
    "403": Answer({}, 403),
    "409": Answer({}, 409),
    "422": Answer({}, 422),
    "429": Answer({}, 429, {"retry-after": "120"}),
    "500": Answer({}, 500),
    "slow": Answer({}, delay_s=5),
    "reset": Answer(reset=True),
    "page": Answer(b"<html>sign in</html>", content_type="text/html"),
    "drip": Answer({"state": "open"}, drip_s=0.2),
    "huge": Answer(b" " * 300_000),
    "nonsense": Answer(b"{"),
    "redirect": Answer({}, 302, {"location": "http://localhost:1/elsewhere"}),
    "other shape": Answer({"state": None, "fields": {"status": None}}),
}


async def test_whatever_is_wrong_with_a_tracker_is_an_unknown_state(
    tmp_path: Path, trackers: tuple[ByPath, ByPath], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = Limits(
        attempt_s=0.3, total_s=1.0, tries=2, first_pause_s=0.01, longest_pause_s=0.1, reply_bytes=100_000
    )
    monkeypatch.setattr(desks, "STATE_LIMITS", quick)
    github, jira = trackers
    seen = {}
    async with open_api(tmp_path, trackers) as api:
        for fault, answer in FAULTS.items():
            github.answers["/repos/shop/ui/pulls/1"] = jira.answers["/rest/api/2/issue/CORE-7"] = answer
            # With credentials of its own: after trouble a tracker is left alone for a while.
            own = {"github_token": f"secret-g-{fault}", "jira_pat": f"secret-j-{fault}"}
            job_id, (only,) = await commented(
                api,
                "https://127.0.0.1/shop/ui/pull/1 CORE-7",
                **{name: text.replace(" ", "") for name, text in own.items()},
            )
            async with asyncio.timeout(8):
                reply = await api.post(f"/results/{job_id}/enrich-comments")
            assert reply.status_code == 200
            assert "secret-" not in reply.text
            seen[fault] = [one["status"] for one in reply.json()["enrichments"][only]]

    assert seen == {fault: ["unknown", "unknown"] for fault in FAULTS}
    assert len(github.sent("/repos/shop/ui/pulls/1")) >= len(FAULTS)
