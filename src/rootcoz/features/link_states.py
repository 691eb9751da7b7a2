"""The states of the issues and pull requests that people's comments name.

States are looked up in parallel, kept for a short while, and given up in time: a tracker that is slow, down or in a bad
mood makes a state `unknown` and never an error. Nobody sees a state through somebody else's credential: what is kept
is kept for the credential that it was seen with.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from rootcoz.domain.analysis import StoredAnalysis
from rootcoz.domain.errors import OutsideError, RateLimited, Refused
from rootcoz.domain.link import UNKNOWN, Link
from rootcoz.kit.sealed import Seal, Unreadable
from rootcoz.store.analyses import find_analysis
from rootcoz.store.engine import Database
from rootcoz.store.review import list_comments
from rootcoz.store.secrets import load_secrets
from rootcoz.trackers.base import StateLookup

TIME_LIMIT_S = 10.0
"""Seconds that somebody waits for all states of a result together."""
MAX_LOOKUPS = 200
"""Of one request; the rest is unknown until it is asked for again, when these are known."""
AT_ONCE = 8
"""Lookups with one credential, of one request."""
MAX_TROUBLES = 3
"""Lookups without an answer, after which a tracker is left alone."""
KEPT_S = 120.0
"""Seconds for which a state is given without asking again."""
REST_S = 30.0
"""Seconds for which a tracker that gave trouble is left alone."""
LONGEST_REST_S = 600.0
"""However long it wants to be left alone."""
KEPT = 4096

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StateDesk:
    """Where a link is looked up."""

    lookup: StateLookup
    sight: str
    """Names the server together with the credential, and tells nothing of it: two of the same sight see the same."""


class CommentTrackers(Protocol):
    """The trackers that comments on one result are held against."""

    def links(self, text: str) -> Sequence[Link]:
        """What the text names, each once."""
        ...

    def desk(self, link: Link) -> StateDesk | None:
        """Where to look it up; None where nobody can be asked."""
        ...

    def address(self, link: Link) -> str:
        """Where people find it; empty when that is not known."""
        ...


OpenTrackers = Callable[[StoredAnalysis, Mapping[str, str], Mapping[str, str]], CommentTrackers]
"""Given the analysis, the credentials that came with its request, and those that whoever asks has saved."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """A link and what is known of it."""

    link: Link
    state: str
    url: str


class CommentLinks:
    """Finds what comments name, and its states."""

    def __init__(self, database: Database, seal: Seal, open_trackers: OpenTrackers) -> None:
        self._database = database
        self._seal = seal
        self._open_trackers = open_trackers
        self._states = LinkStates()

    async def states(self, job_id: str, saved: Mapping[str, str]) -> dict[int, list[LinkState]]:
        """By comment id, in the order of each comment's text; comments that name nothing are left out.

        `saved`: the credentials of whoever asks. Empty for an unknown analysis.
        """
        async with self._database.read() as connection:
            analysis = await find_analysis(connection, job_id)
            comments = await list_comments(connection, job_id)
            if analysis is None or not comments:
                return {}
            try:
                sent = await load_secrets(connection, analysis.id, self._seal)
            except Unreadable as error:
                log.warning("request_secrets_unreadable", job_id=job_id, reason=str(error))
                sent = {}
        trackers = self._open_trackers(analysis, sent, saved)
        named = await asyncio.to_thread(
            lambda: {one.id: links for one in comments if (links := trackers.links(one.comment))}
        )
        states = await self._states.of((link for links in named.values() for link in links), trackers.desk)
        return {
            comment: [LinkState(link, states[link], trackers.address(link)) for link in links]
            for comment, links in named.items()
        }


class LinkStates:
    """Looks states up, and keeps them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str, str], tuple[float, str]] = OrderedDict()
        self._resting: dict[str, float] = {}
        self._going: dict[tuple[str, str, str], asyncio.Future[str]] = {}

    async def of(
        self, links: Iterable[Link], desk_for: Callable[[Link], StateDesk | None]
    ) -> dict[Link, str]:
        """The state of each link. Never raises for what is outside, and returns within TIME_LIMIT_S."""
        states: dict[Link, str] = {}
        waiting: dict[str, list[tuple[Link, StateDesk]]] = {}
        wanted = 0
        for link in links:
            if link in states:
                continue
            states[link] = UNKNOWN
            desk = desk_for(link)
            if desk is None:
                continue
            known = self._known(_key(link, desk))
            if known is not None:
                states[link] = known
            elif wanted < MAX_LOOKUPS and not self._is_resting(desk.sight):
                wanted += 1
                waiting.setdefault(desk.sight, []).append((link, desk))
        try:
            async with asyncio.timeout(TIME_LIMIT_S), asyncio.TaskGroup() as tasks:
                for queue in waiting.values():
                    tasks.create_task(self._look_up(queue, states))
        except TimeoutError:
            log.info("link_states_out_of_time", asked=wanted)
        return states

    async def _look_up(self, queue: Sequence[tuple[Link, StateDesk]], states: dict[Link, str]) -> None:
        """Look all up at one server with one credential.

        The first goes alone: what is wrong with a credential shows at once, and a wrong password sent eight times at
        once may lock an account.
        """
        left, troubles, sight = iter(queue), 0, queue[0][1].sight

        async def work(most: int = MAX_LOOKUPS) -> None:
            nonlocal troubles
            for done, (link, desk) in enumerate(left, start=1):
                if self._is_resting(sight):
                    return
                try:
                    states[link] = await self._state(link, desk)
                except OutsideError as error:
                    troubles += 1
                    self._leave_alone(sight, error, troubles=troubles)
                if done == most:
                    return

        await work(1)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(work())

    async def _state(self, link: Link, desk: StateDesk) -> str:
        """Asked once, however many want to know it at the same time."""
        key = _key(link, desk)
        if (going := self._going.get(key)) is not None:
            return await asyncio.shield(going)
        going = self._going[key] = asyncio.get_running_loop().create_future()
        state = UNKNOWN
        try:
            state = await desk.lookup.state(link)
            self._keep(key, state)
        except Refused as error:
            if not error.not_found:
                raise
            self._keep(key, UNKNOWN)
        finally:
            del self._going[key]
            going.set_result(state)
        return state

    def _leave_alone(self, sight: str, error: OutsideError, *, troubles: int) -> None:
        """After a credential that is not accepted, a wish to be left alone, or several failures."""
        log.info("link_state_not_known", source=error.source, reason=str(error))
        rest = REST_S
        if isinstance(error, RateLimited):
            rest = min(LONGEST_REST_S, max(REST_S, error.retry_after_s or 0))
        elif not isinstance(error, Refused) and troubles < MAX_TROUBLES:
            return
        self._resting[sight] = self._clock() + rest

    def _is_resting(self, sight: str) -> bool:
        until = self._resting.get(sight)
        if until is not None and until <= self._clock():
            del self._resting[sight]
            until = None
        return until is not None

    def _known(self, key: tuple[str, str, str]) -> str | None:
        kept_until, state = self._kept.get(key, (0.0, ""))
        return state if kept_until > self._clock() else None

    def _keep(self, key: tuple[str, str, str], state: str) -> None:
        self._kept[key] = (self._clock() + KEPT_S, state)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _key(link: Link, desk: StateDesk) -> tuple[str, str, str]:
    return desk.sight, link.kind, link.key
