"""States of what comments name, looked up under stress."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rootcoz.domain.errors import OutsideError, RateLimited, Refused, Unavailable
from rootcoz.domain.link import UNKNOWN, Link, LinkKind
from rootcoz.features import link_states
from rootcoz.features.link_states import LinkStates, StateDesk

SOURCE = "tracker test"


class Tracker:
    """Answers as it is told, and counts."""

    name = "Test"

    def __init__(self, answer: Callable[[Link], str] = lambda link: f"state of {link.key}") -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.busiest = self._busy = 0
        self.wait: Callable[[Link], Awaitable[object]] = lambda _link: asyncio.sleep(0)

    async def state(self, link: Link) -> str:
        self.asked.append(link.key)
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            await self.wait(link)
            return self.answer(link)
        finally:
            self._busy -= 1


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def links(count: int) -> list[Link]:
    return [Link(LinkKind.JIRA, f"CORE-{number}") for number in range(1, count + 1)]


def at(tracker: Tracker, sight: str = "one") -> Callable[[Link], StateDesk]:
    return lambda _link: StateDesk(tracker, sight)


def failing(error: OutsideError) -> Callable[[Link], str]:
    def fail(_link: Link) -> str:
        raise error

    return fail


async def test_states_are_looked_up_side_by_side_each_once() -> None:
    tracker = Tracker()
    tracker.wait = lambda _link: asyncio.sleep(0.01)
    found = await LinkStates().of([*links(30), *links(30)], at(tracker))

    assert found == {link: f"state of {link.key}" for link in links(30)}
    assert sorted(tracker.asked) == sorted(link.key for link in links(30))
    assert tracker.busiest == link_states.AT_ONCE


async def test_what_nobody_can_be_asked_about_is_unknown() -> None:
    assert await LinkStates().of(links(2), lambda _link: None) == dict.fromkeys(links(2), UNKNOWN)


async def test_a_state_is_kept_for_a_while() -> None:
    tracker, clock = Tracker(), Clock()
    states = LinkStates(clock)
    await states.of(links(2), at(tracker))
    clock.now += link_states.KEPT_S - 1
    await states.of(links(2), at(tracker))
    kept = len(tracker.asked)
    clock.now += 2
    await states.of(links(2), at(tracker))

    assert (kept, len(tracker.asked)) == (2, 4)


async def test_nobody_sees_a_state_through_another_s_credential() -> None:
    mine, yours = (
        Tracker(lambda _link: "secret"),
        Tracker(failing(Refused("no", source=SOURCE, not_found=True))),
    )
    states = LinkStates()
    first = await states.of(links(1), at(mine, "mine"))
    second = await states.of(links(1), at(yours, "yours"))

    assert [*first.values(), *second.values()] == ["secret", UNKNOWN]


async def test_many_who_ask_at_once_make_one_request() -> None:
    tracker = Tracker()
    tracker.wait = lambda _link: asyncio.sleep(0.02)
    states = LinkStates()
    found = await asyncio.gather(*(states.of(links(3), at(tracker)) for _ in range(10)))

    assert all(one == found[0] for one in found)
    assert len(tracker.asked) == 3


async def test_the_time_limit_leaves_the_slow_ones_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_states, "TIME_LIMIT_S", 0.2)
    tracker = Tracker()
    tracker.wait = lambda link: asyncio.sleep(60 if link.key == "CORE-2" else 0)
    states = LinkStates()
    found = await states.of(links(4), at(tracker))
    tracker.wait = lambda _link: asyncio.sleep(0)
    again = await states.of(links(4), at(tracker))

    assert [link.key for link, state in found.items() if state == UNKNOWN] == ["CORE-2"]
    assert UNKNOWN not in again.values()


async def test_who_waits_for_another_s_lookup_is_told_when_that_one_leaves() -> None:
    tracker = Tracker()
    tracker.wait = lambda _link: asyncio.sleep(60)
    states = LinkStates()
    leaving = asyncio.create_task(states.of(links(1), at(tracker)))
    await asyncio.sleep(0)
    staying = asyncio.create_task(states.of(links(1), at(tracker)))
    await asyncio.sleep(0.01)
    leaving.cancel()

    assert await asyncio.wait_for(staying, 1) == {links(1)[0]: UNKNOWN}


async def test_a_credential_that_is_not_accepted_is_sent_once() -> None:
    tracker, clock = Tracker(failing(Refused("wrong", source=SOURCE))), Clock()
    states = LinkStates(clock)
    found = await states.of(links(20), at(tracker))
    await states.of(links(20), at(tracker))
    sent = len(tracker.asked)
    clock.now += link_states.REST_S + 1
    tracker.answer = lambda _link: "open"
    again = await states.of(links(20), at(tracker))

    assert set(found.values()) == {UNKNOWN}
    assert sent == 1
    assert set(again.values()) == {"open"}


async def test_issues_that_are_not_there_do_not_keep_the_others_from_being_asked_about() -> None:
    missing = Refused("gone", source=SOURCE, not_found=True)
    tracker = Tracker(lambda link: "open" if link.key == "CORE-9" else failing(missing)(link))
    states = LinkStates()
    found = await states.of(links(9), at(tracker))
    await states.of(links(9), at(tracker))

    assert [link.key for link, state in found.items() if state == "open"] == ["CORE-9"]
    assert len(tracker.asked) == 9


async def test_a_tracker_that_does_not_answer_is_left_alone_after_a_few_tries() -> None:
    tracker = Tracker(failing(Unavailable("down", source=SOURCE)))
    found = await LinkStates().of(links(100), at(tracker))

    assert set(found.values()) == {UNKNOWN}
    assert len(tracker.asked) < link_states.MAX_TROUBLES + link_states.AT_ONCE


async def test_one_tracker_s_trouble_is_not_another_s() -> None:
    down, up = Tracker(failing(Unavailable("down", source=SOURCE))), Tracker()
    desks = {
        link: StateDesk(up, "up") if number % 2 else StateDesk(down, "down")
        for number, link in enumerate(links(10))
    }
    found = await LinkStates().of(links(10), desks.__getitem__)

    assert [state != UNKNOWN for state in found.values()] == [False, True] * 5


async def test_a_rate_limit_is_kept_to() -> None:
    tracker, clock = Tracker(failing(RateLimited("later", source=SOURCE, retry_after_s=300))), Clock()
    states = LinkStates(clock)
    await states.of(links(5), at(tracker))
    clock.now += 299
    await states.of(links(5), at(tracker))
    early = len(tracker.asked)
    clock.now += 2
    await states.of(links(5), at(tracker))

    assert (early, len(tracker.asked)) == (1, 2)


async def test_no_more_than_so_many_are_looked_up_at_a_time() -> None:
    tracker = Tracker()
    states = LinkStates()
    some = await states.of(links(link_states.MAX_LOOKUPS + 5), at(tracker))
    all_of_them = await states.of(links(link_states.MAX_LOOKUPS + 5), at(tracker))

    assert list(some.values()).count(UNKNOWN) == 5
    assert UNKNOWN not in all_of_them.values()
