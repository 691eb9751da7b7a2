"""Waiting for a build to end.

`decide` is the whole of the judgement and does no I/O; its state is small and plain, so that whoever runs it can keep
the state on disk and go on with the remaining time in another process. `wait_for_build` is the loop around it.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from rootcoz.domain.errors import OutsideError, Refused, Unavailable
from rootcoz.sources.jenkins.client import Troubled
from rootcoz.sources.jenkins.names import BuildName
from rootcoz.sources.jenkins.replies import BuildReply

ERRORS_IN_A_ROW = 5
"""So many polls may fail one after the other before the wait is given up."""
SECONDS_PER_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class WaitPlan:
    """How to wait, as the request says."""

    poll_interval_s: float
    max_wait_minutes: float = 0
    """0: no limit."""
    started_at: float = 0.0
    """When the wait began, in seconds since 1970-01-01 UTC; the same after a restart."""

    @property
    def deadline(self) -> float | None:
        """When the wait is given up; None for never."""
        if self.max_wait_minutes <= 0:
            return None
        return self.started_at + self.max_wait_minutes * SECONDS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class WaitState:
    """What one poll leaves for the next."""

    errors: int = 0
    """Polls that failed since the last one that did not."""
    reached: bool = False
    """Whether the server has ever answered."""


# --- what a poll found ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Running:
    """The build has not ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The build has a result and runs no more."""

    result: str


@dataclass(frozen=True, slots=True)
class Failing:
    """Something that may pass by itself."""

    message: str
    reached: bool
    """Whether it was the server's own answer, rather than none."""


@dataclass(frozen=True, slots=True)
class Hopeless:
    """Something that will not pass by itself: no such build, no right to see it, a wrong address."""

    message: str


Poll = Running | Ended | Failing | Hopeless


# --- what to do --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaitOn:
    """Ask again after a pause."""

    state: WaitState
    pause_s: float


@dataclass(frozen=True, slots=True)
class Go:
    """The build is there to be read."""

    result: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Give up."""

    message: str
    """Names server, build and status."""


Decision = WaitOn | Go | Fail


def decide(poll: Poll, state: WaitState, plan: WaitPlan, *, now: float, build: str) -> Decision:
    """What to do after a poll. `now` is in seconds since 1970-01-01 UTC; `build` is how messages call the build.

    A server that has never answered fails at once: its address is most likely wrong, and the caller should know it
    now rather than five polls later.
    """
    match poll:
        case Ended(result):
            return Go(result)
        case Hopeless(message):
            return Fail(message)
        case Failing(message, reached):
            if not (reached or state.reached):
                return Fail(message)
            state = WaitState(errors=state.errors + 1, reached=True)
            if state.errors >= ERRORS_IN_A_ROW:
                return Fail(
                    f"{state.errors} polls for {build} failed one after the other. The last one: {message}"
                )
        case Running():
            state = WaitState(errors=0, reached=True)
    if plan.deadline is not None and now >= plan.deadline:
        return Fail(_too_long(poll, plan, build))
    left = plan.poll_interval_s if plan.deadline is None else plan.deadline - now
    return WaitOn(state, min(plan.poll_interval_s, left))


def _too_long(poll: Poll, plan: WaitPlan, build: str) -> str:
    minutes = f"{plan.max_wait_minutes:g} minute{'' if plan.max_wait_minutes == 1 else 's'}"
    last = f" The last poll failed: {poll.message}" if isinstance(poll, Failing) else ""
    return f"{build} did not end within {minutes} (max_wait_minutes); analyse it again when it has.{last}"


class Builds(Protocol):
    """What the wait needs of a client: `client.JenkinsClient`."""

    @property
    def url(self) -> str:
        """The server's address, for messages."""
        ...

    @property
    def source(self) -> str:
        """Who failed, for errors."""
        ...

    async def build(self, name: BuildName) -> BuildReply:
        """The build as it stands."""
        ...


async def poll_build(client: Builds, name: BuildName) -> Poll:
    """Ask once. Raises nothing of `domain.errors`."""
    try:
        reply = await client.build(name)
    except Unavailable as error:
        return Failing(str(error), reached=isinstance(error, Troubled))
    except OutsideError as error:
        return Hopeless(str(error))
    return Running() if reply.is_running else Ended(reply.result or "")


async def wait_for_build(
    client: Builds,
    name: BuildName,
    plan: WaitPlan,
    *,
    sleep: Callable[[float], Awaitable[None]],
    state: WaitState | None = None,
    keep: Callable[[WaitState], Awaitable[None]] | None = None,
    clock: Callable[[], float] = time.time,
) -> str:
    """Return the build's result when it has ended. Raises Refused when the wait is given up.

    `keep` gets each new state before the pause that follows it.
    """
    state = state or WaitState()
    while True:
        poll = await poll_build(client, name)
        decision = decide(poll, state, plan, now=clock(), build=f"Build {name} on {client.url}")
        match decision:
            case Go(result):
                return result
            case Fail(message):
                raise Refused(message, source=client.source)
            case WaitOn(new, pause_s):
                if keep and new != state:
                    await keep(new)
                state = new
                await sleep(pause_s)
