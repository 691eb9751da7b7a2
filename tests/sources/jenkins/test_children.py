import pytest
from tests.support.jenkins_server import payload

from rootcoz.sources.jenkins.children import Children, console_children, listed_children
from rootcoz.sources.jenkins.console import ConsoleLine
from rootcoz.sources.jenkins.names import BuildName
from rootcoz.sources.jenkins.replies import BuildReply

PARENT = BuildName("team/nightly", 12)


def listed(reply: object, parent: BuildName = PARENT) -> Children:
    return listed_children(BuildReply.model_validate(reply), parent, "/ci/")


def shown(children: Children) -> list[str]:
    return [f"{ref.build} {ref.result}" for ref in children.refs]


def spoken(*texts: str) -> list[str]:
    lines = [ConsoleLine(number, text) for number, text in enumerate(texts, start=1)]
    return shown(console_children(lines, PARENT))


def test_the_failed_sub_builds_of_a_multijob_are_its_children() -> None:
    children = listed(payload("multijob-failed.json"), BuildName("release", 77))

    assert shown(children) == ["compile-arm #18474 UNSTABLE", "team/e2e #2220 FAILURE", "flaky #9 FAILURE"]
    assert children.notes == ("Aborted child builds were left out: docs #5.",)


def test_a_matrix_build_s_own_failed_configurations_are_its_children() -> None:
    children = listed(payload("matrix-failed.json"), BuildName("suite", 2220))

    assert shown(children) == ["suite/label=rhel72,jdk=21 #2220 FAILURE", "suite/label=osx,jdk=21 #2220 None"]


def test_builds_that_plugins_triggered_are_its_children() -> None:
    reply = {
        "url": "https://ci.example.com/job/team/job/nightly/12/",
        "actions": [
            {
                "triggeredBuilds": [
                    {"number": 3, "url": "https://ci.example.com/job/a/3/", "result": "FAILURE"}
                ]
            },
            {},
            {"triggeredBuilds": [{"number": 4, "url": "http://jenkins:8080/ci/job/b/4/"}, {}, None]},
        ],
    }

    assert shown(listed(reply)) == ["a #3 FAILURE", "b #4 None"]


def test_aborted_children_count_when_nothing_else_failed() -> None:
    reply = {"subBuilds": [{"jobName": "a", "buildNumber": 3, "result": "ABORTED", "url": "job/a/3/"}]}

    assert shown(listed(reply)) == ["a #3 ABORTED"]


def test_a_build_is_not_its_own_child() -> None:
    reply = {
        "subBuilds": [{"jobName": "nightly", "buildNumber": 12, "result": "FAILURE", "url": f"{PARENT.path}"}]
    }

    assert listed(reply).refs == ()


@pytest.mark.parametrize(
    ("line", "child"),
    [
        ("Build team » e2e #31 completed: FAILURE", "team/e2e #31 FAILURE"),
        ("Build e2e #31 completed: UNSTABLE", "e2e #31 UNSTABLE"),
        ("[shard-2] Build team » my e2e #31 completed: FAILURE", "team/my e2e #31 FAILURE"),
        ("[2026-03-01T07:15:02.113Z] Build a»b » c #7 completed: FAILURE", "a/b/c #7 FAILURE"),
        ("[Build all] Build e2e #31 completed: FAILURE", "e2e #31 FAILURE"),
        ("team/e2e #31 completed. Result was FAILURE", "team/e2e #31 FAILURE"),
        ("Finished Build : #31 of Job : e2e with status : UNSTABLE", "e2e #31 UNSTABLE"),
        ("Build e2e #31 (nightly) completed: ABORTED", "e2e #31 ABORTED"),
    ],
)
def test_the_console_says_which_child_failed(line: str, child: str) -> None:
    assert spoken("Starting", line, "Finished: FAILURE") == [child]


@pytest.mark.parametrize(
    "line",
    [
        "Build e2e #31 completed: SUCCESS",
        "Build e2e completed: FAILURE",
        "Starting building: e2e #31",
        "Rebuild e2e #31 completed: FAILURES",
        "Build e2e #99999999999999 completed: FAILURE",
        "Build team » nightly #12 completed: FAILURE",
    ],
)
def test_other_lines_name_no_failed_child(line: str) -> None:
    assert spoken(line) == []


def test_a_child_that_the_console_names_twice_is_one() -> None:
    line = "Build e2e #31 completed: FAILURE"

    assert spoken(line, line) == ["e2e #31 FAILURE"]
