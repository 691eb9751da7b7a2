"""Names and addresses that a proxy tells."""

from pathlib import Path

import pytest
from tests.support.in_process import ADMIN_KEY, Api, running_api

PROXY, STRANGER = "10.1.2.3", "198.51.100.7"
TRUSTING = {"trust_proxy_headers": True, "trusted_proxies": ("10.0.0.0/8",)}


async def name(api: Api, address: str, **headers: str) -> str:
    reply = await api.visitor(address, **headers).get("/api/auth/me")
    return str(reply.json()["username"])


async def test_only_a_trusted_proxy_is_believed(tmp_path: Path) -> None:
    async with running_api(tmp_path, **TRUSTING) as api:
        trusted = await name(api, PROXY, X_Forwarded_User="alice")
        stranger = await name(api, STRANGER, X_Forwarded_User="alice")
        loopback = await name(api, "127.0.0.1", X_Forwarded_User="alice")

    assert (trusted, stranger, loopback) == ("alice", "", "")


async def test_without_a_list_this_machine_is_trusted(tmp_path: Path) -> None:
    async with running_api(tmp_path, trust_proxy_headers=True) as api:
        here = await name(api, "127.0.0.1", X_Forwarded_User="alice")
        there = await name(api, PROXY, X_Forwarded_User="alice")

    assert (here, there) == ("alice", "")


async def test_without_the_setting_no_proxy_is_trusted(tmp_path: Path) -> None:
    async with running_api(tmp_path, trusted_proxies=("10.0.0.0/8",)) as api:
        nobody = await name(api, PROXY, X_Forwarded_User="alice")

    assert nobody == ""


@pytest.mark.parametrize("forwarded", ["admin", "ADMIN", " Admin", "a\x7fb"])
async def test_a_proxy_never_makes_anybody_admin(tmp_path: Path, forwarded: str) -> None:
    async with running_api(tmp_path, **TRUSTING) as api:
        visitor = api.visitor(PROXY, X_Forwarded_User=forwarded)
        users = await visitor.get("/api/admin/users")
        tokens = await visitor.get("/api/user/tokens")
        sessions = await visitor.get("/api/auth/sessions")

    assert (users.status_code, tokens.status_code, sessions.status_code) == (403, 401, 401)


async def test_a_name_told_twice_is_no_name(tmp_path: Path) -> None:
    async with running_api(tmp_path, **TRUSTING) as api:
        twice = [("X-Forwarded-User", "alice"), ("X-Forwarded-User", "boss")]
        reply = await api.visitor(PROXY).get("/api/auth/me", headers=twice)

    assert reply.json()["username"] == ""


async def test_a_proxy_s_user_is_proven_from_the_first_request_on(tmp_path: Path) -> None:
    async with running_api(tmp_path, auth_mode="required", admin_key=None, **TRUSTING) as api:
        alice = api.visitor(PROXY, X_Forwarded_User="alice")
        saved = await alice.put("/api/user/tokens", json={"jira_email": "alice@example.com"})
        tokens = (await alice.get("/api/user/tokens")).json()
        made = await alice.post("/api/user/keys", json={"name": "script"})
        by_key = await api.bearer(made.json()["api_key"], STRANGER).get("/results")
        newcomer = api.visitor(PROXY, X_Forwarded_User="bob")
        sessions = (await newcomer.get("/api/auth/sessions")).json()["sessions"]

    assert saved.status_code == 200
    assert tokens == {"github_token": "", "jira_email": "alice@example.com", "jira_token": ""}
    assert by_key.status_code == 200
    assert sessions == []


async def test_a_proxy_s_newcomer_does_not_see_the_administrator_s_sessions(tmp_path: Path) -> None:
    async with running_api(tmp_path, **TRUSTING) as api:
        await api.visitor().post("/api/auth/login", json={"username": "admin", "api_key": ADMIN_KEY})
        (session,) = (await api.bearer(ADMIN_KEY).get("/api/auth/sessions")).json()["sessions"]
        newcomer = api.visitor(PROXY, X_Forwarded_User="bob")
        seen = (await newcomer.get("/api/auth/sessions")).json()["sessions"]
        ended = await newcomer.delete(f"/api/auth/sessions/{session['id']}")

    assert seen == []
    assert ended.status_code == 404


async def test_a_stored_administrator_whom_the_proxy_names_is_one(tmp_path: Path) -> None:
    async with running_api(tmp_path, **TRUSTING) as api:
        await api.bearer(ADMIN_KEY).post("/api/admin/users", json={"username": "boss"})
        users = await api.visitor(PROXY, X_Forwarded_User="Boss").get("/api/admin/users")

    assert users.status_code == 200


async def test_limits_and_the_audit_log_go_by_the_client_s_address(tmp_path: Path) -> None:
    async with running_api(tmp_path, **TRUSTING) as api:
        wrong = {"username": "admin", "api_key": "wrong"}
        one = api.visitor(PROXY, X_Forwarded_For=f"1.1.1.1, {STRANGER}")
        codes = [(await one.post("/api/auth/login", json=wrong)).status_code for _ in range(11)]
        other = api.visitor(PROXY, X_Forwarded_For="198.51.100.8")
        right = await other.post("/api/auth/login", json={"username": "admin", "api_key": ADMIN_KEY})
        log = (await api.bearer(ADMIN_KEY).get(f"/api/admin/audit?address={STRANGER}")).json()["entries"]

    assert codes == [401] * 10 + [429]
    assert right.status_code == 200
    assert [line["outcome"] for line in log] == ["refused"] + ["failed"] * 10
