"""Section Auth with the real application: keys, sessions, cookies, and what each of them proves."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text
from tests.support.in_process import ADMIN_KEY, Api, running_api

from rootcoz.features.sign_in import SIGN_IN_LIMIT


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(tmp_path) as api:
        yield api


async def user_key(api: Api, username: str, role: str = "user") -> str:
    """The key of a new user."""
    reply = await api.bearer(ADMIN_KEY).post("/api/admin/users", json={"username": username, "role": role})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["api_key"])


async def signed_in(api: Api, username: str, key: str, address: str = "127.0.0.1") -> Api:
    """A browser with a session."""
    visitor = api.visitor(address)
    reply = await visitor.post("/api/auth/login", json={"username": username, "api_key": key})
    assert reply.status_code == 200, reply.text
    return visitor


def cookie(reply: httpx2.Response, name: str) -> str:
    """The line that sets the cookie, in small letters."""
    (line,) = [one for one in reply.headers.get_list("set-cookie") if one.startswith(f"{name}=")]
    return line.lower()


async def test_the_administrator_s_key_signs_in_and_out(house: Api) -> None:
    visitor = house.visitor()
    reply = await visitor.post("/api/auth/login", json={"username": "admin", "api_key": ADMIN_KEY})
    inside = (await visitor.get("/api/auth/me")).json()
    out = await visitor.post("/api/auth/logout")
    outside = (await visitor.get("/api/auth/me")).json()

    assert reply.json() == {"username": "admin", "role": "admin", "is_admin": True}
    assert inside == {"username": "admin", "role": "admin", "is_admin": True, "signed_in": True}
    assert out.json() == {"ok": True}
    assert outside == {"username": "", "role": "user", "is_admin": False, "signed_in": False}


async def test_the_cookies_are_as_documented(house: Api) -> None:
    key = await user_key(house, "alice")
    alice = await house.visitor().post("/api/auth/login", json={"username": "alice", "api_key": key})
    admin = await house.visitor().post("/api/auth/login", json={"username": "admin", "api_key": ADMIN_KEY})

    session, name = cookie(alice, "rootcoz_session"), cookie(alice, "rootcoz_username")
    assert {"httponly", "secure", "samesite=strict", "max-age=28800", "path=/"} <= set(session.split("; "))
    assert {"rootcoz_username=alice", "secure", "samesite=lax", "max-age=31536000"} <= set(name.split("; "))
    assert "httponly" not in name
    assert "rootcoz_username" not in str(admin.headers.get_list("set-cookie"))


async def test_without_tls_the_cookies_can_be_had_without_secure(tmp_path: Path) -> None:
    async with running_api(tmp_path, secure_cookies=False) as api:
        reply = await api.visitor().post("/api/auth/login", json={"username": "admin", "api_key": ADMIN_KEY})

    assert "secure" not in cookie(reply, "rootcoz_session").split("; ")


async def test_another_user_s_key_does_not_sign_in(house: Api) -> None:
    key = await user_key(house, "alice")
    await user_key(house, "bob")
    reply = await house.visitor().post("/api/auth/login", json={"username": "bob", "api_key": key})

    assert reply.status_code == 401


async def test_a_stored_key_says_who_asks_and_what_they_may_do(house: Api) -> None:
    alice = house.bearer(await user_key(house, "alice"))
    boss = house.bearer(await user_key(house, "boss", "admin"))

    assert (await alice.get("/api/auth/me")).json() == {
        "username": "alice",
        "role": "user",
        "is_admin": False,
        "signed_in": True,
    }
    assert (await boss.get("/api/auth/me")).json()["is_admin"]
    assert (await alice.get("/api/admin/users")).status_code == 403
    assert (await boss.get("/api/admin/users")).status_code == 200


async def test_a_session_comes_before_a_key_and_a_key_before_a_name(house: Api) -> None:
    key = await user_key(house, "alice")
    visitor = await signed_in(house, "admin", ADMIN_KEY)
    both = await visitor.get("/api/auth/me", headers={"Authorization": f"Bearer {key}"})
    named = await house.bearer(key).get("/api/auth/me", headers={"Cookie": "rootcoz_username=bob"})

    assert (both.json()["username"], named.json()["username"]) == ("admin", "alice")


async def test_a_plain_cookie_names_somebody_and_proves_nothing(house: Api) -> None:
    key = await user_key(house, "alice", "admin")
    await house.bearer(key).put("/api/user/tokens", json={"github_token": "ghp_alice"})
    imposter = house.visitor(Cookie="rootcoz_username=alice")
    me = (await imposter.get("/api/auth/me")).json()
    tokens = await imposter.get("/api/user/tokens")
    saving = await imposter.put("/api/user/tokens", json={"github_token": "mine"})
    keys = await imposter.post("/api/user/keys", json={"name": "mine"})
    users = await imposter.get("/api/admin/users")
    deletion = await imposter.delete("/results/x")

    assert me == {"username": "alice", "role": "user", "is_admin": False, "signed_in": False}
    assert (tokens.status_code, saving.status_code, keys.status_code) == (401, 401, 401)
    assert (users.status_code, deletion.status_code) == (403, 403)
    assert "ghp_alice" not in tokens.text


async def test_own_sessions_are_listed_and_ended(house: Api) -> None:
    key = await user_key(house, "alice")
    here, there = await signed_in(house, "alice", key), await signed_in(house, "alice", key, "192.0.2.9")
    stranger = await signed_in(house, "admin", ADMIN_KEY)
    listed = (await here.get("/api/auth/sessions")).json()["sessions"]
    (other,) = [one for one in listed if not one["current"]]
    foreign = await stranger.delete(f"/api/auth/sessions/{other['id']}")
    ended = await here.delete(f"/api/auth/sessions/{other['id']}")
    again = await here.delete(f"/api/auth/sessions/{other['id']}")

    assert [one["address"] for one in listed if one["current"]] == ["127.0.0.1"]
    assert other["address"] == "192.0.2.9"
    assert (foreign.status_code, ended.status_code, again.status_code) == (404, 200, 404)
    assert not (await there.get("/api/auth/me")).json()["signed_in"]
    assert (await here.get("/api/auth/me")).json()["signed_in"]


async def test_neither_tokens_of_sessions_nor_keys_stand_in_the_database(house: Api) -> None:
    key = await user_key(house, "alice")
    alice = await signed_in(house, "alice", key)
    await alice.put("/api/user/tokens", json={"github_token": "ghp_verysecret"})
    token = alice.client.cookies["rootcoz_session"]
    async with house.services.database.write() as connection:
        await connection.execute(text("SELECT 1"))
    stored = b"".join(
        file.read_bytes() for file in house.data_dir.iterdir() if file.name.startswith("rootcoz.sqlite3")
    )

    assert b"alice" in stored
    for secret in (key, token, "ghp_verysecret", ADMIN_KEY):
        assert secret.encode() not in stored


async def test_too_many_wrong_keys_close_the_door_with_the_time_to_wait(house: Api) -> None:
    body = {"username": "admin", "api_key": "wrong"}
    attacker = house.visitor("198.51.100.1")
    replies = [await attacker.post("/api/auth/login", json=body) for _ in range(SIGN_IN_LIMIT + 2)]
    right = await attacker.post("/api/auth/login", json={"username": "admin", "api_key": ADMIN_KEY})
    elsewhere = await house.visitor("198.51.100.2").post(
        "/api/auth/login", json={"username": "admin", "api_key": ADMIN_KEY}
    )

    assert [one.status_code for one in replies] == [401] * SIGN_IN_LIMIT + [429] * 2
    assert right.status_code == 429
    assert 1 <= int(right.headers["retry-after"]) <= 300
    assert elsewhere.status_code == 200


async def test_wrong_keys_in_the_header_close_the_door_for_guessable_keys_only(
    house: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rootcoz.features.sign_in.BEARER_LIMIT", 3)
    key = await user_key(house, "alice")
    place = "198.51.100.3"
    wrong = [await house.bearer(f"wrong {n}", place).get("/results") for n in range(5)]
    guessable = await house.bearer(ADMIN_KEY, place).get("/results")
    random = await house.bearer(key, place).get("/results")
    elsewhere = await house.bearer(ADMIN_KEY).get("/results")
    me = await house.bearer("wrong", place).get("/api/auth/me")

    assert [one.status_code for one in wrong] == [200, 200, 200, 200, 429]
    assert (guessable.status_code, random.status_code, elsewhere.status_code) == (429, 200, 200)
    assert me.status_code == 200


async def test_attempts_at_the_same_moment_do_not_slip_past_the_limit(house: Api) -> None:
    visitor = house.visitor("198.51.100.4")
    body = {"username": "carol", "api_key": "wrong"}
    replies = await asyncio.gather(*(visitor.post("/api/auth/login", json=body) for _ in range(30)))

    codes = [one.status_code for one in replies]
    assert (codes.count(401), codes.count(429)) == (SIGN_IN_LIMIT, 30 - SIGN_IN_LIMIT)


async def test_a_page_of_another_site_cannot_use_the_session(house: Api) -> None:
    visitor = await signed_in(house, "admin", ADMIN_KEY)
    evil = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    refused = await visitor.post("/api/admin/users", json={"username": "mallory"}, headers=evil)
    own = {"Origin": "https://rootcoz.test", "Sec-Fetch-Site": "same-origin"}
    done = await visitor.post("/api/admin/users", json={"username": "alice"}, headers=own)

    assert refused.status_code == 403
    assert "another site" in refused.json()["detail"]
    assert done.status_code == 200


async def test_on_a_closed_server_signing_in_is_the_way_in(tmp_path: Path) -> None:
    async with running_api(tmp_path, auth_mode="required") as api:
        stranger = api.visitor(Cookie="rootcoz_username=alice")
        me, closed = await stranger.get("/api/auth/me"), await stranger.get("/results")
        visitor = await signed_in(api, "admin", ADMIN_KEY)
        opened = await visitor.get("/results")
        await visitor.post("/api/auth/logout")
        after = await visitor.get("/results")

    assert (me.status_code, closed.status_code, opened.status_code, after.status_code) == (200, 401, 200, 401)


def test_a_session_of_the_administrator_ends_with_the_key_it_was_begun_with(tmp_path: Path) -> None:
    async def begin() -> str:
        async with running_api(tmp_path) as api:
            visitor = await signed_in(api, "admin", ADMIN_KEY)
            return str(visitor.client.cookies["rootcoz_session"])

    async def is_admin(token: str, key: str | None) -> bool:
        async with running_api(tmp_path, admin_key=key) as api:
            reply = await api.visitor(Cookie=f"rootcoz_session={token}").get("/api/auth/me")
            return bool(reply.json()["is_admin"])

    # A loop for each server: the durable engine takes the loop's threads along when it ends.
    token = asyncio.run(begin())
    answers = [asyncio.run(is_admin(token, key)) for key in (ADMIN_KEY, "another-key-for-the-house", None)]

    assert answers == [True, False, False]
