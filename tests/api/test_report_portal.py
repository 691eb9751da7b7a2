"""Pushing into Report Portal over HTTP, from a build with children."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from tests.support.in_process import Api, running_api
from tests.support.report_portal_server import PROJECT, TOKEN, ReportPortal, report_portal_server
from tests.support.reviewed_build import analysed_build
from tests.support.tracker_server import Answer

from rootcoz.domain.analysis import JenkinsOrder
from rootcoz.domain.issue import FiledIssue, MatchedIssue
from rootcoz.domain.review import FailureTarget
from rootcoz.kit.chunks import chunked
from rootcoz.store.documents import save_document
from rootcoz.store.engine import Database
from rootcoz.store.issues import ISSUES, encode_issues
from rootcoz.store.review import lock_failure
from rootcoz.store.schema import analyses
from rootcoz.store.tracker_items import ItemClaim, add_item, complete_item

pytestmark = pytest.mark.asyncio(loop_scope="module")

JENKINS = "https://jenkins.example.com"
PUBLIC = "https://rootcoz.example.com"
ALICE = {"Cookie": "rootcoz_username=alice"}
ORDER = JenkinsOrder(
    job_name="nightly",
    build_number=7,
    url=JENKINS,
    uses_server_credentials=False,
    ssl_verify=True,
    timeout_s=30,
    force=False,
    wait=False,
    poll_interval_minutes=1,
    max_wait_minutes=0,
    with_artifacts=False,
    artifacts_max_mb=1,
)
MATCH = MatchedIssue("SHOP-7", "It breaks", "Open", "https://jira.example.com/browse/SHOP-7", "High", 0.9)
SEEDED: dict[Api, str] = {}


@pytest.fixture(scope="module")
def portal() -> Iterator[ReportPortal]:
    with report_portal_server() as portal:
        yield portal


@pytest.fixture(autouse=True)
def _empty(portal: ReportPortal) -> None:
    portal.launches.clear()
    portal.items.clear()
    portal.requests.clear()
    portal.faults.clear()


def connected(portal: ReportPortal, **settings: object) -> dict[str, object]:
    return {
        "reportportal_url": portal.url,
        "reportportal_api_token": TOKEN,
        "reportportal_project": PROJECT,
        "public_base_url": PUBLIC,
        **settings,
    }


async def of_jenkins(data_dir: Path, job_id: str) -> None:
    """Make the seeded analysis one of a Jenkins build, with an issue that fits its first group."""
    database = await Database.open(data_dir)
    async with database.write() as connection:
        row = analyses.c.job_id == job_id
        facts = {"order": asdict(ORDER), "jenkins_url": f"{JENKINS}/job/nightly/7/"}
        await connection.execute(update(analyses).where(row).values(facts))
        analysis_id = (await connection.execute(select(analyses.c.id).where(row))).scalar_one()
        await save_document(connection, analysis_id, ISSUES, chunked([encode_issues({1: [MATCH]})]))
    await database.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory, portal: ReportPortal) -> AsyncIterator[Api]:
    data_dir = tmp_path_factory.mktemp("build")
    job_id = await analysed_build(data_dir)
    await of_jenkins(data_dir, job_id)
    async with running_api(data_dir, **connected(portal)) as api:
        SEEDED[api] = job_id
        yield api


async def pushed(api: Api, job_id: str = "", **params: object) -> dict[str, Any]:
    where = f"/results/{job_id or SEEDED[api]}/push-reportportal"
    reply = await api.post(where, params=params, headers=ALICE)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def refused(api: Api, job_id: str, **params: object) -> tuple[int, str]:
    where = f"/results/{job_id}/push-reportportal"
    reply = await api.post(where, params=params, headers=ALICE)
    return reply.status_code, str(reply.json()["detail"])


async def test_a_build_is_pushed_into_the_launch_that_carries_its_address(
    api: Api, portal: ReportPortal
) -> None:
    launch = portal.launch("web", 41, description=f"[build]({JENKINS}/job/nightly/7/)")
    item = portal.item(launch, "b.py::one", code_ref="b.py:one")
    portal.item(launch, "c.py::unknown")
    reply = await pushed(api)

    assert reply == {
        "pushed": 1,
        "unchanged": 0,
        "unmatched": ["c.py::unknown: no failure of this analysis has its name"],
        "not_in_launch": ["a.one", "a.two"],
        "errors": [],
        "launch_id": launch,
    }
    assert portal.issue(item)["issueType"] == "pb001"
    assert "It breaks" in portal.issue(item)["comment"]
    assert f"Report: {PUBLIC}/results/{SEEDED[api]}" in portal.issue(item)["comment"]


async def test_pushing_again_changes_nothing(api: Api, portal: ReportPortal) -> None:
    launch = portal.launch("web", 41, description=f"{JENKINS}/job/nightly/7/")
    portal.item(launch, "a.one")
    first, second = await pushed(api), await pushed(api)

    assert (first["pushed"], first["unchanged"]) == (1, 0)
    assert (second["pushed"], second["unchanged"]) == (0, 1)


async def test_issues_of_jira_that_fit_are_linked(api: Api, portal: ReportPortal) -> None:
    launch = portal.launch("web", 41, description=f"{JENKINS}/job/nightly/7/")
    item = portal.item(launch, "a.two")
    await pushed(api)

    assert portal.issue(item)["externalSystemIssues"] == [
        {
            "ticketId": "SHOP-7",
            "url": MATCH.url,
            "btsUrl": "https://jira.example.com",
            "btsProject": "SHOP",
        }
    ]


async def test_issues_that_were_filed_from_the_result_are_linked_whatever_the_classification(
    api: Api, portal: ReportPortal
) -> None:
    launch = portal.launch("web", 41, description=f"{JENKINS}/job/nightly/7/")
    item = portal.item(launch, "b.one")
    url = "https://github.com/shop/ui-tests/issues/12"
    async with api.services.database.write() as connection:
        target = FailureTarget("b.one")
        locked = await lock_failure(connection, SEEDED[api], target)
        claim = ItemClaim("k", "github", "shop/ui-tests", "It breaks", username="alice", run="r")
        filed = await add_item(connection, locked.analysis.id, locked.failure, claim, at="2026-03-01")
        await complete_item(connection, filed.id, FiledIssue("#12", url, "It breaks", 12), at="2026-03-01")
    await pushed(api)

    assert portal.issue(item)["externalSystemIssues"] == [
        {
            "ticketId": "#12",
            "url": url,
            "btsUrl": "https://github.com",
            "btsProject": "shop/ui-tests",
        }
    ]


async def test_a_build_s_own_failures_go_before_those_of_its_children_in_its_launch(
    api: Api, portal: ReportPortal
) -> None:
    launch = portal.launch("web", 41, description=f"{JENKINS}/job/nightly/7/")
    own, of_child = portal.item(launch, "a.one"), portal.item(launch, "d.only")
    reply = await pushed(api)

    assert (reply["pushed"], reply["unmatched"]) == (2, [])
    assert reply["not_in_launch"] == ["a.two", "b.one", "a.one", "s.only"]
    assert {portal.issue(own)["issueType"], portal.issue(of_child)["issueType"]} == {"pb001"}


async def test_a_child_build_has_a_launch_of_its_own(api: Api, portal: ReportPortal) -> None:
    portal.launch("web", 41, description=f"{JENKINS}/job/nightly/7/")
    launch = portal.launch("web", 42, attributes=[{"key": "url", "value": f"{JENKINS}/job/smoke/4/"}])
    for name in ("a.one", "d.only", "s.only"):
        portal.item(launch, name)
    reply = await pushed(api, child_job_name="smoke", child_build_number=4)

    assert (reply["launch_id"], reply["pushed"]) == (launch, 2)
    assert [one.partition(":")[0] for one in reply["unmatched"]] == ["s.only"]


async def test_a_child_of_a_child_is_found_below_its_folder(api: Api, portal: ReportPortal) -> None:
    launch = portal.launch("deep", 1, description=f"{JENKINS}/job/deep/job/child/1/")
    portal.item(launch, "d.only")
    reply = await pushed(api, child_job_name="deep/child", child_build_number=1)

    assert (reply["pushed"], reply["not_in_launch"]) == (1, ["a.one"])


async def test_an_override_is_what_is_pushed_with_who_decided(api: Api, portal: ReportPortal) -> None:
    launch = portal.launch("web", 41, description=f"{JENKINS}/job/nightly/7/")
    item = portal.item(launch, "b.one")
    where = f"/results/{SEEDED[api]}/override-classification"
    body = {"test_name": "b.one", "classification": "CODE ISSUE"}
    await api.put(where, json=body, headers=ALICE)
    await pushed(api)
    decided = dict(portal.issue(item))
    await api.request("DELETE", where, params={"test_name": "b.one"}, headers=ALICE)

    assert decided["issueType"] == "ab001"
    assert "CODE ISSUE (decided by alice)" in decided["comment"]


async def test_the_label_infrastructure_makes_a_system_issue(api: Api, portal: ReportPortal) -> None:
    launch = portal.launch("smoke", 1, description=f"{JENKINS}/job/smoke/3/")
    item = portal.item(launch, "s.only")
    said = {
        "test_name": "s.only",
        "classification": "INFRASTRUCTURE",
        "job_id": SEEDED[api],
        "job_name": "smoke",
    }
    labelled = await api.post("/history/classify", json=said, headers=ALICE)
    await pushed(api, child_job_name="smoke", child_build_number=3)

    assert labelled.status_code == 201
    assert portal.issue(item)["issueType"] == "si001"


async def test_a_launch_can_be_named(api: Api, portal: ReportPortal) -> None:
    portal.launch("web", 41, description=f"{JENKINS}/job/nightly/7/")
    launch = portal.launch("web", 42)
    portal.item(launch, "a.one")
    by_uuid = await pushed(api, launch_uuid=f"uuid-{launch}")
    by_number = await pushed(api, launch_name="web", launch_number=42)

    assert (by_uuid["launch_id"], by_number["launch_id"]) == (launch, launch)


async def test_trouble_of_report_portal_is_told_with_200_and_without_the_token(
    api: Api, portal: ReportPortal
) -> None:
    portal.fail(r"GET *", Answer({"message": f"no {TOKEN}"}, status=401))
    reply = await pushed(api)

    assert (reply["pushed"], reply["launch_id"]) == (0, None)
    assert "check REPORTPORTAL_API_TOKEN" in reply["errors"][0]
    assert TOKEN not in str(reply)


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"child_job_name": "smoke"}, 400, "together with child_build_number"),
        ({"child_job_name": "smoke", "child_build_number": 0}, 400, "together with child_build_number"),
        ({"child_build_number": 3}, 400, "together with child_build_number"),
        ({"child_job_name": "smoke", "child_build_number": 99}, 400, "no child build 'smoke' #99"),
        ({"launch_name": "web"}, 422, "launch_name and launch_number go together"),
        ({"child_build_number": -1}, 422, "child_build_number"),
    ],
)
async def test_what_cannot_be_meant_is_refused_before_anybody_is_asked(
    api: Api, portal: ReportPortal, params: dict[str, object], status: int, words: str
) -> None:
    answered, detail = await refused(api, SEEDED[api], **params)

    assert (answered, words in detail) == (status, True)
    assert portal.requests == []


async def test_an_unknown_analysis_is_404(api: Api) -> None:
    assert (await refused(api, "nobody"))[0] == 404


async def test_the_capabilities_tell_that_pushing_is_possible(api: Api) -> None:
    result = (await api.get(f"/results/{SEEDED[api]}")).json()

    assert result["capabilities"]["reportportal"] is True
    assert result["capabilities"]["reportportal_project"] == PROJECT
    assert TOKEN not in str(result)
