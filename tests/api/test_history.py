"""Section History: what failed before, and what was said of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.support.history import add_run, row
from tests.support.in_process import Api, running_api

from rootcoz.store.engine import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNATURE = "b" * 64
ANN = {"Cookie": "rootcoz_username=ann"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A server with a history: nightly/e2e with five builds, other jobs, and one test in several of them."""
    data = tmp_path_factory.mktemp("data")
    database = await Database.open(data)
    flaky = row("tests.a/Test.test_b[1]", error_message="Timeout after 100% of 5_000 ms")
    boom = row("tests.boom", error_signature=SIGNATURE, classification="PRODUCT BUG")
    job = "folder/nightly"
    await add_run(database, "n1", [boom], job_name=job, build=1, days=12)
    await add_run(database, "n2", [], job_name=job, build=2, days=11)
    await add_run(database, "n3", [flaky, boom], job_name=job, build=3, days=3)
    await add_run(database, "n4", [boom], job_name=job, build=4, days=2)
    await add_run(database, "n5", [row("tests.boom", classification="")], job_name=job, build=5, days=1)
    await add_run(database, "w1", [boom, row("tests.other", error_signature=SIGNATURE)], job_name="weekly")
    # As often as before, but in twice as many runs: the share of failing builds is half of what it was.
    for number in range(2):
        await add_run(database, f"b{number}", [boom], job_name="busy", build=number + 1, days=10)
    for number in range(4):
        rows = [boom] if number < 3 else []
        await add_run(database, f"c{number}", rows, job_name="busy", build=number + 3, days=2)
    await database.close()
    async with running_api(data) as api:
        yield api


async def failures(api: Api, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx2 takes many kinds
    reply = await api.get("/history/failures", params=params)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def history(api: Api, test: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    reply = await api.get(f"/history/test/{test}", params=params)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def test_the_failures_are_listed_newest_first_with_all_fields(api: Api) -> None:
    body = await failures(api, job_name="folder/nightly")

    assert [one["job_id"] for one in body["failures"]] == ["n5", "n4", "n3", "n3", "n1"]
    assert body["total"] == 5
    assert body["failures"][0] | {"analyzed_at": "", "id": 0} == {
        "id": 0,
        "job_id": "n5",
        "job_name": "folder/nightly",
        "build_number": 5,
        "test_name": "tests.boom",
        "error_message": "ValueError: wrong",
        "error_signature": "a" * 64,
        "classification": "",
        "child_job_name": "",
        "child_build_number": 0,
        "analyzed_at": "",
    }


async def test_pages_of_failures_neither_repeat_nor_lose_one(api: Api) -> None:
    whole = (await failures(api, limit=200))["failures"]
    pages = [await failures(api, limit=3, offset=offset) for offset in range(0, len(whole) + 3, 3)]

    assert [one for page in pages for one in page["failures"]] == whole
    assert {page["total"] for page in pages} == {len(whole)}


@pytest.mark.parametrize(
    ("search", "jobs"),
    [
        ("100%", ["n3"]),
        ("5_000", ["n3"]),
        ("TIMEOUT", ["n3"]),
        ("Test.test_b[1]", ["n3"]),
        ("weekl", ["w1", "w1"]),
        ("%", ["n3"]),
        ("_", ["n3"]),
        ("w%y", []),
        ("wee_ly", []),
        ("nowhere", []),
    ],
)
async def test_a_search_takes_its_text_as_it_stands(api: Api, search: str, jobs: list[str]) -> None:
    body = await failures(api, search=search)

    assert [one["job_id"] for one in body["failures"]] == jobs
    assert body["total"] == len(jobs)


async def test_filters_are_exact_and_hold_together(api: Api) -> None:
    assert (await failures(api, job_name="weekl"))["total"] == 0
    assert (await failures(api, classification="product bug"))["total"] == 0
    assert (await failures(api, classification="PRODUCT BUG", job_name="weekly"))["total"] == 1
    assert (await failures(api, classification="PRODUCT BUG", job_name="weekly", search="other"))[
        "total"
    ] == 0


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=201", "limit=x", "offset=-1", "offset=" + "9" * 30, "limit=1.5"]
)
async def test_a_page_out_of_bounds_is_refused(api: Api, query: str) -> None:
    assert (await api.get(f"/history/failures?{query}")).status_code == 422


async def test_the_bounds_themselves_are_accepted(api: Api) -> None:
    assert (await failures(api, limit=0))["failures"] == []
    assert len((await failures(api, limit=200))["failures"]) == (await failures(api))["total"]
    assert (await failures(api, offset=10**15))["failures"] == []
    for limit, status in ((0, 200), (100, 200), (-1, 422), (101, 422)):
        assert (await api.get(f"/history/test/t?limit={limit}")).status_code == status


async def test_the_numbers_of_a_test_in_a_job(api: Api) -> None:
    body = await history(api, "tests.boom", job_name="folder/nightly", limit=2)

    assert (body["failures"], body["total_runs"], body["passes"], body["failure_rate"]) == (4, 5, 1, 0.8)
    assert body["classifications"] == {"PRODUCT BUG": 3}
    assert body["last_classification"] == "PRODUCT BUG"
    assert [one["job_id"] for one in body["recent_runs"]] == ["n5", "n4"]
    assert body["first_seen"] < body["last_seen"]
    assert body["note"]


async def test_consecutive_failures_are_a_streak_and_not_all_failures(api: Api) -> None:
    body = await history(api, "tests.boom", job_name="folder/nightly")
    flaky = await history(api, "tests.a/Test.test_b[1]", job_name="folder/nightly")

    assert (body["failures"], body["consecutive_failures"]) == (4, 3)
    assert (flaky["failures"], flaky["consecutive_failures"]) == (1, 0)


async def test_without_a_job_nobody_knows_how_often_a_test_passed(api: Api) -> None:
    body = await history(api, "tests.boom")

    assert body["failures"] == body["total_runs"] == 10
    assert (body["passes"], body["failure_rate"]) == (None, None)


async def test_an_analysis_can_be_left_out(api: Api) -> None:
    body = await history(api, "tests.boom", job_name="folder/nightly", exclude_job_id="n5")

    assert (body["failures"], body["total_runs"], body["consecutive_failures"]) == (3, 4, 2)
    assert body["recent_runs"][0]["job_id"] == "n4"


@pytest.mark.parametrize("name", ["nobody", "a/b%2Fc", "%25", "%F0%9F%90%9B", "x" * 3000])
async def test_a_test_nobody_knows_has_zeros(api: Api, name: str) -> None:
    body = await history(api, name)

    zeros = {name: body[name] for name in ("failures", "total_runs", "passes", "failure_rate")}
    assert zeros == {"failures": 0, "total_runs": 0, "passes": 0, "failure_rate": 0.0}
    assert (body["first_seen"], body["last_seen"], body["last_classification"]) == (None, None, "")
    assert (body["recent_runs"], body["comments"], body["consecutive_failures"]) == ([], [], 0)
    assert body["note"]


async def test_a_signature_names_its_tests_the_most_frequent_first(api: Api) -> None:
    body = (await api.get("/history/search", params={"signature": SIGNATURE})).json()
    without = (
        await api.get("/history/search", params={"signature": SIGNATURE, "exclude_job_id": "w1"})
    ).json()
    nobody = (await api.get("/history/search", params={"signature": "%"})).json()

    assert body["tests"] == [
        {"test_name": "tests.boom", "occurrences": 9},
        {"test_name": "tests.other", "occurrences": 1},
    ]
    assert (body["total_occurrences"], body["unique_tests"]) == (10, 2)
    assert body["last_classification"] == "PRODUCT BUG"
    assert (without["total_occurrences"], without["unique_tests"]) == (8, 1)
    assert (nobody["total_occurrences"], nobody["tests"], nobody["last_classification"]) == (0, [], "")
    assert (await api.get("/history/search")).status_code == 422


async def test_the_numbers_of_a_job(api: Api) -> None:
    body = (await api.get("/history/stats/folder/nightly")).json()

    assert (body["job_name"], body["total_builds_analyzed"], body["builds_with_failures"]) == (
        "folder/nightly",
        5,
        4,
    )
    assert body["overall_failure_rate"] == 0.8
    assert body["most_common_failures"][0] == {
        "test_name": "tests.boom",
        "count": 3,
        "classification": "PRODUCT BUG",
    }


async def test_the_trend_goes_by_shares_and_not_by_counts(api: Api) -> None:
    """Three failing builds this week after two: more, but of twice as many runs."""
    busy = (await api.get("/history/stats/busy")).json()
    nightly = (await api.get("/history/stats/folder/nightly")).json()
    weekly = (await api.get("/history/stats/weekly")).json()

    assert busy["recent_trend"] == "improving"
    assert nightly["recent_trend"] == "worsening"
    assert weekly["recent_trend"] == "stable"


async def test_a_job_nobody_knows_has_zeros(api: Api) -> None:
    body = (await api.get("/history/stats/no/such/job")).json()

    assert body == {
        "job_name": "no/such/job",
        "total_builds_analyzed": 0,
        "builds_with_failures": 0,
        "overall_failure_rate": 0.0,
        "most_common_failures": [],
        "recent_trend": "stable",
    }


async def test_a_direct_analysis_stands_in_the_history_when_it_is_done(api: Api) -> None:
    failed = {"failures": [{"test_name": "direct.one", "error_message": "KeyError: 'x'"}]}
    before = (await failures(api, search="direct.one"))["total"]
    job_id = await api.submit(failed)
    await api.finished(job_id)
    body = await failures(api, search="direct.one")
    known = await history(api, "direct.one")

    assert before == 0
    assert [(one["job_id"], one["job_name"], one["build_number"]) for one in body["failures"]] == [
        (job_id, "", 0)
    ]
    assert (known["failures"], known["consecutive_failures"]) == (1, 1)


async def test_every_label_is_kept_listed_and_found_by_its_name(api: Api) -> None:
    labels = ["flaky", "REGRESSION", "Infrastructure", "KNOWN_BUG", "intermittent"]
    ids = []
    for label in labels:
        said = {"test_name": "l.t", "classification": label, "job_id": "labels", "references": "X-1"}
        reply = await api.request("POST", "/history/classify", json=said, headers=ANN)
        assert reply.status_code == 201, reply.text
        ids.append(reply.json()["id"])
    listed = (await api.get("/history/classifications", params={"test_name": "l.t"})).json()[
        "classifications"
    ]

    assert [one["id"] for one in listed] == ids[::-1]
    assert {one["created_by"] for one in listed} == {"ann"}
    for number, label in zip(ids, labels, strict=True):
        found = await api.get(
            "/history/classifications", params={"classification": label.upper(), "job_id": "labels"}
        )
        assert [one["id"] for one in found.json()["classifications"]] == [number]


async def test_what_an_ai_says_after_the_end_is_shown_at_once(api: Api) -> None:
    said = {"test_name": "tests.boom", "classification": "FLAKY", "job_id": "b0"}
    await api.request("POST", "/history/classify", json=said)
    early = await api.request("POST", "/history/classify", json={**said, "job_id": "not yet"})
    listed = (await api.get("/history/classifications", params={"test_name": "tests.boom"})).json()

    assert early.status_code == 201
    assert [(one["job_id"], one["created_by"]) for one in listed["classifications"]] == [("b0", "ai")]
    assert (await failures(api, classification="FLAKY"))["failures"][0]["job_id"] == "b0"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"classification": "KNOWN_BUG"}, 400),
        ({"classification": "KNOWN_BUG", "references": " "}, 400),
        ({"classification": "PRODUCT BUG"}, 400),
        ({"test_name": " "}, 400),
        ({"child_build_number": 3}, 400),
        ({"job_id": ""}, 422),
        ({"job_id": " "}, 422),
        ({"job_id": None}, 422),
        ({"child_build_number": -1}, 422),
        ({"child_build_number": 2**40}, 422),
        ({"test_name": "a\x00b"}, 422),
        ({"test_name": 5}, 422),
    ],
    ids=str,
)
async def test_a_label_that_says_nothing_usable_is_refused(
    api: Api, change: dict[str, object], status: int
) -> None:
    said = {"test_name": "t", "classification": "FLAKY", "job_id": "j", **change}
    reply = await api.request("POST", "/history/classify", json=said)

    assert reply.status_code == status, reply.text
