"""Section Admin with the real application: users, roles, keys, the audit log."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process import ADMIN_KEY, Api, running_api


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(tmp_path) as api:
        yield api.bearer(ADMIN_KEY)


async def created(admin: Api, username: str, role: str = "admin") -> str:
    reply = await admin.post("/api/admin/users", json={"username": username, "role": role})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["api_key"])


async def listed(admin: Api) -> dict[str, dict[str, Any]]:
    users = (await admin.get("/api/admin/users")).json()["users"]
    return {one["username"]: one for one in users}


async def is_somebody(api: Api, key: str) -> bool:
    return bool((await api.bearer(key).get("/api/auth/me")).json()["signed_in"])


async def test_a_new_user_is_an_administrator_with_a_key_unless_told_otherwise(house: Api) -> None:
    reply = await house.post("/api/admin/users", json={"username": "release-admin"})
    await created(house, "alice", "user")
    users = await listed(house)

    body = reply.json()
    assert (body["username"], body["role"]) == ("release-admin", "admin")
    assert body["api_key"].startswith("rootcoz_")
    assert len(body["api_key"]) == len("rootcoz_") + 43
    assert reply.headers["cache-control"] == "no-store"
    assert {name: user["role"] for name, user in users.items()} == {"release-admin": "admin", "alice": "user"}
    assert users["alice"]["last_seen"] is None


async def test_an_administrator_is_deleted_with_all_that_is_theirs(house: Api) -> None:
    gone, stays = await created(house, "gone"), await created(house, "stays")
    session = house.visitor()
    await session.post("/api/auth/login", json={"username": "gone", "api_key": gone})
    await house.bearer(gone).put("/api/user/tokens", json={"github_token": "ghp_x"})
    reply = await house.delete("/api/admin/users/gone")
    await house.services.presence.settle()

    assert reply.json() == {"deleted": "gone"}
    assert list(await listed(house)) == ["stays"]
    assert not await is_somebody(house, gone)
    assert not (await session.get("/api/auth/me")).json()["signed_in"]
    assert await is_somebody(house, stays)


async def test_neither_oneself_nor_the_last_nor_a_stranger_is_deleted(house: Api) -> None:
    boss = house.bearer(await created(house, "boss"))
    await created(house, "alice", "user")
    codes = {
        "last": (await house.delete("/api/admin/users/boss")).status_code,
        "demoted": (await house.put("/api/admin/users/boss/role", json={"role": "user"})).status_code,
        "own": (await boss.delete("/api/admin/users/Boss")).status_code,
        "bootstrap": (await house.delete("/api/admin/users/admin")).status_code,
        "user": (await house.delete("/api/admin/users/alice")).status_code,
        "nobody": (await house.delete("/api/admin/users/nobody")).status_code,
    }

    assert codes == {"last": 400, "demoted": 400, "own": 400, "bootstrap": 400, "user": 404, "nobody": 404}


async def test_a_promotion_gives_a_key_and_a_demotion_takes_keys_and_sessions(house: Api) -> None:
    await created(house, "boss")
    first = await created(house, "alice", "user")
    promoted = (await house.put("/api/admin/users/alice/role", json={"role": "admin"})).json()
    session = house.visitor()
    await session.post("/api/auth/login", json={"username": "alice", "api_key": promoted["api_key"]})
    was_admin = (await session.get("/api/auth/me")).json()["is_admin"]
    demoted = (await house.put("/api/admin/users/alice/role", json={"role": "user"})).json()

    assert (promoted["username"], promoted["role"], was_admin) == ("alice", "admin", True)
    assert demoted == {"username": "alice", "role": "user"}
    assert not await is_somebody(house, first)
    assert not await is_somebody(house, promoted["api_key"])
    assert not (await session.get("/api/auth/me")).json()["signed_in"]


async def test_nobody_changes_their_own_role(house: Api) -> None:
    boss = house.bearer(await created(house, "boss"))
    await created(house, "other")
    reply = await boss.put("/api/admin/users/BOSS/role", json={"role": "user"})

    assert reply.status_code == 400


async def test_a_rotation_puts_one_key_in_the_place_of_all_and_ends_sessions(house: Api) -> None:
    old = await created(house, "boss")
    script = (await house.bearer(old).post("/api/user/keys", json={"name": "script"})).json()["api_key"]
    session = house.visitor()
    await session.post("/api/auth/login", json={"username": "boss", "api_key": old})
    empty = await house.post("/api/admin/users/boss/rotate-key")
    new = empty.json()["new_api_key"]
    rotated = [await is_somebody(house, key) for key in (old, script, new)]
    chosen = await house.post("/api/admin/users/boss/rotate-key", json={"new_key": "a-key-of-my-own!"})

    assert empty.json()["username"] == "boss"
    assert rotated == [False, False, True]
    assert not (await session.get("/api/auth/me")).json()["signed_in"]
    assert chosen.json()["new_api_key"] == "a-key-of-my-own!"
    assert await is_somebody(house, "a-key-of-my-own!")


async def test_only_an_administrator_s_key_is_rotated(house: Api) -> None:
    await created(house, "alice", "user")
    codes = [
        (await house.post(f"/api/admin/users/{name}/rotate-key")).status_code
        for name in ("alice", "x", "admin")
    ]

    assert codes == [404, 404, 404]


async def test_own_keys_are_several_with_names_and_ends(house: Api) -> None:
    alice = house.bearer(await created(house, "alice", "user"))
    made = (await alice.post("/api/user/keys", json={"name": " nightly ", "expires_at": "2999-01-01"})).json()
    nightly = house.bearer(made["api_key"])
    session = nightly.visitor()
    await session.post("/api/auth/login", json={"username": "alice", "api_key": made["api_key"]})
    await nightly.get("/results")
    await house.services.presence.settle()
    keys = (await alice.get("/api/user/keys")).json()["keys"]
    (mine,) = [one for one in keys if one["id"] == made["id"]]
    gone = await alice.delete(f"/api/user/keys/{made['id']}")
    again = await alice.delete(f"/api/user/keys/{made['id']}")

    assert (mine["name"], mine["expires_at"]) == ("nightly", "2999-01-01T00:00:00.000Z")
    assert made["api_key"].startswith(mine["prefix"])
    assert mine["last_used"]
    assert "api_key" not in mine
    assert (gone.status_code, again.status_code) == (200, 404)
    assert not (await session.get("/api/auth/me")).json()["signed_in"]
    assert (await alice.get("/api/auth/me")).json()["signed_in"]


async def test_a_key_of_another_user_cannot_be_deleted(house: Api) -> None:
    alice = house.bearer(await created(house, "alice", "user"))
    bob = house.bearer(await created(house, "bob", "user"))
    (key,) = (await bob.get("/api/user/keys")).json()["keys"]
    reply = await alice.delete(f"/api/user/keys/{key['id']}")

    assert reply.status_code == 404
    assert (await bob.get("/api/auth/me")).json()["signed_in"]


async def test_the_administrator_of_the_setting_has_no_keys_and_saves_no_tokens(house: Api) -> None:
    key = await house.post("/api/user/keys", json={"name": "x"})
    saved = await house.put("/api/user/tokens", json={"github_token": "x"})
    tokens = await house.get("/api/user/tokens")

    assert (key.status_code, saved.status_code, tokens.status_code) == (404, 404, 200)
    assert tokens.json() == {"github_token": "", "jira_email": "", "jira_token": ""}


async def test_an_administrator_keeps_a_key_that_lasts_even_against_two_requests_at_once(house: Api) -> None:
    first = await created(house, "boss")
    boss = house.bearer(first)
    await boss.post("/api/user/keys", json={"name": "second"})
    await boss.post("/api/user/keys", json={"name": "ends", "expires_at": "2999-01-01"})
    keys = (await boss.get("/api/user/keys")).json()["keys"]
    lasting = [one["id"] for one in keys if one["expires_at"] is None]
    replies = await asyncio.gather(*(boss.client.delete(f"/api/user/keys/{one}") for one in lasting))

    # The second request may find that its own key, the one it was sent with, is gone by then.
    codes = [one.status_code for one in replies]
    assert codes.count(200) == 1
    assert set(codes) <= {200, 401, 409}


async def test_an_administrator_shuts_a_user_out_and_lets_them_in_again(house: Api) -> None:
    key = await created(house, "alice", "user")
    await created(house, "boss")
    session = house.visitor()
    await session.post("/api/auth/login", json={"username": "alice", "api_key": key})
    sessions = (await house.delete("/api/admin/users/alice/sessions")).json()
    alone = (await session.get("/api/auth/me")).json()["signed_in"], await is_somebody(house, key)
    keys = (await house.delete("/api/admin/users/alice/keys")).json()
    shut_out = await is_somebody(house, key)
    issued = (await house.post("/api/admin/users/alice/keys", json={"name": "again"})).json()["api_key"]
    boss = await house.delete("/api/admin/users/boss/keys")
    nobody = await house.delete("/api/admin/users/nobody/sessions")

    assert sessions == keys == {"username": "alice", "revoked": 1}
    assert alone == (False, True)
    assert not shut_out
    assert await is_somebody(house, issued)
    assert (boss.status_code, nobody.status_code) == (409, 404)


async def test_saved_tokens_are_one_s_own_and_blank_ones_change_nothing(house: Api) -> None:
    alice = house.bearer(await created(house, "alice", "user"))
    bob = house.bearer(await created(house, "bob", "user"))
    await alice.put("/api/user/tokens", json={"github_token": "ghp_1", "jira_token": "j"})
    saved = await alice.put("/api/user/tokens", json={"github_token": " ", "jira_email": "a@example.com"})
    mine, theirs = await alice.get("/api/user/tokens"), await bob.get("/api/user/tokens")
    cleared = await alice.delete("/api/user/tokens/github_token")
    again = await alice.delete("/api/user/tokens/github_token")
    unknown = await alice.delete("/api/user/tokens/password")
    after = (await alice.get("/api/user/tokens")).json()

    assert saved.json() == {"ok": True}
    assert mine.json() == {"github_token": "ghp_1", "jira_email": "a@example.com", "jira_token": "j"}
    assert mine.headers["cache-control"] == "no-store"
    assert set(theirs.json().values()) == {""}
    assert (cleared.status_code, again.status_code, unknown.status_code) == (200, 200, 404)
    assert after == {"github_token": "", "jira_email": "a@example.com", "jira_token": "j"}


async def test_what_was_saved_with_another_encryption_key_is_empty_not_ciphertext(house: Api) -> None:
    alice = house.bearer(await created(house, "alice", "user"))
    await alice.put("/api/user/tokens", json={"github_token": "ghp_1", "jira_token": "j"})
    async with house.services.database.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE user_tokens SET sealed = (SELECT sealed FROM user_tokens WHERE name = 'jira_token')"
        )
    reply = await alice.get("/api/user/tokens")

    assert reply.json() == {"github_token": "", "jira_email": "", "jira_token": "j"}


async def test_the_audit_log_tells_who_did_what_and_from_where(house: Api) -> None:
    place = "198.51.100.9"
    admin = house.bearer(ADMIN_KEY, place)
    key = await created(admin, "alice", "user")
    await admin.put("/api/admin/users/alice/role", json={"role": "admin"})
    visitor = house.visitor(place)
    await visitor.post("/api/auth/login", json={"username": "alice", "api_key": key})
    await visitor.post("/api/auth/login", json={"username": key, "api_key": "alice"})
    analysis = (
        await admin.analyze({"failures": [{"test_name": "t", "error_message": "ValueError: x"}]})
    ).json()
    await admin.delete(f"/results/{analysis['job_id']}")
    lines = (await house.get(f"/api/admin/audit?address={place}")).json()["entries"]
    whole = (await house.get("/api/admin/audit?limit=500")).text

    told = [(one["actor"], one["action"], one["target"], one["outcome"]) for one in reversed(lines)]
    assert told == [
        ("admin", "user_created", "alice", "ok"),
        ("admin", "role_changed", "alice", "ok"),
        ("alice", "sign_in", "", "ok"),
        ("(a key)", "sign_in", "", "failed"),
        ("admin", "result_deleted", analysis["job_id"], "ok"),
    ]
    assert key not in whole


async def test_the_audit_log_is_read_page_by_page_and_filtered(house: Api) -> None:
    for name in ("u1", "u2", "u3"):
        await created(house, name)
    first = (await house.get("/api/admin/audit?limit=2&action=user_created")).json()
    rest = (await house.get(f"/api/admin/audit?limit=2&before={first['next_before']}")).json()
    one = (await house.get("/api/admin/audit?target=u2&actor=admin&outcome=ok&start_date=2020-01-01")).json()
    none = (await house.get("/api/admin/audit?end_date=2020-01-01")).json()
    wrong = [
        (await house.get(f"/api/admin/audit?{query}")).status_code
        for query in ("limit=0", "limit=501", "before=0", "action=x", "start_date=x", "before=" + "9" * 30)
    ]

    assert [line["target"] for line in first["entries"] + rest["entries"]] == ["u3", "u2", "u1"]
    assert rest["next_before"] is None
    assert [line["target"] for line in one["entries"]] == ["u2"]
    assert none == {"entries": [], "next_before": None}
    assert wrong == [422] * 6


async def test_whoever_is_named_is_tracked_and_may_be_promoted(house: Api) -> None:
    await house.visitor(Cookie="rootcoz_username=jos%C3%A9").get("/results")
    await house.services.presence.settle()
    users = await listed(house)
    promoted = await house.put("/api/admin/users/jos%C3%A9/role", json={"role": "admin"})

    assert (users["josé"]["role"], bool(users["josé"]["last_seen"])) == ("user", True)
    assert promoted.json()["username"] == "josé"
