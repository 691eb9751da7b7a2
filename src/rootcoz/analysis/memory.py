"""The team's memory: what people decided when the failures of a build, or ones that resemble them, came before.

An override is remembered after it was made, by the next analysis or the next start, whichever comes first: its
failure is read once more and put into the index of `store/memory.py`. So an index that is lost, or made by older rules,
heals by itself.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from rootcoz.domain.failure import ErrorSignature, FailureGroup
from rootcoz.domain.review import PastDecision
from rootcoz.grouping.groups import says_nothing
from rootcoz.grouping.memory import (
    NEAR,
    NEAR_SHOWN,
    RULES,
    Remembered,
    memory_keys,
    rank_remembered,
    remember,
)
from rootcoz.grouping.signature import error_signature
from rootcoz.kit.chunks import Chunk
from rootcoz.store import builds
from rootcoz.store import memory as memory_store
from rootcoz.store.decisions import DECISIONS_SHOWN, past_decisions
from rootcoz.store.documents import load_document
from rootcoz.store.engine import Database
from rootcoz.store.memory import RememberedFailure, ToRemember, Unremembered

NEAR_GROUPS = 500
"""Groups of one analysis for which similar failures are looked for, the largest ones: a few milliseconds each."""
CATCH_UP = 100
"""Overrides that an analysis remembers before it looks; a start remembers all."""
CATCH_UP_PAUSE_S = 0.05
"""Between two batches at a start, for the others."""
_TOGETHER = 25
"""Groups that are looked up at once."""

log = structlog.get_logger()

Decisions = dict[int, list[PastDecision]]
"""By group number, the best first; a group of which nothing is known is missing."""


@dataclass(frozen=True, slots=True)
class _Resembling:
    """A remembered failure that resembles a group's."""

    failure: RememberedFailure
    similarity: float


# --- remembering -----------------------------------------------------------------------------------


async def remember_everything(database: Database, *, pause_s: float = CATCH_UP_PAUSE_S) -> int:
    """Remember all overrides that nobody has remembered by these rules; how many there were."""
    done = 0
    while batch := await catch_up(database):
        done += batch
        await asyncio.sleep(pause_s)
    if done:
        log.info("decisions_remembered", signatures=done)
    return done


async def catch_up(database: Database, limit: int = CATCH_UP) -> int:
    """Remember the newest overrides that are not remembered yet, at most `limit`; how many there were."""
    async with database.read() as connection:
        missing = await memory_store.find_unremembered(connection, RULES, limit)
    for judged in missing:
        failure = await _read(database, judged)
        async with database.write() as connection:
            await memory_store.remember(connection, judged, failure, RULES)
    return len(missing)


async def _read(database: Database, judged: Unremembered) -> ToRemember | None:
    if judged.number is None:
        return None
    async with database.read() as connection:
        chunks = await load_document(connection, judged.analysis_id, builds.FAILURES)
    return await asyncio.to_thread(_to_remember, chunks, judged.number)


def _to_remember(chunks: Sequence[Chunk], number: int) -> ToRemember | None:
    failure = next((failure for _, failure in builds.pick_failures(chunks, {number})), None)
    if failure is None or says_nothing(failure):
        return None
    return ToRemember(
        error_signature(failure), failure.test_name, remember(failure).profile, memory_keys(failure)
    )


# --- recalling -------------------------------------------------------------------------------------


async def exact_decisions(database: Database, groups: Collection[FailureGroup], *, but: int) -> Decisions:
    """What people decided of the same failures, whichever rules made their signatures then, the newest first.

    `but` is the row id of the analysis whose groups they are.
    """
    wanted = {group.signature for group in groups if not says_nothing(group.representative)}
    async with database.read() as connection:
        older = await memory_store.older_names(connection, wanted, RULES)
        found = await past_decisions(connection, [*wanted, *older], but=but)
    known: dict[ErrorSignature, list[PastDecision]] = {}
    for signature, decisions in found.items():
        known.setdefault(older.get(signature, signature), []).extend(decisions)
    return {
        group.number: sorted(known[group.signature], key=lambda one: one.decided_at, reverse=True)[
            :DECISIONS_SHOWN
        ]
        for group in groups
        if group.signature in known and group.signature in wanted
    }


async def near_decisions(database: Database, groups: Collection[FailureGroup], *, but: int) -> Decisions:
    """What people decided of failures that resemble those of the groups, the most similar first.

    Only of the largest NEAR_GROUPS groups. `but` as for `exact_decisions`.
    """
    await catch_up(database)
    async with database.read() as connection:
        if not await memory_store.remembers_anything(connection):
            return {}
    telling = [group for group in groups if not says_nothing(group.representative)]
    largest = sorted(telling, key=lambda group: (-len(group.members), group.number))[:NEAR_GROUPS]
    found: Decisions = {}
    for start in range(0, len(largest), _TOGETHER):
        found |= await _near(database, largest[start : start + _TOGETHER], but)
    return found


async def _near(database: Database, groups: Sequence[FailureGroup], but: int) -> Decisions:
    failures = [group.representative for group in groups]
    read = await asyncio.to_thread(
        lambda: [(remember(failure), memory_keys(failure)) for failure in failures]
    )
    async with database.read() as connection:
        candidates = [await memory_store.find_candidates(connection, keys) for _, keys in read]
        wanted = {one for ids in candidates for one in ids}
        past = await memory_store.load_remembered(connection, wanted, RULES)
    ranked = await asyncio.to_thread(
        lambda: [
            _most_similar(new, [past[one] for one in ids if one in past])
            for (new, _), ids in zip(read, candidates, strict=True)
        ]
    )
    signatures = {near.failure.signature for nearest in ranked for near in nearest}
    async with database.read() as connection:
        decisions = await past_decisions(connection, signatures, but=but)
    told = {group.number: _told(nearest, decisions) for group, nearest in zip(groups, ranked, strict=True)}
    return {number: known for number, known in told.items() if known}


def _most_similar(new: Remembered, past: Sequence[RememberedFailure]) -> list[_Resembling]:
    """More than are told: some may have no decision that stands."""
    ranked = rank_remembered(new, [one.remembered for one in past])
    near = [_Resembling(past[one.position], one.similarity) for one in ranked if NEAR <= one.similarity < 1]
    return near[: 2 * NEAR_SHOWN]


def _told(
    nearest: Sequence[_Resembling], decisions: Mapping[ErrorSignature, Sequence[PastDecision]]
) -> list[PastDecision]:
    """The newest decision about each past failure."""
    told = [
        replace(
            decisions[near.failure.signature][0],
            similarity=round(near.similarity, 2),
            test_name=near.failure.test_name,
        )
        for near in nearest
        if near.failure.signature in decisions
    ]
    return sorted(told[:NEAR_SHOWN], key=lambda one: -one.similarity)
