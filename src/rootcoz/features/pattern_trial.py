"""What a team's own patterns would have changed in stored history, and whether people agree with them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rootcoz.domain.failure import FailureGroup
from rootcoz.domain.finding import Finding
from rootcoz.domain.review import Override
from rootcoz.kit.chunks import Chunk
from rootcoz.store import builds
from rootcoz.store.analyses import find_analysis, list_analyses
from rootcoz.store.documents import load_document
from rootcoz.store.engine import Database
from rootcoz.store.review import standing_overrides
from rootcoz.triage import judge, speaking
from rootcoz.triage.rule import Rule

NO_VERDICT = "no verdict"
_EXAMPLES = 3


@dataclass(slots=True)
class PatternScore:
    """How one pattern did."""

    name: str
    classification: str
    groups: int = 0
    """Failure groups that it finds."""
    failures: int = 0
    agreed: int = 0
    """Of those, groups of which a person decided the pattern's classification."""
    disagreed: int = 0
    disagreements: list[str] = field(default_factory=list)
    """Some of them, as `job id, test: what the person decided`."""


@dataclass(slots=True)
class Trial:
    """What came of it."""

    analyses: int = 0
    groups: int = 0
    patterns: list[PatternScore] = field(default_factory=list)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Groups by the built-in answer without and with the patterns, where these differ."""
    righted: int = 0
    """Changed answers that now are what a person decided."""
    wronged: int = 0
    """Changed answers that were what a person decided."""


async def try_patterns(database: Database, rules: Sequence[Rule], *, most: int) -> Trial:
    """Go through the `most` newest stored analyses. Only reads.

    Each failure group is judged once with the patterns and once without, by its representative. A decision is the
    newest one that stands for any build of the group.
    """
    trial = Trial(patterns=[PatternScore(rule.name, rule.classification.value) for rule in rules])
    async with database.read() as connection:
        job_ids = [one.job_id for one in await list_analyses(connection, most)]
    for job_id in job_ids:
        async with database.read() as connection:
            analysis = await find_analysis(connection, job_id)
            if analysis is None:  # deleted meanwhile
                continue
            failures, grouped = [
                await load_document(connection, analysis.id, kind)
                for kind in (builds.FAILURES, builds.GROUPS)
            ]
            decisions = await standing_overrides(connection, analysis.id)
        if failures and grouped:
            groups = await asyncio.to_thread(_groups, failures, grouped)
            await asyncio.to_thread(_look_at, trial, job_id, groups, decisions, rules)
    return trial


def _groups(failures: Sequence[Chunk], grouped: Sequence[Chunk]) -> tuple[FailureGroup, ...]:
    return builds.decode_groups(grouped, builds.decode_failures(failures))


def _look_at(
    trial: Trial,
    job_id: str,
    groups: Sequence[FailureGroup],
    decisions: Sequence[Override],
    rules: Sequence[Rule],
) -> None:
    decided = {decision.group_number: decision.classification for decision in decisions}
    trial.analyses += 1
    for group in groups:
        trial.groups += 1
        known = decided.get(group.number)
        found = frozenset(speaking(group.representative, rules))
        if not found:
            continue
        for score in trial.patterns:
            if score.name in found:
                _count(score, group, known, job_id)
        before, after = _answer(group), _answer(group, rules)
        if before != after:
            trial.changes[before, after] += 1
            trial.righted += after == known
            trial.wronged += before == known


def _count(score: PatternScore, group: FailureGroup, known: str | None, job_id: str) -> None:
    score.groups += 1
    score.failures += len(group.members)
    if known == score.classification:
        score.agreed += 1
    elif known is not None:
        score.disagreed += 1
        if len(score.disagreements) < _EXAMPLES:
            score.disagreements.append(f"{job_id}, {group.representative.test_name}: {known}")


def _answer(group: FailureGroup, rules: Sequence[Rule] = ()) -> str:
    answer = judge(group.representative, own_rules=rules)
    return answer.classification.value if isinstance(answer, Finding) else NO_VERDICT
