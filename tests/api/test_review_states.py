"""Reviewing where it is not possible, or not allowed."""

from pathlib import Path
from typing import Any

from tests.api.conftest import slow_provider
from tests.support.in_process import running_api

ALICE = {"Cookie": "rootcoz_username=alice"}
BOB = {"Cookie": "rootcoz_username=bob"}
FAILURES = {"failures": [{"test_name": "a.one", "error_message": "ValueError: alpha"}]}
ACTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", "override-classification", {"json": {"test_name": "a.one", "classification": "PRODUCT BUG"}}),
    ("DELETE", "override-classification", {"params": {"test_name": "a.one"}}),
    ("PUT", "reviewed", {"json": {"test_name": "a.one", "reviewed": True}}),
    ("POST", "comments", {"json": {"test_name": "a.one", "comment": "seen"}}),
    ("POST", "create-github-issue", {"json": {"test_name": "a.one", "title": "t", "body": "b"}}),
    ("POST", "create-jira-bug", {"json": {"test_name": "a.one", "title": "t", "body": "b"}}),
]
TRACKERS = {
    "github_token": "never sent",
    "jira_url": "https://jira.invalid",
    "jira_pat": "never-sent",
    "jira_project_key": "SHOP",
}


async def test_the_allow_list_comes_first_and_work_that_goes_on_is_not_reviewed(
    tmp_path: Path,
) -> None:
    slow = slow_provider(tmp_path / "log", 60)
    async with running_api(tmp_path / "data", allowed_users="alice", **slow, **TRACKERS) as api:

        async def act_on(job_id: str, who: dict[str, str]) -> list[Any]:
            return [
                await api.request(method, f"/results/{job_id}/{resource}", headers=who, **options)
                for method, resource, options in ACTIONS
            ]

        job_id = (await api.analyze(FAILURES, headers={"Prefer": "respond-async", **ALICE})).json()["job_id"]
        early = await act_on(job_id, ALICE)
        strangers = await act_on("nobody", BOB)
        malformed = await api.request("PUT", f"/results/{job_id}/reviewed", headers=BOB, json={})
        await api.request("POST", f"/results/{job_id}/abort", headers=ALICE)
        late = await act_on(job_id, ALICE)

    assert [reply.status_code for reply in early] == [202] * len(ACTIONS)
    assert all("in progress" in reply.json()["detail"] for reply in early)
    assert [reply.status_code for reply in strangers] == [403] * len(ACTIONS)
    assert malformed.status_code == 403
    assert [reply.status_code for reply in late] == [409] * len(ACTIONS)
