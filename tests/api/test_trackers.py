"""Filing issues and looking around in trackers, over HTTP, against stand-ins that keep what they are given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import pytest
import pytest_asyncio
from tests.support.in_process import ADMIN, Api, running_api
from tests.support.reviewed_build import analysed_build
from tests.support.tracker_server import Answer, tracker_server
from tests.support.tracker_stand_ins import LEVELS, Fault, GitHubStandIn, JiraStandIn

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICE = {"Cookie": "rootcoz_username=alice"}
SERVER_TOKEN = "ghs-of-the-server"  # noqa: S105 - made up, as all of them
JIRA_TOKEN = "jira-of-the-server"  # noqa: S105 - as above
TOKENS = {"carol": "saved-token", "dave": "stale-token", "erin": "erins-token"}
TITLE = "Login fails with HTTP 500"


class World:
    """The server and what it speaks to."""

    def __init__(self, api: Api, job_id: str, github: GitHubStandIn, jira: JiraStandIn) -> None:
        self.api = api
        self.job_id = job_id
        self.github = github
        self.jira = jira
        self.texts = 0

    def fresh(self) -> str:
        """A body that no other test has sent."""
        self.texts += 1
        return f"Text {self.texts}"

    async def github_issue(self, body: str = "", **fields: object) -> Any:  # noqa: ANN401 - httpx2's reply
        sent = {
            "test_name": "a.one",
            "title": TITLE,
            "body": body or self.fresh(),
            "github_repo_url": f"{self.github.url}/shop/ui-tests",
            **fields,
        }
        return await self.post("create-github-issue", sent)

    async def jira_bug(self, body: str = "", **fields: object) -> Any:  # noqa: ANN401 - httpx2's reply
        return await self.post(
            "create-jira-bug", {"test_name": "a.one", "title": TITLE, "body": body or self.fresh(), **fields}
        )

    async def post(self, resource: str, sent: object) -> Any:  # noqa: ANN401 - httpx2's reply
        return await self.api.post(f"/results/{self.job_id}/{resource}", json=sent, headers=ALICE)

    async def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.api.get(f"/results/{self.job_id}/comments")).json()[
            "comments"
        ]
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    data_dir = tmp_path_factory.mktemp("build")
    job_id = await analysed_build(data_dir)
    with ExitStack() as stack:
        github, jira = GitHubStandIn(), JiraStandIn(cloud=False)
        for server in (github, jira):
            stack.enter_context(tracker_server(server))
        settings = {
            "github_api_url": github.url,
            "github_token": SERVER_TOKEN,
            "jira_url": jira.url,
            "jira_pat": JIRA_TOKEN,
            "jira_project_key": "SHOP",
        }
        async with running_api(data_dir, **settings) as api:
            yield World(api, job_id, github, jira)


@pytest.fixture
def world(built: World) -> World:
    """The world without anything that a test before has left in the trackers."""
    for server in (built.github, built.jira):
        server.requests.clear()
        server.issues.clear()
        server.faults.clear()
        server.accepts = lambda _authorization: True
    built.jira.required = {}
    return built


async def test_a_github_issue_is_filed_with_a_comment_that_links_to_it(world: World) -> None:
    reply = await world.github_issue("## Summary\n\nIt fails.")
    issue = world.github.issues[0]
    comment = (await world.comments())[-1]

    assert reply.status_code == 201
    assert reply.json() == {
        "url": issue["html_url"],
        "number": 1,
        "key": "",
        "title": TITLE,
        "comment_id": comment["id"],
    }
    assert issue["body"].startswith(
        "## Summary\n\nIt fails.\n\n---\nReported by alice through rootcoz.\n\n<!-- rootcoz"
    )
    assert comment["comment"] == f"GitHub issue [#1]: [{TITLE}]({issue['html_url']})"
    assert (comment["username"], comment["test_name"]) == ("alice", "a.one")
    assert world.github.attempts[0].headers["authorization"] == f"Bearer {SERVER_TOKEN}"


async def test_a_jira_bug_is_filed_with_a_comment_that_links_to_it(world: World) -> None:
    reply = await world.jira_bug("h2. Summary\n\nIt fails.", jira_security_level="internal")
    fields = world.jira.issues[0]["fields"]
    comment = (await world.comments())[-1]

    assert reply.status_code == 201
    assert reply.json() == {
        "url": f"{world.jira.url}/browse/SHOP-1",
        "key": "SHOP-1",
        "title": TITLE,
        "comment_id": comment["id"],
    }
    assert fields["description"].startswith(
        "h2. Summary\n\nIt fails.\n\n----\n\nReported by alice through rootcoz."
    )
    assert fields["issuetype"] == {"name": "Bug"}
    assert fields["security"] == {"id": "10001"}
    assert comment["comment"] == f"Jira issue [SHOP-1]: [{TITLE}]({world.jira.url}/browse/SHOP-1)"


async def test_the_same_request_again_gets_the_same_issue_and_comment(world: World) -> None:
    body = world.fresh()
    first = await world.github_issue(body)
    before = len(await world.comments())
    second = await world.github_issue(body)

    assert second.status_code == 201
    assert second.json() == first.json()
    assert len(world.github.attempts) == 1
    assert len(await world.comments()) == before


@pytest.mark.parametrize("tracker", ["github", "jira"])
async def test_requests_at_the_same_time_make_one_issue_and_one_comment(world: World, tracker: str) -> None:
    body = world.fresh()
    file = world.github_issue if tracker == "github" else world.jira_bug
    server = world.github if tracker == "github" else world.jira
    before = len(await world.comments())
    replies = await asyncio.gather(*(file(body) for _ in range(8)))

    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.text for reply in replies}) == 1
    assert len(server.issues) == 1
    assert len(await world.comments()) == before + 1


async def test_another_text_makes_another_issue(world: World) -> None:
    await world.github_issue()
    await world.github_issue()

    assert len(world.github.issues) == 2


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, 502), (401, 401), (403, 401), (404, 502), (409, 502), (410, 502), (422, 502)],
)
@pytest.mark.parametrize("tracker", ["github", "jira"])
async def test_a_tracker_that_says_no_is_told_as_documented_and_may_be_asked_again(
    world: World, tracker: str, status: int, expected: int
) -> None:
    body = world.fresh()
    file = world.github_issue if tracker == "github" else world.jira_bug
    server = world.github if tracker == "github" else world.jira
    token = SERVER_TOKEN if tracker == "github" else JIRA_TOKEN
    said = {"message": f"No, {token}", "errorMessages": [f"No, {token}"]}
    server.faults = [Fault(Answer(said, status=status), files=False)]
    before = len(await world.comments())
    refused = await file(body)
    after = len(await world.comments())
    accepted = await file(body)

    assert refused.status_code == expected
    assert token not in refused.text
    assert after == before
    assert accepted.status_code == 201
    assert len(server.issues) == 1


async def test_a_rate_limit_says_when_to_come_back(world: World) -> None:
    world.github.faults = [Fault(Answer({}, status=429, headers={"Retry-After": "120"}), files=False)]
    reply = await world.github_issue()

    assert reply.status_code == 502
    assert reply.headers["retry-after"] == "120"
    assert len(world.github.attempts) == 1


@pytest.mark.parametrize(
    "answer",
    [Answer({}, status=500), Answer(reset=True), Answer(b"<html>Sign in</html>", content_type="text/html")],
    ids=["500", "reset", "web page"],
)
async def test_an_issue_that_was_filed_without_an_answer_is_found_and_not_filed_again(
    world: World, answer: Answer
) -> None:
    world.github.faults = [Fault(answer, files=True)]
    before = len(await world.comments())
    reply = await world.github_issue()

    assert reply.status_code == 201
    assert reply.json()["number"] == 1
    assert len(world.github.attempts) == 1
    assert len(await world.comments()) == before + 1


async def test_what_was_not_filed_and_not_answered_is_filed_with_the_next_request(world: World) -> None:
    world.github.faults = [Fault(Answer({}, status=500), files=False)]
    body = world.fresh()
    first = await world.github_issue(body)
    second = await world.github_issue(body)

    assert first.status_code == 502
    assert "Send the same request again" in first.json()["detail"]
    assert second.status_code == 201
    assert len(world.github.issues) == 1


async def test_a_field_that_the_project_wants_is_named(world: World) -> None:
    world.jira.required = {"customfield_10011": "Epic Name"}
    reply = await world.jira_bug()

    assert reply.status_code == 502
    assert "Epic Name (customfield_10011): Epic Name is required" in reply.json()["detail"]
    assert "JIRA_ISSUE_FIELDS" in reply.json()["detail"]


async def test_an_unknown_issue_type_is_refused_with_those_there_are(world: World) -> None:
    reply = await world.jira_bug(jira_issue_type="Defect")

    assert reply.status_code == 400
    assert "no issue type 'Defect'; it has Bug, Task." in reply.json()["detail"]


async def test_an_issue_type_in_another_case_is_understood_and_a_blank_one_is_a_bug(world: World) -> None:
    await world.jira_bug(jira_issue_type="tASK")
    await world.jira_bug(jira_issue_type=" ")

    assert [one["fields"]["issuetype"] for one in world.jira.issues] == [{"id": "2"}, {"name": "Bug"}]


async def test_an_unknown_security_level_is_refused_with_those_there_are(world: World) -> None:
    reply = await world.jira_bug(jira_security_level="Secret")

    assert reply.status_code == 400
    assert "it has Internal, Partners" in reply.json()["detail"]
    assert not world.jira.attempts


@pytest.mark.parametrize("resource", ["create-github-issue", "create-jira-bug"])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"test_name": "no.such"}, 400),
        ({"title": "  "}, 422),
        ({"title": None}, 422),
        ({"child_build_number": 3}, 422),
        ({"child_job_name": "smoke", "child_build_number": 99}, 400),
        ({"title": "x" * 300}, 400),
        ({"body": "x" * 70_000}, 400),
    ],
)
async def test_what_cannot_be_filed_is_refused_before_the_tracker_is_asked(
    world: World, resource: str, fields: dict[str, Any], status: int
) -> None:
    file = world.github_issue if "github" in resource else world.jira_bug
    reply = await file(**{"body": "text", **fields})

    assert reply.status_code == status
    assert not world.github.requests
    assert not world.jira.requests


async def test_an_unknown_analysis_is_not_found(world: World) -> None:
    sent = {"test_name": "a.one", "title": TITLE, "body": "text"}
    replies = [
        await world.api.post(f"/results/nowhere/{resource}", json=sent)
        for resource in ("create-github-issue", "create-jira-bug")
    ]

    assert [reply.status_code for reply in replies] == [404, 404]


@pytest.mark.parametrize(
    "url",
    [
        "https://gitlab.test/shop/ui-tests",
        "git@github.com:shop/ui-tests",
        "https://github.com/shop",
        "nonsense",
    ],
)
async def test_an_address_that_is_no_repository_of_a_known_github_is_refused(world: World, url: str) -> None:
    reply = await world.github_issue(github_repo_url=url)

    assert reply.status_code == 400
    assert not world.github.requests


async def test_the_server_s_token_does_not_go_to_another_github(world: World) -> None:
    reply = await world.github_issue(github_repo_url="https://github.com/shop/ui-tests")

    assert reply.status_code == 400
    assert "github_token" in reply.json()["detail"]
    assert SERVER_TOKEN not in reply.text
    assert not world.github.requests


async def test_without_a_repository_of_the_tests_one_has_to_be_named(world: World) -> None:
    reply = await world.github_issue(github_repo_url="")

    assert reply.status_code == 400
    assert "TESTS_REPO_URL" in reply.json()["detail"]


async def test_a_failure_of_a_child_build_gets_its_comment(world: World) -> None:
    await world.jira_bug(test_name="s.only", child_job_name="smoke", child_build_number=3)
    comment = (await world.comments())[-1]

    assert (comment["test_name"], comment["child_job_name"], comment["child_build_number"]) == (
        "s.only",
        "smoke",
        3,
    )


async def test_secrets_do_not_leave_with_the_text(world: World) -> None:
    secret = "ghp_" + "0aB1" * 9
    await world.github_issue(f"token is {secret}", title=f"Leaks {secret}")
    sent = world.github.attempts[0].body.decode()

    assert secret not in sent
    assert "[secret:" in sent


# --- credentials ---------------------------------------------------------------------------------


async def signed_in(world: World, name: str, **tokens: str) -> Api:
    """Somebody who has saved these."""
    made = await world.api.post("/api/admin/users", json={"username": name}, headers=ADMIN)
    person = world.api.bearer(made.json()["api_key"])
    saved = await person.put("/api/user/tokens", json=tokens)
    assert saved.status_code == 200, saved.text
    return person


def sent_with(server: GitHubStandIn | JiraStandIn) -> list[str]:
    return [one.headers["authorization"] for one in server.attempts]


async def test_what_a_person_has_saved_goes_before_the_request_s_and_that_before_the_server_s(
    world: World,
) -> None:
    person = await signed_in(world, "carol", github_token=TOKENS["carol"])
    where = f"/results/{world.job_id}/create-github-issue"
    sent = {"test_name": "a.one", "title": TITLE, "github_repo_url": f"{world.github.url}/shop/ui-tests"}
    await person.post(where, json={**sent, "body": "1", "github_token": "sent-token"})
    await world.api.post(where, json={**sent, "body": "2", "github_token": "sent-token"})
    await world.api.post(where, json={**sent, "body": "3"})

    assert sent_with(world.github) == ["Bearer saved-token", "Bearer sent-token", f"Bearer {SERVER_TOKEN}"]


async def test_a_saved_credential_that_is_refused_gives_way_to_the_request_s_and_not_to_the_server_s(
    world: World,
) -> None:
    person = await signed_in(world, "dave", github_token=TOKENS["dave"])
    world.github.accepts = lambda authorization: "stale" not in authorization
    where = f"/results/{world.job_id}/create-github-issue"
    sent = {"test_name": "a.one", "title": TITLE, "github_repo_url": f"{world.github.url}/shop/ui-tests"}
    with_own = await person.post(where, json={**sent, "body": "dave 1", "github_token": "sent-token"})
    without = await person.post(where, json={**sent, "body": "dave 2"})

    assert (with_own.status_code, without.status_code) == (201, 401)
    assert sent_with(world.github) == ["Bearer stale-token", "Bearer sent-token", "Bearer stale-token"]
    assert "saved" in without.json()["detail"]


async def test_a_plain_name_does_not_get_at_what_its_owner_has_saved(world: World) -> None:
    await signed_in(world, "erin", github_token=TOKENS["erin"])
    sent = {
        "test_name": "a.one",
        "title": TITLE,
        "body": "by no one",
        "github_repo_url": f"{world.github.url}/shop/ui-tests",
    }
    await world.api.post(
        f"/results/{world.job_id}/create-github-issue", json=sent, headers={"Cookie": "rootcoz_username=erin"}
    )

    assert sent_with(world.github) == [f"Bearer {SERVER_TOKEN}"]


async def test_an_e_mail_address_does_not_make_a_data_center_into_a_cloud(world: World) -> None:
    await world.jira_bug(jira_token="personal", jira_email="jo@example.com")  # noqa: S106 - made up

    assert sent_with(world.jira) == ["Bearer personal"]
    assert world.jira.attempts[0].target == "/rest/api/2/issue"


# --- looking around ------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "username"), [("github", "octo"), ("jira", "Jo Doe")])
async def test_a_good_token_is_valid_and_says_whose_it_is(world: World, kind: str, username: str) -> None:
    reply = await world.api.post("/api/validate-token", json={"token_type": kind, "token": "good"})

    assert reply.status_code == 200
    assert reply.json()["valid"] is True
    assert reply.json()["username"] == username


@pytest.mark.parametrize("kind", ["github", "jira"])
@pytest.mark.parametrize("token", ["", "   ", "bad", "two words"])
async def test_a_bad_token_is_not_valid_and_no_error(world: World, kind: str, token: str) -> None:
    world.github.accepts = world.jira.accepts = lambda authorization: "bad" not in authorization
    reply = await world.api.post("/api/validate-token", json={"token_type": kind, "token": token})
    answer = reply.json()

    assert reply.status_code == 200
    assert (answer["valid"], answer["username"]) == (False, "")
    assert answer["message"]


async def test_another_type_of_token_is_refused(world: World) -> None:
    reply = await world.api.post("/api/validate-token", json={"token_type": "gitlab", "token": "x"})

    assert reply.status_code == 422


async def test_projects_are_those_of_one_s_own_credential_the_server_s_first(world: World) -> None:
    all_of_them = await world.api.post("/api/jira-projects", json={"jira_token": "own"})
    some = await world.api.post("/api/jira-projects", json={"jira_token": "own", "query": "the A"})

    assert [one["key"] for one in all_of_them.json()] == ["SHOP", "APP", "ZOO"]
    assert some.json() == [{"key": "APP", "name": "The app"}]


async def test_without_a_usable_credential_the_server_s_project_is_all_there_is(world: World) -> None:
    nothing_sent = await world.api.post("/api/jira-projects", json={})
    asked = len(world.jira.requests)
    world.jira.accepts = lambda _authorization: False
    refused = await world.api.post("/api/jira-projects", json={"jira_token": "bad"})

    assert nothing_sent.json() == refused.json() == [{"key": "SHOP", "name": "SHOP"}]
    assert asked == 0


async def test_security_levels_are_listed(world: World) -> None:
    reply = await world.api.post(
        "/api/jira-security-levels", json={"jira_token": "own", "project_key": "shop"}
    )

    assert reply.json() == [{"description": "", **level} for level in LEVELS]
    assert world.jira.requests[-1].target == "/rest/api/2/project/SHOP/securitylevel"


@pytest.mark.parametrize("project_key", ["", " ", "../user", "SHOP/securitylevel"])
async def test_a_project_key_that_is_none_has_no_levels_and_is_not_asked_for(
    world: World, project_key: str
) -> None:
    reply = await world.api.post("/api/jira-security-levels", json={"project_key": project_key})

    assert (reply.status_code, reply.json()) == (200, [])
    assert not world.jira.requests


async def test_levels_need_a_field_for_the_project(world: World) -> None:
    assert (await world.api.post("/api/jira-security-levels", json={})).status_code == 422


async def test_unusable_credentials_show_no_levels(world: World) -> None:
    world.jira.accepts = lambda _authorization: False
    reply = await world.api.post(
        "/api/jira-security-levels", json={"jira_token": "bad", "project_key": "SHOP"}
    )

    assert (reply.status_code, reply.json()) == (200, [])
