"""The result of an analysis that is still going on: what is known of it, and the failures that have an answer."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from rootcoz.analysis.report import ReportFacts, write_failures
from rootcoz.domain.analysis import StoredAnalysis
from rootcoz.domain.failure import Failure, FailureGroup
from rootcoz.kit.chunks import Chunk
from rootcoz.store import builds, findings
from rootcoz.store.documents import load_document
from rootcoz.store.engine import Database

FAILURES_SHOWN = 1_000
"""Failures that a partial result holds; the finished one holds all."""
CHARS_SHOWN = 2_000_000
"""Characters that their texts may have altogether."""
_TESTS_NAMED = 10
"""Tests of a group that are named; each costs a look at the failures, which may be many."""


async def partial_result(database: Database, analysis: StoredAnalysis) -> bytes:
    """The JSON of what can be said so far."""
    async with database.read() as connection:
        answered = await findings.answered_groups(connection, analysis.id)
        documents = {
            kind: await load_document(connection, analysis.id, kind) if answered else []
            for kind in (builds.GROUPS, builds.FAILURES, builds.OUTLINE)
        }
    chosen = await asyncio.to_thread(_choose, documents, answered)
    async with database.read() as connection:
        kept = await findings.load_answers(connection, analysis.id, {group.number for group in chosen.groups})
    return await asyncio.to_thread(_write, analysis, len(answered), documents, chosen, kept)


@dataclass(frozen=True, slots=True)
class _Chosen:
    groups: tuple[FailureGroup, ...]
    failures: Mapping[int, Failure]
    """By index: those that are shown, and those that are named."""
    shown: frozenset[int]
    cut: bool


def _choose(documents: Mapping[str, Sequence[Chunk]], answered: set[int]) -> _Chosen:
    """The first answered failures in the build's order, as many as fit."""
    groups = [
        group for group in builds.decode_group_members(documents[builds.GROUPS]) if group.number in answered
    ]
    with_answer = sorted(member for group in groups for member in group.members)
    wanted = set(with_answer[:FAILURES_SHOWN])
    named = {
        member
        for group in groups
        if not wanted.isdisjoint(group.members)
        for member in group.members[:_TESTS_NAMED]
    }
    found: dict[int, Failure] = {}
    shown = set()
    chars = 0
    for index, failure in builds.pick_failures(documents[builds.FAILURES], wanted | named):
        # Only the name and the error of a failure are part of a result.
        found[index] = replace(failure, stack_trace="", output="")
        chars += len(failure.error_message)
        if index in wanted and chars <= CHARS_SHOWN:
            shown.add(index)
    kept = tuple(group for group in groups if not shown.isdisjoint(group.members))
    return _Chosen(kept, found, frozenset(shown), cut=len(shown) < len(with_answer))


def _write(
    analysis: StoredAnalysis,
    answered: int,
    documents: Mapping[str, Sequence[Chunk]],
    chosen: _Chosen,
    kept: Mapping[int, bytes],
) -> bytes:
    notes = list(analysis.notes)
    if chosen.cut:
        notes.append(f"Only the first {len(chosen.shown):,} failures with an answer are shown until the end.")
    head = {
        "job_name": analysis.job_name,
        "build_number": analysis.build_number,
        "ai_provider": analysis.options.provider,
        "ai_model": analysis.options.model,
        "request_params": analysis.request_params,
        "progress_phase": analysis.progress_log[-1].phase if analysis.progress_log else None,
        "progress_log": analysis.progress_log,
        "groups_total": analysis.groups_total,
        "groups_answered": answered,
        "reanalysis_of": analysis.reanalysis_of,
        "notes": notes,
    }
    facts = ReportFacts(
        analysis=analysis,
        status=analysis.status,
        failed_because="",
        failures=_Known(chosen.failures, analysis.failure_count),
        outline=builds.decode_outline(documents[builds.OUTLINE], range(analysis.failure_count)),
        groups=chosen.groups,
        answers=findings.decode_answers(kept),
        issues={},
        ledger=(),
        reports=(),
        report_url="",
    )
    return b"".join((orjson.dumps(head)[:-1], *write_failures(facts, only=chosen.shown), b"}"))


class _Known(Sequence[Failure]):
    """The failures of a build of which only some were read; the others have no name."""

    def __init__(self, known: Mapping[int, Failure], length: int) -> None:
        self._known = known
        self._length = length

    def __getitem__(self, index: int) -> Failure:  # type: ignore[override]  # nobody takes slices of it
        return self._known.get(index, _UNREAD)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Failure]:
        return (self[index] for index in range(self._length))


_UNREAD = Failure(test_name="")
