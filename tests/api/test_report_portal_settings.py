"""Where pushing into Report Portal is not possible, and how the server says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.support.in_process import Api, running_api
from tests.support.report_portal_server import PROJECT, TOKEN, ReportPortal, report_portal_server
from tests.support.reviewed_build import analysed_build

from rootcoz.store.schema import analyses


@pytest.fixture
def portal() -> Iterator[ReportPortal]:
    with report_portal_server() as portal:
        yield portal


def connected(portal: ReportPortal, **settings: object) -> dict[str, object]:
    return {
        "reportportal_url": portal.url,
        "reportportal_api_token": TOKEN,
        "reportportal_project": PROJECT,
        "public_base_url": "https://rootcoz.example.com",
        **settings,
    }


async def refused(api: Api, job_id: str) -> tuple[int, str]:
    reply = await api.post(f"/results/{job_id}/push-reportportal")
    return reply.status_code, str(reply.json()["detail"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"enable_reportportal": False}, "switched off"),
        ({"reportportal_api_token": None}, "set REPORTPORTAL_API_TOKEN"),
        ({"reportportal_url": "", "reportportal_project": ""}, "set REPORTPORTAL_URL, REPORTPORTAL_PROJECT"),
    ],
)
async def test_a_server_without_report_portal_says_what_is_missing(
    tmp_path: Path, portal: ReportPortal, settings: dict[str, object], words: str
) -> None:
    async with running_api(tmp_path, **connected(portal, **settings)) as api:
        status, detail = await refused(api, "nobody")

    assert (status, words in detail) == (400, True)


async def test_without_a_public_address_nothing_is_pushed(tmp_path: Path, portal: ReportPortal) -> None:
    job_id = await analysed_build(tmp_path)
    async with running_api(tmp_path, **connected(portal, public_base_url="")) as api:
        known, unknown = await refused(api, job_id), await refused(api, "nobody")
        result = (await api.get(f"/results/{job_id}")).json()

    assert (known[0], "PUBLIC_BASE_URL" in known[1], unknown[0]) == (400, True, 404)
    assert result["capabilities"]["reportportal"] is False


async def test_only_completed_analyses_are_pushed(tmp_path: Path, portal: ReportPortal) -> None:
    job_id = await analysed_build(tmp_path)
    replies = {}
    async with running_api(tmp_path, **connected(portal)) as api:
        for status in ("failed", "running"):
            async with api.services.database.write() as connection:
                row = analyses.c.job_id == job_id
                await connection.execute(update(analyses).where(row).values(status=status))
            replies[status] = (await refused(api, job_id))[0]

    assert replies == {"failed": 409, "running": 202}


async def test_only_listed_users_push(tmp_path: Path, portal: ReportPortal) -> None:
    async with running_api(tmp_path, **connected(portal, allowed_users="bob")) as api:
        assert (await refused(api, "nobody"))[0] == 403
