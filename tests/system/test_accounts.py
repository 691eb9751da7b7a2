"""Accounts on a real server, with real connections."""

from pathlib import Path

from tests.support.server import running_server

KEY = "correct-horse-battery"


def test_keys_and_sessions_outlive_a_restart_and_nobody_makes_up_an_address(tmp_path: Path) -> None:
    settings = {"ADMIN_KEY": KEY, "SECURE_COOKIES": "false"}
    admin = {"Authorization": f"Bearer {KEY}"}
    with running_server(tmp_path, settings) as server:
        made = server.client.post("/api/admin/users", json={"username": "boss"}, headers=admin).json()
        login = {"username": "boss", "api_key": made["api_key"]}
        server.client.post("/api/auth/login", json=login).raise_for_status()
        session = server.client.cookies["rootcoz_session"]
        wrong = server.client.post(
            "/api/auth/login",
            json={**login, "api_key": "wrong"},
            headers={"X-Forwarded-For": "203.0.113.5", "X-Forwarded-User": "boss"},
        )
        server.kill()
    with running_server(tmp_path, {"AUTH_MODE": "required"}) as server:
        by_session = server.client.get(
            "/api/auth/me", headers={"Cookie": f"rootcoz_session={session}"}
        ).json()
        by_key = {"Authorization": f"Bearer {made['api_key']}"}
        failed = server.client.get("/api/admin/audit?outcome=failed", headers=by_key).json()["entries"]

    assert wrong.status_code == 401
    assert by_session["is_admin"]
    assert [line["address"] for line in failed] == ["127.0.0.1"]
