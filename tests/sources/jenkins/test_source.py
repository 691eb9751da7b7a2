from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.jenkins_server import JenkinsServer, Reply, page, payload, running_jenkins

from rootcoz.domain.errors import InvalidInput, Refused, Unavailable
from rootcoz.sources.jenkins.client import JenkinsAccess, JenkinsClient
from rootcoz.sources.jenkins.console import Console
from rootcoz.sources.jenkins.names import BuildName
from rootcoz.sources.jenkins.source import JenkinsBuild, ReadLimits, read_build

ROOT = "job/team/job/nightly/12/"


@pytest.fixture
def jenkins() -> Iterator[JenkinsServer]:
    with running_jenkins("/ci") as server:
        yield server


@pytest.fixture
async def client(jenkins: JenkinsServer) -> AsyncIterator[JenkinsClient]:
    async with JenkinsClient(JenkinsAccess(jenkins.url), first_pause_s=0.001) as opened:
        yield opened


async def read(
    client: JenkinsClient, *, force: bool = False, limits: ReadLimits | None = None
) -> JenkinsBuild:
    return await read_build(client, "team/nightly", 12, limits, force=force)


def started(*jobs: str, result: str = "FAILURE") -> str:
    """The console of a build whose child builds, each number 1, ended with the result."""
    return "".join(f"Build {job} #1 completed: {result}\n" for job in jobs) + "Finished: FAILURE\n"


def tree(build: JenkinsBuild) -> dict[str, object]:
    return {f"{child.job_name} #{child.build_number}": tree(child) for child in build.children}


async def test_a_build_s_failures_are_those_of_its_test_report(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.build(ROOT, payload("pipeline-failed.json"))
    jenkins.report(ROOT, payload("report-plain.json"))
    jenkins.console(ROOT, "step one\nERROR: script returned exit code 1\nFinished: FAILURE\n")
    build = await read(client)

    assert [failure.test_name for failure in build.failures] == [
        "tests.shop.test_cart.TestCart.test_remove",
        "com.example.PayTest.pays",
    ]
    assert (build.result, build.url) == ("FAILURE", f"{jenkins.url}{ROOT}")
    assert build.artifacts == ("logs/e2e.log", "shots.zip")
    assert any("exit code 1" in line.text for line in build.console)
    assert build.notes == ()


async def test_a_build_that_passed_is_not_read_on(jenkins: JenkinsServer, client: JenkinsClient) -> None:
    jenkins.build(ROOT, {"number": 12, "result": "SUCCESS", "building": False})
    build = await read(client)

    assert build.passed
    assert [seen.path for seen in jenkins.requests] == [f"{ROOT}api/json"]


async def test_a_build_that_passed_is_read_when_somebody_insists(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.build(ROOT, {"number": 12, "result": "SUCCESS", "building": False})
    jenkins.report(ROOT, payload("report-plain.json"))
    build = await read(client, force=True)

    assert not build.passed
    assert len(build.failures) == 2


async def test_without_a_test_report_the_console_is_the_failure(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.failed(ROOT, duration=90_500)
    jenkins.console(
        ROOT, "make all\nmake: *** No rule to make target 'all'.\nFATAL: command failed\nFinished: FAILURE\n"
    )
    failure = (await read(client)).failures[0]

    assert failure.test_name == "team/nightly#12"
    assert (
        failure.error_message
        == "The build ended with FAILURE, and it has no test report; its console says why."
    )
    assert "FATAL: command failed" in failure.stack_trace
    assert failure.duration == 90.5


async def test_builds_with_equal_consoles_have_equal_failures(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.failed(ROOT)
    jenkins.console(ROOT, started("a", "b"))
    for job in ("a", "b"):
        jenkins.failed(f"job/{job}/1/")
        jenkins.console(f"job/{job}/1/", "ERROR: no space left on device\n")
    first, second = [child.failures[0] for child in (await read(client)).children]

    assert (first.error_message, first.stack_trace) == (second.error_message, second.stack_trace)


async def test_a_build_that_only_starts_others_has_no_failure_of_its_own(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.failed(ROOT)
    jenkins.console(ROOT, started("team » e2e"))
    jenkins.failed("job/team/job/e2e/1/")
    build = await read(client)

    assert build.failures == ()
    assert [child.failures[0].test_name for child in build.children] == ["team/e2e#1"]


async def test_a_tree_is_read_to_the_third_level_and_named_on_the_fourth(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.failed(ROOT)
    jenkins.console(ROOT, started("a"))
    for job, child in (("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")):
        jenkins.failed(f"job/{job}/1/")
        jenkins.console(f"job/{job}/1/", started(child))
    build = await read(client)
    deepest = build.children[0].children[0].children[0].children[0]

    assert tree(build) == {"a #1": {"b #1": {"c #1": {"d #1": {}}}}}
    assert deepest.notes == ("It lies more than 3 levels below the build and was not analysed.",)
    assert jenkins.asked("job/d/1/api/json") == 0


async def test_builds_that_start_each_other_are_read_once(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.failed(ROOT)
    jenkins.console(ROOT, started("a", "b"))
    jenkins.failed("job/a/1/")
    jenkins.console("job/a/1/", started("b") + "Build team » nightly #12 completed: FAILURE\n")
    jenkins.failed("job/b/1/")
    jenkins.console("job/b/1/", started("a"))
    build = await read(client)

    assert tree(build) == {"a #1": {"b #1": {}, "team/nightly #12": {}}, "b #1": {"a #1": {}}}
    assert build.children[0].children[0].notes == (
        "It stands elsewhere in this analysis too and is shown there only.",
    )
    assert [jenkins.asked(f"job/{job}/1/api/json") for job in "ab"] == [1, 1]


async def test_children_without_a_result_are_asked_for_it(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    runs = [{"number": 1, "url": f"https://ci.example.com/job/{job}/1/"} for job in ("a", "b")]
    jenkins.failed(ROOT, actions=[{"triggeredBuilds": runs}])
    jenkins.failed("job/a/1/")
    jenkins.build("job/b/1/", {"number": 1, "result": "SUCCESS", "building": False})

    assert tree(await read(client)) == {"a #1": {}}


async def test_no_more_builds_are_read_than_allowed(jenkins: JenkinsServer, client: JenkinsClient) -> None:
    jobs = [f"j{number}" for number in range(6)]
    jenkins.failed(ROOT)
    jenkins.console(ROOT, started(*jobs))
    for job in jobs:
        jenkins.failed(f"job/{job}/1/")
    build = await read(client, limits=ReadLimits(builds=4))

    assert list(tree(build)) == ["j0 #1", "j1 #1", "j2 #1", "j3 #1"]
    assert build.notes == ("2 child builds were not read: one analysis reads 4 at most.",)


async def test_a_gathered_report_s_failures_belong_to_the_children_that_reported_them(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.build("job/suite/2220/", payload("matrix-failed.json"))
    jenkins.console("job/suite/2220/", "Finished: FAILURE\n")
    jenkins.report("job/suite/2220/", payload("report-aggregated.json"))
    # The other configuration is gone: what its parent reports about it is all there is.
    jenkins.failed("job/suite/label=osx,jdk=21/2220/")
    build = await read_build(client, "suite", 2220)
    gone, osx = build.children

    assert [failure.test_name for failure in build.failures] == ["shop.Cart.adds"]
    assert [failure.test_name for failure in gone.failures] == ["stops"]
    assert "has no build suite/label=rhel72,jdk=21 #2220 (status 404)" in gone.notes[0]
    assert gone.notes[1] == "Its failures are those that its parent reports."
    assert osx.failures[0].test_name == "suite/label=osx,jdk=21#2220"


async def test_a_child_that_cannot_be_read_is_noted_and_the_parent_s_console_speaks(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.failed(ROOT)
    jenkins.console(ROOT, started("gone"))
    build = await read(client)

    assert "has no build gone #1 (status 404)" in build.children[0].notes[0]
    assert build.failures[0].test_name == "team/nightly#12"


async def test_a_child_that_cannot_be_read_and_may_have_passed_is_a_note_of_its_parent(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.failed(ROOT, runs=[{"number": 12, "url": f"https://ci.example.com/{ROOT}"[:-3] + "os=mac/12/"}])
    build = await read(client)

    assert build.children == ()
    assert build.notes[0].startswith(
        "Child builds that may have failed could not be read: team/nightly/os=mac #12. "
    )


async def test_below_a_child_that_cannot_be_read_its_parent_s_word_counts(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    leaf = {"jobName": "leaf", "buildNumber": 1, "result": "FAILURE", "url": "job/leaf/1/"}
    middle = {"jobName": "middle", "buildNumber": 1, "result": "FAILURE", "url": "job/middle/1/"}
    jenkins.failed(ROOT, subBuilds=[{**middle, "build": {"subBuilds": [leaf]}}])
    jenkins.failed("job/leaf/1/")
    build = await read(client)

    assert tree(build) == {"middle #1": {"leaf #1": {}}}
    assert build.failures == build.children[0].failures == ()
    assert [failure.test_name for failure in build.children[0].children[0].failures] == ["leaf#1"]


async def test_a_report_that_cannot_be_read_is_noted_and_the_console_speaks(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.failed(ROOT)
    jenkins.answer(f"{ROOT}testReport/api/json", page("oops", 500))
    build = await read(client)

    assert "The test report could not be read" in build.notes[0]
    assert build.failures[0].test_name == "team/nightly#12"


async def test_a_console_that_cannot_be_read_is_noted_when_there_is_a_report(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.build(ROOT, payload("pipeline-failed.json"))
    jenkins.report(ROOT, payload("report-plain.json"))
    jenkins.answer(f"{ROOT}logText/progressiveText", page("oops", 500))
    build = await read(client)

    assert len(build.failures) == 2
    assert "The console could not be read" in build.notes[0]


async def test_a_build_with_neither_report_nor_console_cannot_be_read(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.build(ROOT, payload("pipeline-failed.json"))
    jenkins.answer(f"{ROOT}logText/progressiveText", page("oops", 500))

    with pytest.raises(Unavailable, match="console of build team/nightly #12"):
        await read(client)


async def test_a_build_that_is_not_there_cannot_be_read(client: JenkinsClient) -> None:
    with pytest.raises(Refused, match="no build team/nightly #12"):
        await read(client)


async def test_an_impossible_name_is_refused(client: JenkinsClient) -> None:
    with pytest.raises(InvalidInput):
        await read_build(client, "", 12)


async def test_a_running_build_is_read_as_far_as_it_is(jenkins: JenkinsServer, client: JenkinsClient) -> None:
    jenkins.build(ROOT, {"number": 12, "building": True, "result": None})
    jenkins.console(ROOT, "ERROR: already\n")
    build = await read(client)

    assert build.notes == ("The build was still running; this is what it had until then.",)
    assert build.failures[0].stack_trace == "ERROR: already"


async def test_each_console_is_handed_out_before_it_is_let_go_of(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    kept: dict[str, str] = {}

    async def keep(build: BuildName, console: Console) -> None:
        kept[str(build)] = console.text()

    jenkins.failed(ROOT)
    jenkins.console(ROOT, started("a"))
    jenkins.failed("job/a/1/")
    await read_build(client, "team/nightly", 12, keep_console=keep)

    assert kept == {"team/nightly #12": started("a"), "a #1": "Finished: FAILURE\n"}


async def test_the_domain_s_build_holds_the_whole_tree(jenkins: JenkinsServer, client: JenkinsClient) -> None:
    jenkins.failed(ROOT)
    jenkins.console(ROOT, started("a"))
    jenkins.failed("job/a/1/")
    jenkins.answer("job/a/1/testReport/api/json", Reply(b"{"))
    build = (await read(client)).as_build()

    assert (build.job_name, build.build_number, build.failures) == ("team/nightly", 12, ())
    assert (build.children[0].job_name, build.children[0].result) == ("a", "FAILURE")
    assert "test report could not be read" in build.children[0].note
    assert len(build.children[0].failures) == 1
