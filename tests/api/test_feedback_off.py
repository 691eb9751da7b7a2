"""Servers that are not set up for feedback or for issues."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process import running_api

TOKEN = {"github_token": "server-github-token"}
AI = {"ai_provider": "command", "ai_command": ("/bin/cat",)}


@pytest.mark.parametrize(
    ("settings", "preview", "create"),
    [
        (AI, 503, 503),
        ({**AI, **TOKEN, "enable_github_issues": False}, 503, 503),
        ({**AI, **TOKEN, "github_api_url": "https://github.corp.test/api/v3"}, 503, 503),
        (TOKEN, 503, None),
        ({**TOKEN, "ai_provider": "builtin"}, 503, None),
    ],
)
async def test_feedback_needs_a_token_a_repository_and_an_ai(
    tmp_path: Path, settings: dict[str, Any], preview: int, create: int | None
) -> None:
    async with running_api(tmp_path, **settings) as api:
        drafted = await api.post("/api/feedback/preview", json={"description": "x"})
        filed = await api.post("/api/feedback/create", json={"title": "x", "body": "x"}) if create else None

        assert drafted.status_code == preview
        assert filed is None or filed.status_code == create


async def test_a_spent_budget_is_stood_in_for(tmp_path: Path) -> None:
    echo = {"ai_command": ("/bin/cat",), "ai_budget_per_day_tokens": 1}
    async with running_api(tmp_path, **{**AI, **TOKEN, **echo}) as api:
        drafts = [
            (await api.post("/api/feedback/preview", json={"description": text})).json()
            for text in ("first", "second")
        ]

    assert drafts[0]["notes"] == []
    assert drafts[1]["title"] == "second"
    assert "budget of 1 token" in drafts[1]["notes"][0]


async def test_drafts_are_refused_in_the_documented_order(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "allowed_users": "alice",
        "enable_github_issues": False,
        "enable_jira_issues": True,
    }
    alice, bob = ({"Cookie": f"rootcoz_username={name}"} for name in ("alice", "bob"))
    body = {"test_name": "a"}
    async with running_api(tmp_path, **settings) as api:
        statuses = [
            (await api.post(f"/results/nothing/{which}", json=body, headers=who)).status_code
            for which, who in (
                ("preview-github-issue", bob),
                ("preview-github-issue", alice),
                ("preview-jira-bug", bob),
                ("preview-jira-bug", alice),
            )
        ]
        prompt = await api.get("/results/nothing/issue-prompt", headers=bob)
        feedback = await api.post("/api/feedback/preview", json={"description": "x"}, headers=bob)

    assert statuses == [403, 403, 403, 400]
    assert (prompt.status_code, feedback.status_code) == (403, 403)


async def test_with_jira_issues_switched_off_nothing_is_drafted(tmp_path: Path) -> None:
    async with running_api(tmp_path, enable_jira_issues=False) as api:
        reply = await api.post("/results/nothing/preview-jira-bug", json={"test_name": "a"})

    assert reply.status_code == 403
