"""The whole way from our API to trackers that are nothing but their descriptions, and refuse whatever does not fit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process import Api, running_api
from tests.support.prism import prism

pytestmark = [pytest.mark.real_cli, pytest.mark.timeout(700)]

PAYLOADS = Path(__file__).parents[1] / "payloads" / "trackers"
FAILURE = {"test_name": "a.one", "error_message": "ValueError: alpha"}
BODY = """## Why

Nobody **knows**: `x`.

1. one
   - two

```python
print(1)
```

> said

| a | b |
|---|---|
| 1 | 2 |
"""
ISSUE = {"test_name": "a.one", "title": "It fails", "body": BODY}
TOKEN = "of-the-server"  # noqa: S105 - made up
CLOUD_PERSON = {"jira_token": "own", "jira_email": "jo@example.com"}


@pytest.fixture(scope="module")
def trackers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses by the descriptions' names."""
    folder = tmp_path_factory.mktemp("prism")
    with (
        prism(PAYLOADS / "github_api.json", folder) as github,
        prism(PAYLOADS / "jira_cloud_api.json", folder) as cloud,
        prism(PAYLOADS / "jira_server_api.json", folder) as server,
    ):
        yield {"github": github, "cloud": cloud, "server": server}


async def filed(api: Api, resource: str, **fields: object) -> Any:  # noqa: ANN401 - httpx2's reply
    job_id = await api.submit({"failures": [FAILURE]})
    await api.finished(job_id)
    reply = await api.post(f"/results/{job_id}/{resource}", json={**ISSUE, **fields})
    said = (await api.get(f"/results/{job_id}/comments")).json()["comments"]
    assert reply.status_code == 201, reply.text
    assert [one["id"] for one in said] == [reply.json()["comment_id"]]
    return reply


async def test_github(tmp_path: Path, trackers: dict[str, str]) -> None:
    url = trackers["github"]
    async with running_api(tmp_path, github_api_url=url, github_token=TOKEN) as api:
        reply = await filed(api, "create-github-issue", github_repo_url=f"{url}/shop/ui-tests")
        check = await api.post("/api/validate-token", json={"token_type": "github", "token": "own"})

    assert reply.json()["url"].startswith("http")
    assert check.json()["valid"]


@pytest.mark.parametrize(
    ("name", "credential", "person"),
    [
        ("cloud", {"jira_email": "bot@example.com", "jira_api_token": TOKEN}, CLOUD_PERSON),
        ("server", {"jira_pat": TOKEN}, {"jira_token": "own"}),
    ],
)
async def test_jira(
    tmp_path: Path, trackers: dict[str, str], name: str, credential: dict[str, object], person: dict[str, str]
) -> None:
    settings = {"jira_url": trackers[name], "jira_project_key": "SHOP", **credential}
    async with running_api(tmp_path, **settings) as api:
        levels = await api.post("/api/jira-security-levels", json={"project_key": "SHOP", **person})
        level = levels.json()[0]["name"]
        reply = await filed(api, "create-jira-bug", jira_security_level=level)
        projects = await api.post("/api/jira-projects", json=person)
        check = await api.post(
            "/api/validate-token",
            json={"token_type": "jira", "token": "own", "email": person.get("jira_email", "")},
        )

    assert reply.json()["key"]
    assert projects.json()
    assert check.json()["valid"]
