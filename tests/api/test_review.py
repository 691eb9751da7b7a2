"""Overriding, reviewing and commenting: what people do with a result, over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.support.in_process import ADMIN, Api, running_api
from tests.support.reviewed_build import analysed_build

from rootcoz.features import results

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICE = {"Cookie": "rootcoz_username=alice"}
BOB = {"Cookie": "rootcoz_username=bob"}
FAILURES = {
    "failures": [
        {"test_name": name, "error_message": f"ValueError: {word}"}
        for name, word in (("a.one", "alpha"), ("a.two", "alpha"), ("b.one", "bravo"))
    ]
}
SMOKE = {"child_job_name": "smoke", "child_build_number": 3}
ANY_SMOKE = {"child_job_name": "smoke"}
Action = tuple[str, str, dict[str, Any]]
ACTIONS: list[Action] = [
    ("PUT", "override-classification", {"classification": "PRODUCT BUG"}),
    ("DELETE", "override-classification", {}),
    ("PUT", "reviewed", {"reviewed": True}),
    ("POST", "comments", {"comment": "seen"}),
]


SEEDED: dict[Api, str] = {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A server that finds a finished build with children in its data directory."""
    data_dir = tmp_path_factory.mktemp("build")
    job_id = await analysed_build(data_dir)
    async with running_api(data_dir) as api:
        SEEDED[api] = job_id
        yield api


@pytest.fixture
def build(api: Api) -> tuple[Api, str]:
    """The server with its finished build, which no test changes for good."""
    return api, SEEDED[api]


@pytest_asyncio.fixture(loop_scope="module")
async def job_id(api: Api) -> str:
    """A finished analysis of raw failures."""
    job_id = await api.submit(FAILURES)
    await api.finished(job_id)
    return job_id


async def act(api: Api, job_id: str, action: Action, **fields: object) -> Any:  # noqa: ANN401 - httpx2's reply
    method, resource, body = action
    body = {"test_name": "a.one", **body, **fields}
    where = f"/results/{job_id}/{resource}"
    if method == "DELETE":
        return await api.request(method, where, params=body, headers=ALICE)
    return await api.request(method, where, json=body, headers=ALICE)


async def override(api: Api, job_id: str, test_name: str, classification: str, **fields: object) -> None:
    reply = await act(api, job_id, ACTIONS[0], test_name=test_name, classification=classification, **fields)
    assert (reply.status_code, reply.json()) == (200, {"status": "ok", "classification": classification})


async def undo(api: Api, job_id: str, test_name: str, **fields: object) -> str:
    reply = await act(api, job_id, ACTIONS[1], test_name=test_name, **fields)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["classification"])


async def shown(api: Api, job_id: str) -> dict[str, Any]:
    result: dict[str, Any] = (await api.get(f"/results/{job_id}")).json()["result"]
    return result


def verdicts(result: dict[str, Any]) -> list[str]:
    """Classifications in the order of the document, those of child builds after the build's own."""
    found = [failure["analysis"]["classification"] for failure in result["failures"]]
    waiting = list(result["child_job_analyses"])
    while waiting:
        child = waiting.pop(0)
        found += [failure["analysis"]["classification"] for failure in child["failures"]]
        waiting = child["failed_children"] + waiting
    return found


async def test_an_override_concerns_the_whole_group_and_says_who_and_what_it_replaced(
    api: Api, job_id: str
) -> None:
    before = await shown(api, job_id)
    was = before["failures"][0]["analysis"]["classification"]
    await override(api, job_id, "a.two", "INFRASTRUCTURE")
    after = await shown(api, job_id)

    assert verdicts(after) == ["INFRASTRUCTURE", "INFRASTRUCTURE", verdicts(before)[2]]
    stamp = after["failures"][0]["analysis"]["override"]
    assert stamp.pop("created_at").endswith("Z")
    assert stamp == {"classification": "INFRASTRUCTURE", "replaced": was, "username": "alice"}
    assert after["failures"][0]["analysis"]["details"] == before["failures"][0]["analysis"]["details"]
    assert "1 INFRASTRUCTURE" in after["summary"]


async def test_an_override_drops_what_is_wrong_now_and_undoing_brings_all_of_it_back(
    build: tuple[Api, str],
) -> None:
    api, job_id = build
    before = await shown(api, job_id)
    await override(api, job_id, "a.one", "CODE ISSUE")
    during = (await shown(api, job_id))["failures"][0]["analysis"]

    assert "product_bug_report" in before["failures"][0]["analysis"]
    assert not {"product_bug_report", "code_fix", "no_verdict"} & during.keys()
    assert during["confidence"] is None
    assert await undo(api, job_id, "a.one") == "PRODUCT BUG"
    assert await shown(api, job_id) == before


async def test_who_confirms_an_answer_keeps_all_of_it(build: tuple[Api, str]) -> None:
    api, job_id = build
    before = (await shown(api, job_id))["failures"][0]["analysis"]
    await override(api, job_id, "a.one", "PRODUCT BUG")
    during = (await shown(api, job_id))["failures"][0]["analysis"]
    await undo(api, job_id, "a.one")

    assert during.pop("override")["replaced"] == "PRODUCT BUG"
    assert during == before


async def test_an_override_stays_within_its_build(build: tuple[Api, str]) -> None:
    api, job_id = build
    before = await shown(api, job_id)
    await override(api, job_id, "s.only", "CODE ISSUE", **SMOKE)
    during = await shown(api, job_id)
    await undo(api, job_id, "a.one", **SMOKE)

    assert verdicts(during) == [*["PRODUCT BUG"] * 4, *["CODE ISSUE"] * 2, *["PRODUCT BUG"] * 3]
    assert during["summary"] == "9 failures in 2 groups (3 child builds): 2 PRODUCT BUG, 1 CODE ISSUE."
    assert await shown(api, job_id) == before


async def test_a_child_without_a_number_is_the_first_that_has_the_test(build: tuple[Api, str]) -> None:
    api, job_id = build
    await override(api, job_id, "a.one", "CODE ISSUE", **ANY_SMOKE)
    during = await shown(api, job_id)
    await undo(api, job_id, "a.one", **ANY_SMOKE)

    assert verdicts(during)[4:] == ["CODE ISSUE", "CODE ISSUE", "PRODUCT BUG", "PRODUCT BUG", "PRODUCT BUG"]


async def test_the_newest_override_counts_and_each_undo_takes_one_back(api: Api, job_id: str) -> None:
    was = verdicts(await shown(api, job_id))
    await override(api, job_id, "b.one", "PRODUCT BUG")
    await override(api, job_id, "b.one", "INFRASTRUCTURE")

    assert verdicts(await shown(api, job_id)) == [*was[:2], "INFRASTRUCTURE"]
    assert await undo(api, job_id, "b.one") == "PRODUCT BUG"
    assert verdicts(await shown(api, job_id)) == [*was[:2], "PRODUCT BUG"]
    assert await undo(api, job_id, "b.one") == was[2]
    assert verdicts(await shown(api, job_id)) == was
    assert (await act(api, job_id, ACTIONS[1], test_name="b.one")).status_code == 404


async def test_a_result_that_is_sent_in_pieces_shows_overrides_too(
    build: tuple[Api, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, job_id = build
    await override(api, job_id, "a.one", "CODE ISSUE")
    await override(api, job_id, "a.one", "INFRASTRUCTURE", **ANY_SMOKE)
    whole = await api.get(f"/results/{job_id}")
    await undo(api, job_id, "a.one", **ANY_SMOKE)  # makes the server forget what it holds
    await override(api, job_id, "a.one", "INFRASTRUCTURE", **ANY_SMOKE)
    monkeypatch.setattr(results, "WHOLE_LIMIT", 10)
    streamed = await api.get(f"/results/{job_id}")
    await undo(api, job_id, "a.one")
    await undo(api, job_id, "a.one", **ANY_SMOKE)

    assert int(streamed.headers["content-length"]) == len(streamed.content) == len(whole.content)
    assert verdicts(streamed.json()["result"]) == verdicts(whole.json()["result"])
    assert streamed.json()["result"]["summary"] == whole.json()["result"]["summary"]


async def test_a_review_mark_is_set_and_taken_back_with_who_and_when(api: Api, job_id: str) -> None:
    marked = await act(api, job_id, ACTIONS[2], reviewed=True)
    status = (await api.get(f"/results/{job_id}/review-status")).json()
    reviews = (await api.get(f"/results/{job_id}/comments")).json()["reviews"]
    unmarked = await act(api, job_id, ACTIONS[2], reviewed=False)
    after = (await api.get(f"/results/{job_id}/comments")).json()["reviews"]["a.one"]

    assert marked.json() == {"status": "ok", "reviewed_by": "alice"}
    assert status == {"total_failures": 3, "reviewed_count": 1, "comment_count": 0}
    assert reviews["a.one"].pop("updated_at").endswith("Z")
    assert reviews == {"a.one": {"reviewed": True, "username": "alice"}}
    assert unmarked.json() == {"status": "ok", "reviewed_by": ""}
    assert (after["reviewed"], after["username"]) == (False, "alice")
    assert (await api.get(f"/results/{job_id}/review-status")).json()["reviewed_count"] == 0


async def test_reviews_of_child_builds_have_the_name_of_their_build_and_count_what_exists(
    build: tuple[Api, str],
) -> None:
    api, job_id = build
    for fields in ({}, SMOKE, ANY_SMOKE, {"test_name": "a.two"}, {"child_job_name": "deep/child"}):
        assert (await act(api, job_id, ACTIONS[2], **fields)).status_code == 200
    reviews = (await api.get(f"/results/{job_id}/comments")).json()["reviews"]
    status = (await api.get(f"/results/{job_id}/review-status")).json()

    assert set(reviews) == {"a.one", "a.two", "smoke#3::a.one", "deep/child#1::a.one"}
    assert status["total_failures"] == 9
    assert status["reviewed_count"] == 5  # the name a.two is there twice


async def test_comments_are_listed_in_the_order_they_were_made(api: Api, job_id: str) -> None:
    result = await shown(api, job_id)
    ids = [
        (await act(api, job_id, ACTIONS[3], comment=text)).json()["id"] for text in ("one", "", "ünicode 🎉")
    ]
    comments = (await api.get(f"/results/{job_id}/comments")).json()["comments"]

    assert [comment["id"] for comment in comments] == ids
    assert [comment["comment"] for comment in comments] == ["one", "", "ünicode 🎉"]
    assert comments[0].pop("created_at").endswith("Z")
    assert comments[0] == {
        "id": ids[0],
        "job_id": job_id,
        "test_name": "a.one",
        "child_job_name": "",
        "child_build_number": 0,
        "comment": "one",
        "error_signature": result["failures"][0]["error_signature"],
        "username": "alice",
    }
    assert (await api.get(f"/results/{job_id}/review-status")).json()["comment_count"] == 3


async def test_a_comment_is_deleted_by_its_author_or_the_administrator(api: Api, job_id: str) -> None:
    first, second = [(await act(api, job_id, ACTIONS[3])).json()["id"] for _ in range(2)]
    where = f"/results/{job_id}/comments"

    assert (await api.delete(f"{where}/{first}")).status_code == 401
    assert (await api.delete(f"{where}/{first}", headers=BOB)).status_code == 404
    assert (await api.delete(f"/results/nobody/comments/{first}", headers=ALICE)).status_code == 404
    assert (await api.delete(f"{where}/{first}", headers=ALICE)).json() == {"status": "deleted"}
    assert (await api.delete(f"{where}/{first}", headers=ALICE)).status_code == 404
    assert (await api.delete(f"{where}/{second}", headers=ADMIN)).status_code == 200
    assert (await api.delete(f"{where}/{'9' * 30}", headers=ADMIN)).status_code == 422
    assert (await api.get(where)).json()["comments"] == []


async def test_a_name_that_is_not_proven_deletes_nothing_that_was_written_with_proof(
    api: Api, job_id: str
) -> None:
    where = f"/results/{job_id}/comments"
    body = {"test_name": "a.one", "comment": "proven"}
    made = await api.request(
        "POST", "/api/admin/users", headers=ADMIN, json={"username": "carol", "role": "user"}
    )
    key = {"Authorization": f"Bearer {made.json()['api_key']}"}
    written = (await api.request("POST", where, json=body, headers=key)).json()["id"]
    pretended = await api.delete(f"{where}/{written}", headers={"Cookie": "rootcoz_username=carol"})

    assert pretended.status_code == 404
    assert (await api.delete(f"{where}/{written}", headers=key)).status_code == 200


async def test_nobody_s_name_may_comment_but_nobody_deletes_it(api: Api, job_id: str) -> None:
    added = await api.request(
        "POST", f"/results/{job_id}/comments", json={"test_name": "a.one", "comment": "x"}
    )

    assert added.status_code == 201
    assert (await api.get(f"/results/{job_id}/comments")).json()["comments"][0]["username"] == ""
    assert (await api.delete(f"/results/{job_id}/comments/{added.json()['id']}")).status_code == 401


async def test_a_result_that_does_not_exist_has_no_comments(api: Api) -> None:
    assert (await api.get("/results/nobody/comments")).json() == {"comments": [], "reviews": {}}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action[0]} {action[1]}")
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"test_name": "no.such.test"}, 400),
        ({"test_name": ""}, 400),
        ({"child_job_name": "smoke"}, 400),
        ({"child_job_name": "smoke", "child_build_number": 3}, 400),
        ({"child_build_number": 3}, 422),
        ({"child_job_name": "smoke", "child_build_number": -1}, 422),
        ({"child_job_name": "smoke", "child_build_number": 2**31}, 422),
        ({"test_name": "a\x00b"}, 422),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_failure_that_the_result_does_not_have_is_refused(
    api: Api, job_id: str, action: Action, fields: dict[str, Any], status: int
) -> None:
    reply = await act(api, job_id, action, **fields)

    assert reply.status_code == status, reply.text


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action[0]} {action[1]}")
async def test_a_test_of_a_child_is_not_one_of_the_build_itself(
    build: tuple[Api, str], action: Action
) -> None:
    api, job_id = build

    assert (await act(api, job_id, action, test_name="s.only")).status_code == 400
    assert (await act(api, "nobody", action)).status_code == 404


@pytest.mark.parametrize("classification", ["product bug", "FLAKY", "", None, 5])
async def test_only_the_three_classifications_can_be_set(
    api: Api, job_id: str, classification: object
) -> None:
    reply = await act(api, job_id, ACTIONS[0], classification=classification)

    assert reply.status_code == 422


async def test_people_who_act_at_once_lose_nothing(api: Api, job_id: str) -> None:
    names = ["a.one", "a.two", "b.one"]
    kinds = ["CODE ISSUE", "PRODUCT BUG", "INFRASTRUCTURE"]
    comments = [act(api, job_id, ACTIONS[3], comment=f"{number}") for number in range(15)]
    marks = [act(api, job_id, ACTIONS[2], test_name=name) for name in names * 4]
    overrides = [act(api, job_id, ACTIONS[0], test_name="b.one", classification=kind) for kind in kinds * 3]
    reads = [api.get(f"/results/{job_id}") for _ in range(6)]
    mixed = [
        request for four in zip(comments, [*marks, *overrides[:3]], strict=True) for request in four
    ] + overrides[3:]
    replies = await asyncio.gather(*mixed, *reads)
    counts = (await api.get(f"/results/{job_id}/review-status")).json()
    last = (await shown(api, job_id))["failures"][2]["analysis"]["classification"]
    undone = [await undo(api, job_id, "b.one") for _ in range(9)]

    assert {reply.status_code for reply in replies} == {200, 201}
    assert counts == {"total_failures": 3, "reviewed_count": 3, "comment_count": 15}
    assert sorted([last, *undone[:8]]) == sorted(kinds * 3)
    assert "override" not in (await shown(api, job_id))["failures"][2]["analysis"]
