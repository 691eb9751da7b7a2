"""Metadata of jobs over the API."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.in_process import ADMIN, Api, running_api

RULES = r"""
- {pattern: "folder/*", labels: foldered}
- {pattern: '(?P<team>[a-z]+)-(?P<version>[0-9.]+)', tier: gold}
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    folder = tmp_path_factory.mktemp("data")
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    async with running_api(folder, metadata_rules_file=folder / "rules.yaml") as api:
        yield api


async def put(api: Api, job: str, body: object) -> dict[str, object]:
    response = await api.request("PUT", f"/api/jobs/{job}/metadata", headers=ADMIN, json=body)
    assert response.status_code == 200, response.text
    changed: dict[str, object] = response.json()
    return changed


async def test_what_is_not_sent_is_kept_and_null_clears(api: Api) -> None:
    first = await put(api, "folder/sub/keeps", {"team": "net", "tier": "gold", "labels": ["b", "a", "b"]})
    second = await put(api, "folder/sub/keeps", {"tier": None, "version": "4.18"})
    third = await put(api, "folder/sub/keeps", {"labels": []})
    read = (await api.get("/api/jobs/folder/sub/keeps/metadata")).json()

    assert first == {
        "job_name": "folder/sub/keeps",
        "team": "net",
        "tier": "gold",
        "version": None,
        "labels": ["b", "a"],
    }
    assert second == {**first, "tier": None, "version": "4.18"}
    assert third == read == {**second, "labels": []}


async def test_jobs_are_filtered_by_value_and_by_all_labels(api: Api) -> None:
    await put(api, "filter/one", {"team": "f", "labels": ["nightly", "smoke"]})
    await put(api, "filter/two", {"team": "f", "labels": ["nightly"]})
    await put(api, "filter/three", {"team": "F", "labels": ["nightly", "smoke"]})
    both = (await api.get("/api/jobs/metadata?team=f&label=nightly&label=smoke")).json()
    team = (await api.get("/api/jobs/metadata?team=f")).json()

    assert [job["job_name"] for job in both] == ["filter/one"]
    assert [job["job_name"] for job in team] == ["filter/one", "filter/two"]


async def test_a_bulk_import_replaces_and_the_last_of_a_name_counts(api: Api) -> None:
    await put(api, "bulk/a", {"team": "old", "labels": ["x"]})
    items = [
        {"job_name": "bulk/a", "tier": "t"},
        {"job_name": "bulk/b"},
        {"job_name": "bulk/a", "version": "v"},
    ]
    response = await api.request("PUT", "/api/jobs/metadata/bulk", headers=ADMIN, json={"items": items})

    assert response.json() == {"updated": 3}
    assert (await api.get("/api/jobs/bulk/a/metadata")).json() == {
        "job_name": "bulk/a",
        "team": None,
        "tier": None,
        "version": "v",
        "labels": [],
    }


@pytest.mark.parametrize(
    "items", [[], [{"job_name": " "}], [{"job_name": "x"}] * 1001, [{"job_name": "x", "labels": None}], [{}]]
)
async def test_a_bulk_import_that_makes_no_sense_changes_nothing(api: Api, items: object) -> None:
    response = await api.request("PUT", "/api/jobs/metadata/bulk", headers=ADMIN, json={"items": items})

    assert response.status_code == 422
    assert (await api.get("/api/jobs/x/metadata")).status_code == 404


async def test_labels_cannot_be_null(api: Api) -> None:
    response = await api.request("PUT", "/api/jobs/any/metadata", headers=ADMIN, json={"labels": None})

    assert response.status_code == 422


async def test_what_is_deleted_is_gone(api: Api) -> None:
    await put(api, "gone", {"team": "x"})
    deleted = await api.delete("/api/jobs/gone/metadata", headers=ADMIN)
    again = await api.delete("/api/jobs/gone/metadata", headers=ADMIN)

    assert deleted.json() == {"status": "deleted", "job_name": "gone"}
    assert again.status_code == (await api.get("/api/jobs/gone/metadata")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/jobs/a/metadata"), ("DELETE", "/api/jobs/a/metadata"), ("PUT", "/api/jobs/metadata/bulk")],
)
async def test_only_administrators_change_it(api: Api, method: str, path: str) -> None:
    response = await api.request(method, path, json={"items": [{"job_name": "a"}]})

    assert response.status_code == 403


async def test_the_rules_are_shown_without_what_they_do_not_say(api: Api) -> None:
    assert (await api.get("/api/jobs/metadata/rules")).json() == {
        "rules_file": "rules.yaml",
        "rules": [
            {"pattern": "folder/*", "labels": ["foldered"]},
            {"pattern": "(?P<team>[a-z]+)-(?P<version>[0-9.]+)", "tier": "gold"},
        ],
    }


async def test_a_preview_stores_nothing(api: Api) -> None:
    hit = await api.request("POST", "/api/jobs/metadata/rules/preview", json={"job_name": " net-4.18 "})
    miss = await api.request("POST", "/api/jobs/metadata/rules/preview", json={"job_name": "Nothing"})
    blank = await api.request("POST", "/api/jobs/metadata/rules/preview", json={"job_name": " "})

    assert hit.json() == {
        "job_name": "net-4.18",
        "matched": True,
        "metadata": {"job_name": "net-4.18", "team": "net", "tier": "gold", "version": "4.18", "labels": []},
    }
    assert miss.json() == {"job_name": "Nothing", "matched": False, "metadata": None}
    assert blank.status_code == 422
    assert (await api.get("/api/jobs/net-4.18/metadata")).status_code == 404


async def test_two_people_who_set_different_fields_lose_nothing(api: Api) -> None:
    await asyncio.gather(
        *(put(api, "both", {field: str(number)}) for number, field in enumerate(("team", "tier", "version")))
    )
    stored = (await api.get("/api/jobs/both/metadata")).json()

    assert (stored["team"], stored["tier"], stored["version"]) == ("0", "1", "2")


async def test_a_name_that_is_longer_than_an_index_takes_is_stored(api: Api) -> None:
    name = "ü" * 1_900
    await put(api, name, {"team": "x"})

    assert (await api.get(f"/api/jobs/{name}/metadata")).json()["job_name"] == name
