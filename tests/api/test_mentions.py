"""Who spoke to whom, over HTTP."""

import asyncio
import itertools
from typing import Any

import pytest
from tests.support.in_process import ADMIN, Api

DATABASES = ("sqlite", "postgresql")
pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = itertools.count()
JOBS: dict[Api, str] = {}


def person(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}{next(NUMBERS)}"


def by(name: str) -> dict[str, str]:
    return {"Cookie": f"rootcoz_username={name}"}


async def job(api: Api) -> str:
    """A finished analysis, the same for all tests."""
    if api not in JOBS:
        JOBS[api] = await api.submit(
            {"failures": [{"test_name": "t.one", "error_message": "ValueError: no"}]}
        )
        await api.finished(JOBS[api])
    return JOBS[api]


async def say(api: Api, text: str, author: str = "writer") -> int:
    reply = await api.post(
        f"/results/{await job(api)}/comments",
        json={"test_name": "t.one", "comment": text},
        headers=by(author),
    )
    assert reply.status_code == 201, reply.text
    return int(reply.json()["id"])


async def mentions(api: Api, name: str, query: str = "") -> dict[str, Any]:
    reply = await api.get(f"/api/users/mentions{query}", headers=by(name))
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def unread(api: Api, name: str) -> int:
    return int((await api.get("/api/users/mentions/unread-count", headers=by(name))).json()["count"])


async def test_a_comment_reaches_whom_it_names_and_nobody_else(api: Api) -> None:
    dotted, plain = person("carol.d-"), person("carol")
    first = await say(api, f"Look, @{dotted}. `@{plain}` and x@{plain}.org are nobody.", author="ann")
    found = await mentions(api, dotted.upper())

    assert found == {
        "mentions": [
            {
                "id": first,
                "job_id": await job(api),
                "test_name": "t.one",
                "child_job_name": "",
                "child_build_number": 0,
                "comment": f"Look, @{dotted}. `@{plain}` and x@{plain}.org are nobody.",
                "username": "ann",
                "created_at": found["mentions"][0]["created_at"],
                "is_read": False,
            }
        ],
        "total": 1,
        "unread_count": 1,
    }
    assert (await mentions(api, plain))["total"] == 0
    assert await unread(api, dotted) == 1


async def test_a_name_that_ends_with_punctuation_is_found_when_its_owner_was_here(api: Api) -> None:
    odd = f"{person('odd')}."
    await api.get("/api/users/mentionable", headers=by(odd))
    await api.services.presence.settle()
    await say(api, f"@{odd}")

    assert (await mentions(api, odd))["total"] == 1
    assert (await mentions(api, odd[:-1]))["total"] == 0


async def test_reading_some_leaves_the_others_and_those_of_other_people(api: Api) -> None:
    me, other = person("me"), person("other")
    ids = [await say(api, f"@{me} and @{other}, number {number}") for number in range(3)]
    reply = await api.post(
        "/api/users/mentions/read", json={"comment_ids": [ids[1], ids[1], 2**63 - 1]}, headers=by(me)
    )

    assert (reply.status_code, reply.json()) == (200, {"ok": True})
    assert [(one["id"], one["is_read"]) for one in (await mentions(api, me))["mentions"]] == [
        (ids[2], False),
        (ids[1], True),
        (ids[0], False),
    ]
    assert [await unread(api, me), await unread(api, other)] == [2, 3]
    only_unread = await mentions(api, me, "?unread_only=yes")
    assert ([one["id"] for one in only_unread["mentions"]], only_unread["total"]) == ([ids[2], ids[0]], 2)


async def test_all_are_read_once(api: Api) -> None:
    me = person("me")
    for _ in range(2):
        await say(api, f"@{me}")
    counts = [
        (await api.post("/api/users/mentions/read-all", headers=by(me))).json()["marked_read"]
        for _ in range(2)
    ]

    assert counts == [2, 0]
    assert await unread(api, me) == 0


async def test_pages_are_clamped(api: Api) -> None:
    me = person("me")
    ids = [await say(api, f"@{me}") for _ in range(3)]
    pages = {
        query: [one["id"] for one in (await mentions(api, me, query))["mentions"]]
        for query in ("?offset=-5&limit=0", "?offset=1&limit=1", "?limit=100000000000", f"?offset={10**30}")
    }

    assert pages == {
        "?offset=-5&limit=0": [ids[2]],
        "?offset=1&limit=1": [ids[1]],
        "?limit=100000000000": ids[::-1],
        f"?offset={10**30}": [],
    }


@pytest.mark.parametrize("query", ["offset=x", "limit=1.5", "limit=--1", "offset=%C2%B2"])
async def test_what_is_no_number_is_told_with_400(api: Api, query: str) -> None:
    reply = await api.get(f"/api/users/mentions?{query}", headers=by("me"))

    assert reply.status_code == 400
    assert "must be a whole number" in reply.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        '{"comment_ids": []}',
        '{"comment_ids": ["1"]}',
        '{"comment_ids": [true]}',
        '{"comment_ids": [-1]}',
        '{"comment_ids": [9223372036854775808]}',
        '{"comment_ids": 1}',
        "{}",
    ],
)
async def test_a_body_that_cannot_be_used_is_told_with_400(api: Api, body: str) -> None:
    reply = await api.post("/api/users/mentions/read", content=body, headers=by("me"))

    assert reply.status_code == 400
    assert isinstance(reply.json()["detail"], str)


async def test_a_deleted_comment_leaves_no_mention(api: Api) -> None:
    me = person("me")
    comment = await say(api, f"@{me}", author="ann")
    await api.delete(f"/results/{await job(api)}/comments/{comment}", headers=by("ann"))

    assert await mentions(api, me) == {"mentions": [], "total": 0, "unread_count": 0}


async def test_a_deleted_analysis_leaves_no_mention(api: Api) -> None:
    me = person("me")
    job_id = await api.submit({"failures": [{"test_name": "t.one", "error_message": "x"}]})
    await api.finished(job_id)
    body = {"test_name": "t.one", "comment": f"@{me}"}
    await api.post(f"/results/{job_id}/comments", json=body, headers=by("ann"))
    before = await unread(api, me)
    await api.delete(f"/results/{job_id}", headers=ADMIN)

    assert [before, await unread(api, me)] == [1, 0]


async def test_who_says_no_name_has_no_mentions(api: Api) -> None:
    stranger = api.visitor()
    replies = [
        await stranger.get("/api/users/mentions"),
        await stranger.get("/api/users/mentions/unread-count"),
        await stranger.post("/api/users/mentions/read-all"),
        await stranger.post("/api/users/mentions/read", json={"comment_ids": [1]}),
    ]

    assert [reply.status_code for reply in replies] == [401] * 4


async def test_a_name_with_a_key_wants_it_for_its_mentions(api: Api) -> None:
    me = person("keeper")
    made = await api.post("/api/admin/users", json={"username": me, "role": "user"}, headers=ADMIN)
    await say(api, f"@{me}")
    pretended = await api.get("/api/users/mentions", headers=by(me))
    proven = await api.bearer(made.json()["api_key"]).get("/api/users/mentions")

    assert pretended.status_code == 401
    assert proven.json()["total"] == 1


async def test_the_administrator_of_the_key_can_be_mentioned(api: Api) -> None:
    await say(api, "@admin, see")

    assert (await api.get("/api/users/mentions", headers=ADMIN)).json()["total"] == 1


async def test_the_mentionable_are_the_tracked_users(api: Api) -> None:
    names = [person("zoe"), person("amy")]
    for name in names:
        await api.get("/results", headers=by(name))
    await api.services.presence.settle()
    listed = (await api.get("/api/users/mentionable", headers=by(names[0]))).json()["usernames"]

    assert [name for name in listed if name in names] == names[::-1]


async def test_many_who_write_at_once_lose_no_mention(api: Api) -> None:
    me = person("me")
    await job(api)
    await asyncio.gather(*(say(api, f"@{me} {number}") for number in range(10)))

    assert await unread(api, me) == 10
