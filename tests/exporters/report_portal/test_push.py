"""Pushes into a Report Portal that keeps what it is told, well or badly."""

import logging
import time
from dataclasses import replace

import pytest
from tests.support.report_portal_server import TOKEN, ReportPortal, body_of
from tests.support.tracker_server import Answer

from rootcoz.exporters.report_portal.client import ExternalIssue, ReportPortalClient
from rootcoz.exporters.report_portal.launch import BuildRef
from rootcoz.exporters.report_portal.push import (
    MAX_REFUSALS,
    PortalFinding,
    PushOrder,
    PushReport,
    Verdict,
    push,
)

URL = "https://jenkins.example.com/job/nightly/12/"
REPORT_URL = "https://rootcoz.example.com/results/job-1"
BUG = PortalFinding("PRODUCT BUG", "The order is lost.")
ISSUE = ExternalIssue("SHOP-7", "https://jira.example.com/browse/SHOP-7", "https://jira.example.com", "SHOP")


def order(*verdicts: tuple[str, PortalFinding]) -> PushOrder:
    return PushOrder(BuildRef(URL, "nightly", 12), [Verdict(*one) for one in verdicts], REPORT_URL)


@pytest.fixture
def launch(portal: ReportPortal) -> int:
    return portal.launch(description=f"Build {URL}")


def many(portal: ReportPortal, launch: int, count: int) -> tuple[list[int], PushOrder]:
    """Items, and an order with a failure for each."""
    ids = [portal.item(launch, f"t.py::test_{number}") for number in range(count)]
    return ids, order(*((f"t.test_{number}", BUG) for number in range(count)))


@pytest.mark.parametrize(
    ("classification", "locator"),
    [("PRODUCT BUG", "pb001"), ("CODE ISSUE", "ab001"), ("INFRASTRUCTURE", "si001")],
)
async def test_an_item_gets_the_defect_type_and_a_comment_with_summary_and_link(
    portal: ReportPortal, client: ReportPortalClient, launch: int, classification: str, locator: str
) -> None:
    item = portal.item(launch, "tests/test_shop.py::test_order")
    found = PortalFinding(classification, "The order is lost.")
    report = await push(client, order(("tests.test_shop.test_order", found)))

    assert report == PushReport(launch_id=launch, pushed=1)
    assert portal.issue(item)["issueType"] == locator
    assert "The order is lost." in portal.issue(item)["comment"]
    assert f"Report: {REPORT_URL}" in portal.issue(item)["comment"]


async def test_the_project_s_own_type_is_used_where_it_has_no_usual_one(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    item = portal.item(launch, "a.x")
    portal.defect_types = {"TO_INVESTIGATE": ["ti001"], "PRODUCT_BUG": ["pb_shop", "pb_till"]}
    await push(client, order(("a.x", BUG)))

    assert portal.issue(item)["issueType"] == "pb_shop"


async def test_a_project_that_does_not_show_its_settings_has_the_usual_types(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    item = portal.item(launch, "a.x")
    portal.fail(r"GET /api/v1/\w+/settings*", Answer({"message": "no"}, status=404))
    await push(client, order(("a.x", BUG)))

    assert portal.issue(item)["issueType"] == "pb001"


async def test_a_second_push_changes_nothing(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    portal.item(launch, "a.x")
    portal.item(launch, "a.y")
    wanted = order(("a.x", replace(BUG, issues=(ISSUE,))), ("a.y", PortalFinding("CODE ISSUE")))
    first = await push(client, wanted)
    sent = len(portal.changes)
    second = await push(client, wanted)

    assert (first.pushed, first.unchanged) == (2, 0)
    assert second == PushReport(launch_id=launch, unchanged=2)
    assert len(portal.changes) == sent


async def test_a_changed_finding_takes_the_place_of_the_one_pushed_before(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    item = portal.item(launch, "a.x")
    await push(client, order(("a.x", BUG)))
    await push(client, order(("a.x", PortalFinding("INFRASTRUCTURE", "The disk was full."))))

    assert portal.issue(item)["issueType"] == "si001"
    assert portal.issue(item)["comment"].count("Report:") == 1
    assert "The order is lost." not in portal.issue(item)["comment"]


async def test_what_people_wrote_and_linked_stays(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    item = portal.item(launch, "a.x")
    theirs = {
        "ticketId": "OPS-1",
        "url": "https://t/OPS-1",
        "btsUrl": "https://t",
        "btsProject": "OPS",
    }
    portal.issue(item).update(
        comment="Bob looks into it.", externalSystemIssues=[theirs], ignoreAnalyzer=True
    )
    await push(client, order(("a.x", replace(BUG, issues=(ISSUE,)))))
    issue = portal.issue(item)

    assert issue["comment"].startswith("Bob looks into it.\n\n--- rootcoz ---")
    assert [link["ticketId"] for link in issue["externalSystemIssues"]] == ["OPS-1", "SHOP-7"]
    assert issue["ignoreAnalyzer"] is True


async def test_issues_are_linked_with_their_tracker_and_project(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    items = [portal.item(launch, "a.x"), portal.item(launch, "a.x")]
    await push(client, order(("a.x", replace(BUG, issues=(ISSUE,)))))

    assert body_of(portal.changes[-1]) == {
        "testItemIds": items,
        "issues": [
            {
                "ticketId": "SHOP-7",
                "url": "https://jira.example.com/browse/SHOP-7",
                "btsUrl": "https://jira.example.com",
                "btsProject": "SHOP",
            }
        ],
    }


@pytest.mark.parametrize(
    ("decided", "found", "kept"),
    [
        ({"issueType": "ab001"}, BUG, 1),
        ({"issueType": "nd001"}, BUG, 1),
        ({"issueType": "ab001", "autoAnalyzed": True}, BUG, 0),
        ({"issueType": "ab001"}, replace(BUG, decided_by="alice"), 0),
    ],
)
async def test_only_a_person_overrides_what_a_person_decided_in_report_portal(
    portal: ReportPortal,
    client: ReportPortalClient,
    launch: int,
    decided: dict[str, object],
    found: PortalFinding,
    kept: int,
) -> None:
    item = portal.item(launch, "a.x")
    portal.issue(item).update(decided)
    report = await push(client, order(("a.x", found)))

    assert portal.issue(item)["issueType"] == (decided["issueType"] if kept else "pb001")
    assert len(report.unmatched) == kept
    assert all("somebody set the defect type" in one for one in report.unmatched)


async def test_a_finer_type_of_the_same_group_stays(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    item = portal.item(launch, "a.x")
    portal.issue(item)["issueType"] = "pb_flaky"
    await push(client, order(("a.x", BUG)))

    assert portal.issue(item)["issueType"] == "pb_flaky"
    assert "The order is lost." in portal.issue(item)["comment"]


async def test_items_without_a_failure_or_a_verdict_and_failures_without_an_item_are_told(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    portal.item(launch, "a.other")
    portal.item(launch, "a.silent")
    report = await push(client, order(("a.silent", PortalFinding("")), ("a.gone", BUG)))

    assert report.pushed == 0
    assert report.unmatched == [
        "a.other: no failure of this analysis has its name",
        "a.silent: its failure has no verdict",
    ]
    assert report.missing == ["a.gone"]
    assert portal.changes == []


async def test_passed_items_suites_steps_and_other_launches_are_left_alone(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    portal.item(launch, "a.x", status="PASSED")
    portal.item(launch, "a.x", hasChildren=True)
    portal.item(launch, "a.x", hasStats=False)
    portal.item(portal.launch("other", 5), "a.x")
    report = await push(client, order(("a.x", BUG)))

    assert report.errors == ["The launch nightly #1 has no failed items."]
    assert portal.changes == []


async def test_batches_have_at_most_300_items_and_all_pages_are_read(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    _, wanted = many(portal, launch, 701)
    report = await push(client, wanted)

    assert (report.pushed, report.errors) == (701, [])
    assert [len(body_of(request)["issues"]) for request in portal.changes] == [300, 300, 101]


async def test_a_server_that_pages_from_zero_is_read_as_well(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    _, wanted = many(portal, launch, 301)
    items = list(portal.items.values())

    def page(number: int) -> Answer:
        of = items[number * 300 : (number + 1) * 300]
        return Answer({"content": of, "page": {"size": 300, "totalElements": 301, "number": number}})

    portal.fail(r"GET \S*/item\?(?!\S*page\.page)", page(0))
    portal.fail(r"GET \S*/item\?\S*page\.page=1", page(1))

    assert (await push(client, wanted)).pushed == 301


async def test_bad_items_do_not_sink_the_rest(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    ids, wanted = many(portal, launch, 320)
    bad = {ids[0], ids[137], ids[138], ids[319]}
    portal.refuses = bad.__contains__
    report = await push(client, wanted)

    assert report.pushed == 316
    assert len(report.errors) == 4
    assert all("not found" in error for error in report.errors)
    assert {item for item in ids if portal.issue(item)["issueType"] == "pb001"} == set(ids) - bad


async def test_where_all_is_refused_it_gives_up(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    _, wanted = many(portal, launch, 600)
    portal.refuses = lambda _item: True
    report = await push(client, wanted)

    assert report.pushed == 0
    assert len(portal.changes) == MAX_REFUSALS
    assert "items were not updated: push again to go on" in report.errors[-1]


async def test_a_refused_link_is_told_and_the_decision_stays(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    item = portal.item(launch, "a.x")
    portal.fail(r"PUT \S*/issue/link", Answer({"message": "no such tracker"}, status=400))
    report = await push(client, order(("a.x", replace(BUG, issues=(ISSUE,)))))

    assert report.pushed == 1
    assert "no such tracker" in report.errors[0]
    assert portal.issue(item)["issueType"] == "pb001"


async def test_no_launch_is_an_error_of_the_report(portal: ReportPortal, client: ReportPortalClient) -> None:
    report = await push(client, order(("a.x", BUG)))

    assert report.launch_id is None
    assert "No launch carries the address" in report.errors[0]
    assert portal.changes == []


async def test_nothing_to_push_asks_nobody(portal: ReportPortal, client: ReportPortalClient) -> None:
    report = await push(client, order())

    assert report.errors == ["The build has no failures: there is nothing to push."]
    assert portal.requests == []


# --- trouble ---------------------------------------------------------------------------------------

ECHO = {"message": f"because of {TOKEN}"}
FAULTS: dict[str, tuple[Answer, str]] = {
    "401": (Answer(ECHO, status=401), "check REPORTPORTAL_API_TOKEN"),
    "403": (Answer(ECHO, status=403), "lacks a permission"),
    "404": (Answer(ECHO, status=404), "check REPORTPORTAL_URL and REPORTPORTAL_PROJECT"),
    "409": (Answer(ECHO, status=409), "HTTP 409"),
    "422": (Answer(ECHO, status=422), "HTTP 422"),
    "429": (Answer(ECHO, status=429, headers={"Retry-After": "900"}), "ask again in 900 seconds"),
    "500": (Answer(ECHO, status=500), "trouble of its own"),
    "silent": (Answer({}, delay_s=5), "did not answer within"),
    "reset": (Answer(reset=True), "broke off"),
    "web page": (Answer(b"<html>Sign in</html>", content_type="text/html"), "web page"),
    "drip": (Answer({"content": []}, drip_s=0.2), "did not answer within"),
    "huge": (Answer({"content": [], "x": "y" * 4_000_000}), "more than 3,000,000 bytes"),
    "another JSON": (Answer(b"17"), "no answer of Report Portal"),
}
STAGES = {"launches": r"GET \S*/launch*", "items": r"GET \S*/item*", "changes": r"PUT *"}
CASES = [
    (stage, fault) for stage in STAGES for fault in FAULTS if (stage, fault) != ("changes", "another JSON")
]


@pytest.mark.parametrize(("stage", "fault"), CASES)
async def test_trouble_is_told_by_who_can_put_it_right_and_nothing_leaks(
    portal: ReportPortal,
    client: ReportPortalClient,
    launch: int,
    caplog: pytest.LogCaptureFixture,
    stage: str,
    fault: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    item = portal.item(launch, "a.x")
    answer, words = FAULTS[fault]
    portal.fail(STAGES[stage], answer)
    started = time.monotonic()
    report = await push(client, order(("a.x", BUG)))

    assert report.pushed == 0
    assert words in " ".join(report.errors)
    assert TOKEN not in repr(report) + caplog.text
    assert portal.issue(item)["issueType"] == "ti001"
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "answer",
    [
        Answer({}, status=500),
        Answer({}, status=429, headers={"Retry-After": "0"}),
        Answer(reset=True),
        Answer({}, delay_s=1),
    ],
    ids=["500", "429", "reset", "silent"],
)
async def test_passing_trouble_is_overcome(
    portal: ReportPortal, client: ReportPortalClient, launch: int, answer: Answer
) -> None:
    item = portal.item(launch, "a.x")
    for stage in STAGES.values():
        portal.fail(stage.removesuffix("*"), answer)
    report = await push(client, order(("a.x", BUG)))

    assert (report.pushed, report.errors) == (1, [])
    assert portal.issue(item)["comment"].count("Report:") == 1


async def test_a_change_whose_answer_was_lost_is_made_once(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    item = portal.item(launch, "a.x")
    await push(client, order(("a.x", BUG)))
    before = dict(portal.issue(item))
    portal.issue(item).update(issueType="ti001", comment="")
    portal.fail(r"PUT ", Answer({}, delay_s=1))
    await push(client, order(("a.x", BUG)))

    assert portal.issue(item) == before


async def test_a_push_that_broke_off_goes_on_where_it_stopped(
    portal: ReportPortal, client: ReportPortalClient, launch: int
) -> None:
    ids, wanted = many(portal, launch, 450)
    portal.fail(f'PUT .*"testItemId":{ids[300]},*', Answer(ECHO, status=500))
    broken = await push(client, wanted)
    portal.faults.clear()
    last = await push(client, wanted)

    assert broken.pushed == 300
    assert broken.errors[-1] == "150 items were not updated: push again to go on."
    assert (last.pushed, last.unchanged, last.errors) == (150, 300, [])
