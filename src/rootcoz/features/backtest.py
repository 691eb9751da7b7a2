"""Looking back: what memory and rules would have said of failures that people have judged since.

The failures come in the order of time. Each is answered from what was decided before its analysis began, and only then
does its own decision become known. Nothing is asked of an AI and nothing is written.
"""

import asyncio
import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rootcoz.domain.failure import ErrorSignature, Failure
from rootcoz.domain.finding import Answer, Finding, NoVerdict, NoVerdictReason
from rootcoz.domain.review import PastDecision
from rootcoz.grouping.groups import says_nothing
from rootcoz.grouping.memory import (
    FOUND_BY_KEY,
    NEAR,
    NEAR_SHOWN,
    Remembered,
    best_candidates,
    memory_keys,
    rank_remembered,
    remember,
)
from rootcoz.kit.text_key import text_key
from rootcoz.store import builds
from rootcoz.store.decisions import DECISIONS_SHOWN
from rootcoz.store.documents import load_document
from rootcoz.store.engine import Database
from rootcoz.store.judged import JudgedGroup, confirmed_groups, overridden_groups
from rootcoz.triage import judge
from rootcoz.triage.decisions import with_decisions

FEW = 30
"""Judged failures below which the figures say little: ten more could turn them round."""
MOST_JUDGED = 10_000
"""Newest judged groups that are looked at."""
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Lower ends of the ranges of confidence."""


class Voice(StrEnum):
    """Who answers."""

    EXACT = "same failure"
    """What people decided of the same failure before."""
    NEAR = "similar failure"
    """What they decided of the most similar one, where the failure itself was not judged before."""
    RULES = "built-in rules"
    TOGETHER = "together"
    """The built-in analyser: rules and decisions."""
    TOLD = "as answered"
    """What the stored analysis answered, whoever was asked."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A failure of which it is known what it was."""

    failure: Failure
    seen_at: str
    """When it was to be answered; sorts as text."""
    known_from: str
    """When the truth was there for those that came later."""
    accepted: frozenset[str]
    """Classifications that are right. Memory learns from a single one."""
    job_id: str = ""
    username: str = ""
    cause: str = ""
    """Names the root cause, where it is known."""
    told: str | None = None
    """What its analysis answered, empty for no verdict; None where that is unknown."""


@dataclass(frozen=True, slots=True)
class Guess:
    """An answer, and how sure it is."""

    is_right: bool
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of a range of confidence. Well calibrated, both shares are alike."""

    lower: float
    answered: int
    confidence: float
    """Mean."""
    right: float
    """Share."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one voice did."""

    voice: Voice
    asked: int
    answered: int
    right: int
    bins: tuple[Bin, ...]
    """Of the answers that came with a confidence; ranges without any are left out."""

    @property
    def coverage(self) -> float:
        """Share of the failures that were answered."""
        return self.answered / self.asked if self.asked else 0.0

    @property
    def accuracy(self) -> float | None:
        """Share of the answers that were right; None without any."""
        return self.right / self.answered if self.answered else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between which the accuracy lies with 95 % certainty (Wilson's score interval); None without answers."""
        if not self.answered:
            return None
        z, n, share = 1.96, self.answered, self.right / self.answered
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    @property
    def calibration_error(self) -> float | None:
        """Mean distance between confidence and share of right answers, by range; None without any confidence."""
        total = sum(one.answered for one in self.bins)
        if not total:
            return None
        return sum(one.answered * abs(one.confidence - one.right) for one in self.bins) / total


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of looking back."""

    judged: int
    first: str
    last: str
    scores: tuple[Score, ...]
    similar_told: int
    """Failures for which a similar one was told, of those whose cause is known."""
    similar_right: int
    """Those of them where the most similar one had the same cause."""
    causes_seen: int
    """Failures not judged themselves whose cause had come before."""
    causes_found: int
    """Those of them for which one of the similar ones that were told had it."""

    @property
    def is_little(self) -> bool:
        """Whether there is too little to go by."""
        return self.judged < FEW


# --- the replay ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Memory:
    """What is known at one moment of the replay: the index of `store/memory.py`, in this process."""

    decisions: dict[ErrorSignature, list[PastDecision]] = field(default_factory=dict)
    past: list[tuple[Remembered, Judged]] = field(default_factory=list)
    keys: dict[int, list[int]] = field(default_factory=dict)
    causes: set[str] = field(default_factory=set)

    def learn(self, judged: Judged, read: Remembered) -> None:
        self.causes.add(judged.cause)
        if len(judged.accepted) != 1 or says_nothing(judged.failure):
            return
        (classification,) = judged.accepted
        known = self.decisions.setdefault(read.signature, [])
        known.insert(0, PastDecision(classification, judged.username, judged.known_from, judged.job_id))
        del known[DECISIONS_SHOWN:]
        if len(known) > 1:
            return
        for key in set(memory_keys(judged.failure)):
            self.keys.setdefault(text_key(key), []).append(len(self.past))
        self.past.append((read, judged))

    def near(self, judged: Judged, read: Remembered) -> list[tuple[PastDecision, Judged]]:
        numbers = {text_key(key) for key in memory_keys(judged.failure)}
        found = [(key, past) for key in sorted(numbers) for past in self.keys.get(key, ())[-FOUND_BY_KEY:]]
        ids = best_candidates(found)
        ranked = rank_remembered(read, [self.past[one][0] for one in ids])
        similar = [one for one in ranked if NEAR <= one.similarity < 1][:NEAR_SHOWN]
        told = []
        for one in sorted(similar, key=lambda one: -one.similarity):
            earlier_read, earlier = self.past[ids[one.position]]
            newest = self.decisions[earlier_read.signature][0]
            decision = PastDecision(
                newest.classification,
                newest.username,
                newest.decided_at,
                newest.job_id,
                round(one.similarity, 2),
                earlier.failure.test_name,
            )
            told.append((decision, earlier))
        return told


_NOTHING = NoVerdict(NoVerdictReason.ABSTAINED, "")


def replay(judged: Iterable[Judged]) -> Replay:
    """Answer each failure from what was known before it."""
    ordered = sorted(judged, key=lambda one: one.seen_at)
    memory = _Memory()
    waiting: list[tuple[str, int, Judged, Remembered]] = []
    guesses: dict[Voice, list[Guess | None]] = {voice: [] for voice in Voice}
    told_causes = right_causes = seen_causes = found_causes = 0
    for number, one in enumerate(ordered):
        while waiting and waiting[0][0] <= one.seen_at:
            _, _, earlier, earlier_read = heapq.heappop(waiting)
            memory.learn(earlier, earlier_read)
        read = remember(one.failure)
        exact = [] if says_nothing(one.failure) else memory.decisions.get(read.signature, [])
        near = [] if exact or says_nothing(one.failure) else memory.near(one, read)
        rules = judge(one.failure)
        similar = [decision for decision, _ in near]
        guesses[Voice.EXACT].append(_guess(with_decisions(_NOTHING, exact), one))
        guesses[Voice.NEAR].append(_guess(with_decisions(_NOTHING, similar), one))
        guesses[Voice.RULES].append(_guess(rules, one))
        guesses[Voice.TOGETHER].append(_guess(with_decisions(rules, exact or similar), one))
        if one.told is not None:
            guesses[Voice.TOLD].append(Guess(one.told in one.accepted, None) if one.told else None)
        if one.cause and not exact:
            told_causes += bool(near)
            right_causes += bool(near) and near[0][1].cause == one.cause
            seen_causes += one.cause in memory.causes
            found_causes += any(earlier.cause == one.cause for _, earlier in near)
        heapq.heappush(waiting, (one.known_from, number, one, read))
    return Replay(
        judged=len(ordered),
        first=ordered[0].seen_at if ordered else "",
        last=ordered[-1].seen_at if ordered else "",
        scores=tuple(_score(voice, given) for voice, given in guesses.items() if given),
        similar_told=told_causes,
        similar_right=right_causes,
        causes_seen=seen_causes,
        causes_found=found_causes,
    )


def _guess(answer: Answer, judged: Judged) -> Guess | None:
    if not isinstance(answer, Finding):
        return None
    return Guess(answer.classification.value in judged.accepted, answer.confidence)


def _score(voice: Voice, guesses: Sequence[Guess | None]) -> Score:
    answered = [guess for guess in guesses if guess is not None]
    sure = [(guess.confidence, guess.is_right) for guess in answered if guess.confidence is not None]
    bins = []
    for lower, upper in zip(BINS, (*BINS[1:], 2.0), strict=True):
        within = [(confidence, right) for confidence, right in sure if lower <= confidence < upper]
        if within:
            count = len(within)
            mean = sum(confidence for confidence, _ in within) / count
            bins.append(Bin(lower, count, mean, sum(right for _, right in within) / count))
    return Score(voice, len(guesses), len(answered), sum(guess.is_right for guess in answered), tuple(bins))


# --- the stored data -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Backtest:
    """Looking back on what is stored."""

    overridden: int
    """Groups whose classification people set."""
    confirmed: int
    """Groups that people reviewed and left as they were."""
    replay: Replay


async def backtest(database: Database, *, most: int = MOST_JUDGED) -> Backtest:
    """Look back on the newest `most` groups that people have judged; only reads."""
    async with database.read() as connection:
        overridden = await overridden_groups(connection, most)
        confirmed = await confirmed_groups(connection, most)
    groups = sorted([*overridden, *confirmed], key=lambda one: one.decided_at)[-most:]
    judged = await _with_texts(database, groups)
    return Backtest(
        overridden=sum(one.is_override for one in groups),
        confirmed=sum(not one.is_override for one in groups),
        replay=await asyncio.to_thread(replay, judged),
    )


async def _with_texts(database: Database, groups: Sequence[JudgedGroup]) -> list[Judged]:
    wanted: dict[int, list[JudgedGroup]] = {}
    for group in groups:
        wanted.setdefault(group.analysis_id, []).append(group)
    judged = []
    for analysis_id, members in wanted.items():
        async with database.read() as connection:
            chunks = await load_document(connection, analysis_id, builds.FAILURES)
        numbers = {group.number for group in members}
        failures = await asyncio.to_thread(lambda: dict(builds.pick_failures(chunks, numbers)))  # noqa: B023 - awaited
        judged += [
            Judged(
                failure=failures[group.number],
                seen_at=group.created_at,
                known_from=group.decided_at,
                accepted=frozenset({group.classification}),
                job_id=group.job_id,
                username=group.username,
                told=group.answered,
            )
            for group in members
            if group.number in failures
        ]
    return judged
