"""The launch of a build is found by what it carries, or by what a person calls it; never by likelihood."""

import pytest
from tests.support.report_portal_server import ReportPortal
from tests.support.tracker_server import Answer

from rootcoz.domain.launch import LaunchRef
from rootcoz.exporters.report_portal.client import ReportPortalClient
from rootcoz.exporters.report_portal.launch import (
    BuildRef,
    NoLaunch,
    address_pattern,
    find_launch,
)

URL = "https://jenkins.example.com/job/web/job/nightly/12/"
BUILD = BuildRef(URL, "web/nightly", 12)


@pytest.mark.parametrize(
    "text",
    [
        URL,
        "Build [12](https://jenkins.example.com/job/web/job/nightly/12) of today",
        "http://JENKINS.example.com/job/web/job/nightly/12/console",
        "https://bot@jenkins.example.com:443/job/web/job/nightly/12.",
    ],
)
def test_the_address_of_a_build_is_found_in_a_description(text: str) -> None:
    assert address_pattern(URL).search(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://jenkins.example.com/job/web/job/nightly/123/",
        "https://jenkins.example.com/job/web/job/nightly/1/2/",
        "https://jenkins.example.com:8443/job/web/job/nightly/12/",
        "https://jenkins.example.org/job/web/job/nightly/12/",
        "https://jenkins.example.com/job/web/job/Nightly/12/",
    ],
)
def test_the_address_of_another_build_is_not(text: str) -> None:
    assert not address_pattern(URL).search(text)


def test_names_that_are_encoded_or_not_are_the_same() -> None:
    pattern = address_pattern("http://ci.example.com:8080/job/a%20b%2Fc/3/")

    assert pattern.search("see http://ci.example.com:8080/job/a b/c/3/")


@pytest.mark.parametrize(
    "fields",
    [
        {"description": f"Nightly run of {URL}"},
        {"attributes": [{"key": "build_url", "value": URL}]},
        {"attributes": [{"key": None, "value": URL.rstrip("/")}], "description": None},
        {"name": "nightly", "attributes": [{"key": "build-number", "value": "12"}]},
        {"name": "web/nightly", "attributes": [{"key": "buildNumber", "value": "#12"}]},
    ],
)
async def test_a_launch_that_carries_the_build_is_found_among_others(
    portal: ReportPortal, client: ReportPortalClient, fields: dict[str, object]
) -> None:
    portal.launch(number=11, description=URL.replace("/12/", "/11/"))
    wanted = portal.launch(**{"name": "smoke", "number": 3, **fields})  # type: ignore[arg-type]  # fields by name
    portal.launch(number=12, description=URL.replace("/12/", "/123/"))

    assert (await find_launch(client, BUILD, None)).id == wanted


async def test_an_address_in_an_attribute_is_found_behind_many_launches(
    portal: ReportPortal, client: ReportPortalClient
) -> None:
    wanted = portal.launch("smoke", 1, attributes=[{"key": "ci", "value": URL}])
    for number in range(400):
        portal.launch("other", number)

    assert (await find_launch(client, BUILD, None)).id == wanted


async def test_report_portal_s_own_number_is_not_taken_for_the_build_s(
    portal: ReportPortal, client: ReportPortalClient
) -> None:
    portal.launch("nightly", 12)
    with pytest.raises(NoLaunch, match="carries the address"):
        await find_launch(client, BUILD, None)


async def test_two_launches_of_one_build_are_told_and_none_is_taken(
    portal: ReportPortal, client: ReportPortalClient
) -> None:
    portal.launch("api", 1, description=URL)
    portal.launch("web", 2, description=URL)
    with pytest.raises(NoLaunch, match=r"2 launches fit.*web #2 \(uuid-1001\), api #1 .*launch_uuid"):
        await find_launch(client, BUILD, None)


async def test_a_person_names_a_launch_by_uuid_or_by_name_and_number(
    portal: ReportPortal, client: ReportPortalClient
) -> None:
    portal.launch("nightly", 1, description=URL)
    wanted = portal.launch("nightly", 2)

    assert (await find_launch(client, BUILD, LaunchRef(uuid="uuid-1001"))).id == wanted
    assert (await find_launch(client, BUILD, LaunchRef(name="nightly", number=2))).id == wanted


@pytest.mark.parametrize("named", [LaunchRef(uuid="uuid-7"), LaunchRef(name="nightly", number=7)])
async def test_a_name_that_no_launch_has_is_told(
    portal: ReportPortal, client: ReportPortalClient, named: LaunchRef
) -> None:
    portal.launch("nightly", 1, description=URL)
    with pytest.raises(NoLaunch, match="No launch is named so"):
        await find_launch(client, BUILD, named)


async def test_without_an_address_a_person_has_to_name_it(client: ReportPortalClient) -> None:
    with pytest.raises(NoLaunch, match="name the launch with launch_uuid"):
        await find_launch(client, BuildRef("", "", 0), None)


async def test_a_server_that_does_not_know_the_filter_is_looked_through(
    portal: ReportPortal, client: ReportPortalClient
) -> None:
    wanted = portal.launch("smoke", 1, description=URL)
    portal.fail(r"GET .*filter\.cnt\.description", Answer({"message": "unknown filter"}, status=400))

    assert (await find_launch(client, BUILD, None)).id == wanted
