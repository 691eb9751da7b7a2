"""What settings make of the filing of issues; a server for each."""

import asyncio
from pathlib import Path

import pytest
from tests.support.in_process import Api, running_api
from tests.support.tracker_server import tracker_server
from tests.support.tracker_stand_ins import GitHubStandIn, JiraStandIn

FAILURE = {"test_name": "a.one", "error_message": "ValueError: alpha"}
ISSUE = {"test_name": "a.one", "title": "It fails", "body": "## Why\n\nNobody **knows**."}
TOKEN = "of-the-server"  # noqa: S105 - made up


async def file(api: Api, tracker: str, job_id: str = "nowhere", **fields: object) -> tuple[int, str]:
    resource = {"github": "create-github-issue", "jira": "create-jira-bug"}[tracker]
    reply = await api.post(f"/results/{job_id}/{resource}", json={**ISSUE, **fields})
    return reply.status_code, reply.text


async def test_nothing_configured_is_said_before_anything_else(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        github, jira = await file(api, "github"), await file(api, "jira")
        projects = await api.post("/api/jira-projects", json={"jira_token": "x"})
        levels = await api.post("/api/jira-security-levels", json={"jira_token": "x", "project_key": "SHOP"})
        check = await api.post("/api/validate-token", json={"token_type": "jira", "token": "x"})

    assert github[0] == jira[0] == 400
    assert "GITHUB_TOKEN" in github[1]
    assert "JIRA_URL" in jira[1]
    assert projects.json() == levels.json() == []
    assert check.json()["valid"] is False
    assert "JIRA_URL" in check.json()["message"]


async def test_what_is_switched_off_is_refused_before_it_is_looked_at(tmp_path: Path) -> None:
    async with running_api(tmp_path, enable_github_issues=False, enable_jira_issues=False) as api:
        statuses = [(await file(api, tracker))[0] for tracker in ("github", "jira")]
        job_id = await api.submit({"failures": [FAILURE]})
        shown = (await api.finished(job_id))["capabilities"]

    assert statuses == [403, 403]
    assert not shown["github_issues_enabled"]
    assert not shown["jira_issues_enabled"]


async def test_who_is_not_on_the_allow_list_files_nothing_and_may_look_around(tmp_path: Path) -> None:
    async with running_api(tmp_path, allowed_users=("alice",)) as api:
        statuses = [(await file(api, tracker))[0] for tracker in ("github", "jira")]
        check = await api.post("/api/validate-token", json={"token_type": "github", "token": ""})

    assert statuses == [403, 403]
    assert check.status_code == 200


async def test_jira_cloud_gets_a_document_and_what_the_project_wants(tmp_path: Path) -> None:
    with tracker_server(JiraStandIn(cloud=True)) as server:
        assert isinstance(server, JiraStandIn)
        server.required = {"customfield_10010": "Team"}
        settings: dict[str, object] = {
            "jira_url": server.url,
            "jira_email": "bot@example.com",
            "jira_api_token": TOKEN,
            "jira_project_key": "SHOP",
            "jira_issue_fields": '{"customfield_10010": {"value": "CI"}}',
        }
        async with running_api(tmp_path, **settings) as api:
            job_id = await api.submit({"failures": [FAILURE]})
            shown = (await api.finished(job_id))["capabilities"]
            filed = await file(api, "jira", job_id)
            elsewhere = await file(api, "jira", job_id, jira_project_key="app", body="other")
            projects = await api.post(
                "/api/jira-projects", json={"jira_token": "x", "jira_email": "a@b.example"}
            )
            levels = await api.post("/api/jira-security-levels", json={"project_key": "SHOP"})

    assert (filed[0], elsewhere[0]) == (201, 201)
    fields = server.issues[0]["fields"]
    assert [block["type"] for block in fields["description"]["content"]] == [
        "heading",
        "paragraph",
        "rule",
        "paragraph",
    ]
    assert fields["customfield_10010"] == {"value": "CI"}
    assert server.issues[1]["fields"]["project"] == {"key": "APP"}
    assert shown["jira_issues_enabled"]
    assert [one["key"] for one in projects.json()] == ["SHOP", "APP", "ZOO"]
    assert [one["id"] for one in levels.json()] == ["10001", "10002"]


async def test_the_repository_of_the_tests_is_where_issues_go(tmp_path: Path) -> None:
    with tracker_server(GitHubStandIn()) as server:
        async with running_api(tmp_path, github_api_url=server.url, github_token=TOKEN) as api:
            body = {"failures": [FAILURE], "tests_repo_url": f"{server.url}/shop/ui-tests:main"}
            job_id = await api.submit(body)
            early = await file(api, "github", job_id)
            await api.finished(job_id)
            filed = await file(api, "github", job_id)

    assert early[0] in {201, 202}  # whichever was quicker
    assert filed[0] == 201
    assert {one.target for one in server.requests} == {"/repos/shop/ui-tests/issues"}


async def test_a_server_that_is_closed_asks_for_a_key(tmp_path: Path) -> None:
    async with running_api(tmp_path, auth_mode="required") as api:
        statuses = {
            (await api.post(path, json=ISSUE)).status_code
            for path in ("/results/x/create-github-issue", "/api/validate-token", "/api/jira-projects")
        }

    assert statuses == {401}


@pytest.mark.parametrize("tracker", ["github", "jira"])
async def test_a_request_that_hangs_up_leaves_one_issue_and_its_comment(tmp_path: Path, tracker: str) -> None:
    server = GitHubStandIn() if tracker == "github" else JiraStandIn(cloud=False)
    with tracker_server(server):
        settings: dict[str, object] = {
            "github_api_url": server.url,
            "github_token": TOKEN,
            "jira_url": server.url,
            "jira_pat": TOKEN,
            "jira_project_key": "SHOP",
        }
        async with running_api(tmp_path, **settings) as api:
            job_id = await api.submit({"failures": [FAILURE]})
            await api.finished(job_id)
            repository = {"github_repo_url": f"{server.url}/shop/ui-tests"} if tracker == "github" else {}
            leaving = asyncio.create_task(file(api, tracker, job_id, **repository))
            await asyncio.sleep(0.05)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            status, _ = await file(api, tracker, job_id, **repository)
            said = (await api.get(f"/results/{job_id}/comments")).json()["comments"]

    assert status == 201
    assert len(server.issues) == len(said) == 1
