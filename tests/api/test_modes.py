"""Servers set up in other ways: one application after the other."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import slow_provider
from tests.support.in_process import ADMIN, ADMIN_KEY, running_api

from rootcoz.settings import SettingsError

FAILURES = {
    "failures": [{"test_name": f"t{word}", "error_message": f"ValueError: {word} is bad"} for word in "abcd"]
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/results"),
        ("HEAD", "/results"),
        ("OPTIONS", "/results"),
        ("GET", "/results/x"),
        ("DELETE", "/results/x"),
        ("POST", "/analyze-failures"),
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/docs/assets/swagger-ui.css"),
        ("GET", "/openapi.json"),
        ("GET", "/no/such/path"),
        ("GET", "/health/"),
        ("GET", "/health/../results"),
        ("GET", "//health"),
        ("GET", "/Health"),
        ("GET", "/health%2f..%2fresults"),
    ],
)
async def test_a_closed_server_answers_nothing_without_a_key(closed: Any, method: str, path: str) -> None:  # noqa: ANN401 - a client
    response = await closed.client.request(method, path)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.fixture
async def closed(tmp_path: Path) -> Any:  # noqa: ANN401 - a generator of clients
    async with running_api(tmp_path, auth_mode="required") as api:
        yield api


async def test_a_closed_server_tells_its_health_and_opens_with_the_key(tmp_path: Path) -> None:
    async with running_api(tmp_path, auth_mode="required") as api:
        health = await api.get("/health")
        docs = await api.get("/openapi.json", headers=ADMIN)
        analysis = await api.analyze(FAILURES, headers=ADMIN)
        cookie = await api.client.get("/results", headers={"Cookie": "rootcoz_username=admin"})

    assert (health.status_code, docs.status_code, analysis.status_code) == (200, 200, 200)
    assert cookie.status_code == 401


async def test_a_server_without_an_administrator_says_how_to_get_one(tmp_path: Path) -> None:
    async with running_api(tmp_path, admin_key=None) as api:
        response = await api.delete("/results/x", headers=ADMIN)

    assert response.status_code == 403
    assert "ADMIN_KEY" in response.json()["detail"]


async def test_a_key_beyond_ascii_opens_the_server_it_was_set_for(tmp_path: Path) -> None:
    key = "schlüssel-für-das-haus"
    async with running_api(tmp_path, admin_key=key) as api:
        right = await api.delete("/results/x", headers={"Authorization": f"Bearer {key}".encode()})

    assert right.status_code == 404


async def test_an_allow_list_lets_the_listed_and_the_administrator_change_things(tmp_path: Path) -> None:
    async with running_api(tmp_path, allowed_users=("Alice", "josé")) as api:
        nobody = await api.analyze(FAILURES)
        other = await api.analyze(FAILURES, headers={"Cookie": "rootcoz_username=bob"})
        listed = await api.analyze(FAILURES, headers={"Cookie": "rootcoz_username=alice"})
        encoded = await api.analyze(FAILURES, headers={"Cookie": "rootcoz_username=jos%C3%A9"})
        administrator = await api.analyze(FAILURES, headers=ADMIN)
        reading = await api.get("/results")

    assert (nobody.status_code, other.status_code) == (403, 403)
    assert (listed.status_code, encoded.status_code, administrator.status_code) == (200, 200, 200)
    assert len(reading.json()) == 3


async def test_links_are_made_from_the_configured_address_alone(tmp_path: Path) -> None:
    async with running_api(tmp_path, public_base_url="https://ci.example.com/rootcoz/") as api:
        response = await api.analyze(
            FAILURES,
            headers={"Host": "evil.test", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "ftp"},
        )
        body = response.json()
        stored = (await api.get(f"/results/{body['job_id']}")).json()

    assert body["base_url"] == "https://ci.example.com/rootcoz"
    assert body["result_url"] == f"https://ci.example.com/rootcoz/results/{body['job_id']}"
    assert stored["result_url"] == body["result_url"]


async def test_a_running_analysis_is_202_with_what_is_known_so_far(tmp_path: Path) -> None:
    settings = slow_provider(tmp_path / "log", 0.6)
    async with running_api(tmp_path / "data", max_concurrent_ai_calls=2, **settings) as api:
        job_id = await api.submit(FAILURES)
        async with asyncio.timeout(30):
            body: dict[str, Any] = {"result": {}}
            while not body["result"].get("groups_answered"):
                body = (await api.get(f"/results/{job_id}")).json()
                await asyncio.sleep(0.02)
        health = await api.get("/health")
        listed = (await api.get("/results")).json()
        finished = await api.finished(job_id)

    assert (body["status"], body["completed_at"]) == ("running", None)
    assert body["analysis_started_at"]
    assert body["result"]["groups_total"] == 4
    assert body["result"]["progress_phase"] == "analyzing_failures"
    assert body["result"]["progress_log"][0]["timestamp"] > 1.7e9
    assert health.status_code == 200
    assert listed[0]["status"] == "running"
    assert finished["result"]["token_usage"]["total_calls"] == 4


async def test_a_running_analysis_is_stopped_and_deleted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with running_api(tmp_path / "data", **slow_provider(log, 30)) as api:
        waiting = asyncio.create_task(api.analyze(FAILURES))
        async with asyncio.timeout(30):
            while not log.exists():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        job_id = (await api.get("/results")).json()[0]["job_id"]
        deleted = await api.delete(f"/results/{job_id}", headers=ADMIN)
        async with asyncio.timeout(15):
            answer = await waiting
        gone = await api.get(f"/results/{job_id}")

    assert deleted.status_code == 200
    assert (answer.status_code, gone.status_code) == (404, 404)
    assert "deleted" in answer.json()["detail"]
    assert "done" not in log.read_text()


async def test_two_users_at_once_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async with running_api(tmp_path / "data", **slow_provider(tmp_path / "log", 3)) as api:
        slow = asyncio.create_task(api.analyze({"failures": FAILURES["failures"][:1]}))
        quick = await api.analyze({**FAILURES, "ai_provider": "builtin"})
        first = slow.done()
        answer = await slow

    assert not first
    assert (quick.json()["ai_provider"], answer.json()["ai_provider"]) == ("builtin", "command")


async def test_a_failed_analysis_is_200_and_says_why(tmp_path: Path) -> None:
    settings = {"ai_provider": "command", "ai_command": ("sh", "-c", "echo no credit left >&2; exit 3")}
    async with running_api(tmp_path / "data", **settings) as api:
        answer = await api.analyze(FAILURES)
        stored = await api.get(f"/results/{answer.json()['job_id']}")

    assert (answer.status_code, stored.status_code) == (200, 200)
    assert answer.json()["status"] == stored.json()["status"] == "failed"
    for failure in answer.json()["failures"]:
        assert failure["analysis"]["classification"] == ""
        assert failure["analysis"]["no_verdict"]["reason"] == "provider_failed"


async def test_a_large_result_is_streamed_with_its_length(tmp_path: Path) -> None:
    word = "lorem ipsum dolor sit amet " * 40_000
    failures = [{"test_name": f"t{number}", "error_message": f"{number} {word}"} for number in range(9)]
    async with running_api(tmp_path) as api:
        answer = await api.analyze({"failures": failures})
        stored = await api.get(f"/results/{answer.json()['job_id']}")

    assert len(stored.content) > 8_000_000
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert int(stored.headers["content-length"]) == len(stored.content)
    assert stored.json()["result"]["failures"] == answer.json()["failures"]


def test_the_key_of_these_tests_is_long_enough() -> None:
    assert len(ADMIN_KEY) >= 16


async def test_a_server_does_not_start_with_rules_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("- {pattern: '(?P<team>x'}", encoding="utf-8")

    with pytest.raises(SettingsError, match=r"METADATA_RULES_FILE: .*rules\.yaml: rule 1"):
        async with running_api(tmp_path / "data", metadata_rules_file=tmp_path / "rules.yaml"):
            pass
