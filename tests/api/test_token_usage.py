"""What the AI cost, as the API tells it."""

from pathlib import Path

from tests.api.conftest import slow_provider
from tests.support.in_process import ADMIN_KEY, running_api

FAILURES = {"failures": [{"test_name": "t", "error_message": "ValueError: x is bad"}]}


NONSENSE = (
    "start_date=yesterday",
    "end_date=2026-13-01",
    "start_date=2026-05-02&end_date=2026-05-01",
    "group_by=hour",
    "group_by=",
)


async def test_filters_that_make_no_sense_are_422(tmp_path: Path) -> None:
    async with running_api(tmp_path) as house:
        admin = house.bearer(ADMIN_KEY)
        replies = [await admin.get(f"/api/admin/token-usage?{query}") for query in NONSENSE]

    assert [reply.status_code for reply in replies] == [422] * len(NONSENSE)
    assert {reply.json()["detail"][0]["loc"][0] for reply in replies} == {"query"}


async def test_usage_summary_and_records_agree(tmp_path: Path) -> None:
    async with running_api(tmp_path / "data", **slow_provider(tmp_path / "log", 0)) as house:
        admin = house.bearer(ADMIN_KEY)
        nothing = (await admin.get("/api/admin/token-usage?group_by=day")).json()
        job_id = (await admin.analyze(FAILURES)).json()["job_id"]
        whole = (
            await admin.get("/api/admin/token-usage?group_by=job&start_date=2020-01-01T00:00:00Z")
        ).json()
        past = (await admin.get("/api/admin/token-usage?end_date=2020-01-01")).json()
        summary = (await admin.get("/api/admin/token-usage/summary")).json()
        records = (await admin.get(f"/api/admin/token-usage/{job_id}")).json()
        unknown = await admin.get("/api/admin/token-usage/no-such-job")
        stranger = await house.visitor().get(f"/api/admin/token-usage/{job_id}")

    assert (nothing["total_calls"], nothing["breakdown"]) == (0, [])
    assert [group["group_key"] for group in whole["breakdown"]] == [job_id]
    assert whole["total_calls"] == whole["breakdown"][0]["call_count"] == len(records["records"]) > 0
    assert past["total_calls"] == 0
    assert summary["today"]["calls"] == summary["this_month"]["calls"] == whole["total_calls"]
    assert [job["job_id"] for job in summary["top_jobs"]] == [job_id]
    assert {record["job_id"] for record in records["records"]} == {job_id}
    assert (unknown.status_code, stranger.status_code) == (404, 403)
