from collections.abc import Iterator, Sequence

import pytest
from tests.support.jenkins_server import JenkinsServer, Reply, as_json, page, running_jenkins

from rootcoz.domain.errors import OutsideError, Refused, Unavailable
from rootcoz.sources.jenkins.client import JenkinsAccess, JenkinsClient
from rootcoz.sources.jenkins.names import BuildName
from rootcoz.sources.jenkins.wait import (
    ERRORS_IN_A_ROW,
    Decision,
    Ended,
    Fail,
    Failing,
    Go,
    Hopeless,
    Poll,
    Running,
    WaitOn,
    WaitPlan,
    WaitState,
    decide,
    wait_for_build,
)

BUILD = BuildName("nightly", 12)
BUILD_JSON = f"{BUILD.path}api/json"
RUNNING = as_json({"number": 12, "building": True, "result": None})
DONE = as_json({"number": 12, "building": False, "result": "FAILURE"})
SILENT = Failing("https://ci cannot be reached.", reached=False)
TROUBLE = Failing("https://ci could not answer (status 503).", reached=True)
TWO_MINUTES = WaitPlan(poll_interval_s=120)


def decided(
    poll: Poll, state: WaitState | None = None, plan: WaitPlan = TWO_MINUTES, *, now: float = 0.0
) -> Decision:
    return decide(poll, state or WaitState(), plan, now=now, build="Build nightly #12 on https://ci")


def test_a_running_build_is_waited_for() -> None:
    assert decided(Running()) == WaitOn(WaitState(errors=0, reached=True), 120)


def test_a_build_that_ended_is_read() -> None:
    assert decided(Ended("UNSTABLE"), WaitState(errors=4, reached=True)) == Go("UNSTABLE")


def test_what_will_not_pass_by_itself_ends_the_wait_at_once() -> None:
    assert decided(Hopeless("no build (status 404)"), WaitState(reached=True)) == Fail(
        "no build (status 404)"
    )


def test_a_server_that_never_answered_ends_the_wait_at_once() -> None:
    assert decided(SILENT) == Fail(SILENT.message)


@pytest.mark.parametrize("poll", [SILENT, TROUBLE])
def test_trouble_is_tolerated_once_the_server_has_answered(poll: Poll) -> None:
    assert decided(poll, WaitState(reached=True)) == WaitOn(WaitState(errors=1, reached=True), 120)


def test_a_server_whose_first_answer_is_trouble_is_waited_for() -> None:
    assert decided(TROUBLE) == WaitOn(WaitState(errors=1, reached=True), 120)


def test_the_fifth_error_in_a_row_ends_the_wait() -> None:
    last = decided(TROUBLE, WaitState(errors=ERRORS_IN_A_ROW - 1, reached=True))

    assert last == Fail(
        "5 polls for Build nightly #12 on https://ci failed one after the other. "
        "The last one: https://ci could not answer (status 503)."
    )


def test_an_answer_forgives_the_errors_before_it() -> None:
    assert decided(Running(), WaitState(errors=4, reached=True)) == WaitOn(
        WaitState(errors=0, reached=True), 120
    )


def test_the_wait_ends_at_its_limit_and_says_so() -> None:
    plan = WaitPlan(poll_interval_s=120, max_wait_minutes=30, started_at=1000)

    assert isinstance(decided(Running(), plan=plan, now=1000 + 30 * 60 - 1), WaitOn)
    assert decided(Running(), plan=plan, now=1000 + 30 * 60) == Fail(
        "Build nightly #12 on https://ci did not end within 30 minutes (max_wait_minutes); "
        "analyse it again when it has."
    )


def test_a_build_that_ended_at_the_last_moment_is_read() -> None:
    plan = WaitPlan(poll_interval_s=120, max_wait_minutes=1, started_at=0)

    assert decided(Ended("FAILURE"), plan=plan, now=61) == Go("FAILURE")


def test_the_last_pause_ends_at_the_limit() -> None:
    plan = WaitPlan(poll_interval_s=120, max_wait_minutes=3, started_at=0)

    assert decided(Running(), plan=plan, now=100) == WaitOn(WaitState(reached=True), 80)


def test_a_limit_of_nothing_is_none() -> None:
    assert isinstance(
        decided(Running(), plan=WaitPlan(120, max_wait_minutes=0, started_at=0), now=1e9), WaitOn
    )


class Waiting:
    """A wait in which pauses take no time but count."""

    def __init__(self) -> None:
        self.now = 0.0
        self.kept: list[WaitState] = []

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def keep(self, state: WaitState) -> None:
        self.kept.append(state)

    async def run(self, url: str, plan: WaitPlan, state: WaitState | None = None) -> str:
        async with JenkinsClient(JenkinsAccess(url), attempts=1) as client:
            return await wait_for_build(
                client, BUILD, plan, sleep=self.sleep, keep=self.keep, state=state, clock=lambda: self.now
            )


@pytest.fixture
def jenkins() -> Iterator[JenkinsServer]:
    with running_jenkins() as server:
        yield server


async def test_a_build_is_polled_until_it_ends(jenkins: JenkinsServer) -> None:
    jenkins.answer(BUILD_JSON, RUNNING, RUNNING, page("busy", 503), RUNNING, DONE)
    waiting = Waiting()

    assert await waiting.run(jenkins.url, TWO_MINUTES) == "FAILURE"
    assert waiting.now == 4 * 120
    assert [state.errors for state in waiting.kept] == [0, 1, 0]


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ([page("", 404)], r"no build nightly #12 \(status 404\)"),
        ([RUNNING, page("", 403)], r"anonymous users read build nightly #12 \(status 403\)|web page"),
        ([page("", 500)], r"5 polls for Build nightly #12 .*status 500"),
        ([RUNNING], "within 10 minutes"),
    ],
)
async def test_a_hopeless_wait_ends_with_a_sentence(
    jenkins: JenkinsServer, replies: Sequence[Reply], said: str
) -> None:
    jenkins.answer(BUILD_JSON, *replies)

    with pytest.raises(Refused, match=said):
        await Waiting().run(jenkins.url, WaitPlan(120, max_wait_minutes=10))


async def test_a_restarted_wait_has_the_time_that_remains(jenkins: JenkinsServer) -> None:
    jenkins.answer(BUILD_JSON, RUNNING)
    waiting = Waiting()
    waiting.now = 9.5 * 60

    with pytest.raises(OutsideError, match="within 10 minutes"):
        await waiting.run(
            jenkins.url, WaitPlan(120, max_wait_minutes=10, started_at=0), WaitState(reached=True)
        )

    assert waiting.now == 600


async def test_a_server_that_is_not_there_fails_the_wait_without_a_pause() -> None:
    with running_jenkins() as gone:
        url = gone.url
    waiting = Waiting()

    with pytest.raises(OutsideError, match="cannot be reached") as caught:
        await waiting.run(url, TWO_MINUTES)

    assert not isinstance(caught.value, Unavailable)
    assert waiting.now == 0
