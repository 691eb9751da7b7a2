"""Reading and deleting stored results, and who may do it."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.in_process import ADMIN, ADMIN_KEY, Api

pytestmark = pytest.mark.asyncio(loop_scope="module")
DATABASES = ("sqlite", "postgresql")

FAILURES = {
    "failures": [{"test_name": f"t{n}", "error_message": f"ValueError: {w}"} for n, w in enumerate("ab")]
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "7b5f0f61-0b1d-4d63-8d7a-4b2d6e5a8d7d"


async def test_times_are_utc_with_z(api: Api) -> None:
    job_id = await api.submit(FAILURES)
    body = await api.finished(job_id)
    listed = (await api.get("/results")).json()

    times = [body["created_at"], body["analysis_started_at"], body["completed_at"], listed[0]["created_at"]]
    assert all(TIME.fullmatch(time) for time in times), times
    assert times[0] <= times[1] <= times[2]


@pytest.mark.parametrize("job_id", [UNKNOWN, "nobody", "...", "%ff", "a%2Fb", "'", "x" * 5000])
async def test_an_unknown_result_is_not_found(api: Api, job_id: str) -> None:
    response = await api.get(f"/results/{job_id}")

    assert response.status_code == 404
    assert isinstance(response.json()["detail"], str)


async def test_the_list_is_newest_first_and_bounded(api: Api) -> None:
    ids = [await api.submit(FAILURES) for _ in range(3)]
    for job_id in ids:
        await api.finished(job_id)

    assert [item["job_id"] for item in (await api.get("/results?limit=2")).json()] == [ids[2], ids[1]]
    assert (await api.get("/results?limit=0")).json() == []
    assert len((await api.get("/results?limit=100")).json()) >= 3
    assert (await api.get("/results?limit=1")).json()[0].keys() == {
        "job_id",
        "jenkins_url",
        "status",
        "created_at",
    }


@pytest.mark.parametrize("limit", ["-1", "101", "many", "", "1.5", "NaN", "9" * 30])
async def test_a_limit_out_of_bounds_is_refused(api: Api, limit: str) -> None:
    response = await api.get(f"/results?limit={limit}")

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["query", "limit"]


async def test_the_review_status_counts_and_is_zero_for_what_does_not_exist(api: Api) -> None:
    job_id = await api.submit(FAILURES)
    await api.finished(job_id)
    counts = (await api.get(f"/results/{job_id}/review-status")).json()
    nobody = await api.get("/results/nobody/review-status")

    assert counts == {"total_failures": 2, "reviewed_count": 0, "comment_count": 0}
    assert nobody.status_code == 200
    assert nobody.json() == {"total_failures": 0, "reviewed_count": 0, "comment_count": 0}


async def test_the_administrator_deletes_a_result_with_all_that_belongs_to_it(api: Api) -> None:
    job_id = await api.submit(FAILURES)
    await api.finished(job_id)
    deleted = await api.delete(f"/results/{job_id}", headers=ADMIN)
    again = await api.delete(f"/results/{job_id}", headers=ADMIN)

    assert (deleted.status_code, deleted.json()) == (200, {"status": "deleted", "job_id": job_id})
    assert again.status_code == 404
    assert (await api.get(f"/results/{job_id}")).status_code == 404
    assert (await api.get(f"/results/{job_id}/review-status")).json()["total_failures"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {ADMIN_KEY}"},
        {"Authorization": ADMIN_KEY},
        {"Authorization": "Bearer "},
        {"Authorization": b"Bearer \xff\xfe"},
        {"Authorization": f"Bearer {ADMIN_KEY}x"},
        {"Cookie": "rootcoz_username=admin"},
        {"Cookie": "rootcoz_username=%61dmin"},
        {"Cookie": f"rootcoz_session={ADMIN_KEY}"},
        {"X-Forwarded-User": "admin"},
    ],
    ids=str,
)
async def test_nobody_else_deletes(api: Api, headers: Any) -> None:  # noqa: ANN401 - httpx2 takes many kinds
    job_id = await api.submit(FAILURES)
    await api.finished(job_id)
    one = await api.delete(f"/results/{job_id}", headers=headers)
    many = await api.delete("/api/results/bulk", headers=headers, json={"job_ids": [job_id]})

    assert (one.status_code, many.status_code) == (403, 403)
    assert ADMIN_KEY not in one.text
    assert (await api.get(f"/results/{job_id}")).status_code == 200


async def test_many_results_are_deleted_at_once_each_once(api: Api) -> None:
    first, second = [await api.submit(FAILURES) for _ in range(2)]
    for job_id in (first, second):
        await api.finished(job_id)
    body = {"job_ids": [second, "nobody", first, second, "nobody"]}
    response = await api.delete("/api/results/bulk", headers=ADMIN, json=body)

    assert response.status_code == 200
    assert response.json() == {
        "deleted": [second, first],
        "failed": [{"job_id": "nobody", "reason": "not found"}],
        "total": 3,
    }


@pytest.mark.parametrize(
    "body",
    [
        {"job_ids": []},
        {"job_ids": ["x"] * 501},
        {"job_ids": "x"},
        {"job_ids": [5]},
        {"job_ids": [None]},
        {"job_ids": [""]},
        {"job_ids": ["a\x00b"]},
        {"job_ids": None},
        {},
        [],
        None,
        "x",
    ],
    ids=lambda body: repr(body)[:40],
)
async def test_a_list_of_job_ids_that_cannot_be_accepted_is_refused(api: Api, body: object) -> None:
    response = await api.delete("/api/results/bulk", headers=ADMIN, json=body)

    assert response.status_code == 422
    assert "input" not in response.json()["detail"][0]


async def test_five_hundred_results_are_not_too_many(api: Api) -> None:
    body = {"job_ids": [f"nobody-{number}" for number in range(500)]}
    response = await api.delete("/api/results/bulk", headers=ADMIN, json=body)

    assert response.status_code == 200
    assert response.json()["total"] == 500


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff", b"[" * 100_000, b'{"job_ids": NaN}', b'{"job_ids": ["\\ud800"]}'],
    ids=lambda c: repr(c[:9]),
)
async def test_a_list_that_is_no_json_is_refused(api: Api, content: bytes) -> None:
    response = await api.delete(
        "/api/results/bulk", headers={**ADMIN, "Content-Type": "application/json"}, content=content
    )

    assert response.status_code in {400, 422}


async def test_a_small_request_may_not_have_a_big_body(api: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 100_000

    declared = await api.delete("/api/results/bulk", headers=ADMIN, content=b" " * 2_000_001)
    chunked = await api.delete("/api/results/bulk", headers=ADMIN, content=pieces())

    assert (declared.status_code, chunked.status_code) == (413, 413)


async def test_a_path_that_does_not_exist_and_a_wrong_method_have_the_shape_of_all_errors(api: Api) -> None:
    nowhere = await api.get("/no/such/path")
    wrong = await api.request("PUT", "/results")

    assert (nowhere.status_code, wrong.status_code) == (404, 405)
    assert isinstance(nowhere.json()["detail"], str)
    assert wrong.headers["allow"]


async def test_the_pages_for_people_need_no_other_server(api: Api) -> None:
    page = await api.get("/docs")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assets = [await api.get(address) for address in addresses]

    assert page.status_code == 200
    assert addresses
    assert all(address.startswith("/") for address in addresses)
    assert [asset.status_code for asset in assets] == [200] * len(addresses)


async def test_health_says_the_version(api: Api) -> None:
    response = await api.get("/health")

    assert response.status_code == 200
    assert response.json()["status"] == "healthy"
