"""A stored result as people's decisions have changed it: which pieces of its bytes are replaced, and by what.

The stored document stays as it was written. An override concerns the failures of one group in one build; their answers
in the document are the same bytes, so one of them is enough to make what stands in the place of all.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from rootcoz.domain.failure import BuildOutline
from rootcoz.domain.review import Override
from rootcoz.domain.verdicts import VerdictCounts
from rootcoz.kit.chunks import Chunk
from rootcoz.kit.splice import Splice
from rootcoz.store import builds

DOCUMENTS = (builds.ANSWER_PLACES, builds.VERDICTS, builds.GROUPS, builds.OUTLINE)
"""Kinds of the documents that tell what stands where in a result."""

_DECIDED_BY_ANSWER = {"CODE ISSUE": "code_fix", "PRODUCT BUG": "product_bug_report"}
"""What an answer has only with this classification."""
_ABSTAINED = "abstained"
_UNANSWERED = "unanswered"

Place = tuple[int, int]
"""Bytes before a piece of the result, and its bytes."""
Part = tuple[str, int]
"""A build of the analysis: name and number of the child; ("", 0) for the analysed build itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which answers are replaced."""

    summary: Place | None
    """None where an older version noted none."""
    answers: Sequence[tuple[Override, Sequence[Place]]]
    """Overrides with the places of the answers that they concern, at least one each."""
    builds_of_group: Mapping[int, Sequence[Part]]
    """The builds in which each overridden group has failures."""
    counts: VerdictCounts | None

    @property
    def samples(self) -> list[Place]:
        """One of the answers of each override."""
        return [places[0] for _, places in self.answers]


def plan(overrides: Sequence[Override], documents: Mapping[str, Sequence[Chunk]], failures: int) -> Plan:
    """Where the overridden answers stand; `documents` are the DOCUMENTS of a result with that many failures."""
    overridden = {override.group_number for override in overrides}
    groups = [
        group for group in builds.decode_group_members(documents[builds.GROUPS]) if group.number in overridden
    ]
    part_of = _Parts(builds.decode_outline(documents[builds.OUTLINE], range(failures)))
    places = {failure: place for failure, *place in builds.decode_places(documents[builds.ANSWER_PLACES])}
    members: dict[tuple[Part, int], list[Place]] = {}
    for group in groups:
        for part, member in part_of.among(group.members):
            if member in places:
                start, size = places[member]
                members.setdefault((part, group.number), []).append((start, size))
    builds_of_group: dict[int, list[Part]] = {}
    for part, number in members:
        builds_of_group.setdefault(number, []).append(part)
    summary = places.get(builds.SUMMARY_PLACE)
    return Plan(
        summary=(summary[0], summary[1]) if summary else None,
        answers=[(one, members[_key(one)]) for one in overrides if _key(one) in members],
        builds_of_group=builds_of_group,
        counts=builds.decode_verdicts(documents[builds.VERDICTS]),
    )


def make_splices(plan: Plan, samples: Sequence[bytes]) -> list[Splice]:
    """What stands where instead, in the order of the document; `samples` are the bytes at `plan.samples`."""
    splices = []
    originals: dict[int, str] = {}
    for (override, places), sample in zip(plan.answers, samples, strict=True):
        fields = orjson.loads(b"{" + sample + b"}")
        originals[override.group_number] = _outcome(fields)
        replacement = orjson.dumps(_decided(fields, override))[1:-1]
        splices += [Splice(start, size, replacement) for start, size in places]
    if plan.summary and plan.counts:
        counts = _recounted(plan, plan.counts, originals)
        splices.append(Splice(*plan.summary, orjson.dumps(counts.summary())))
    return sorted(splices, key=lambda splice: splice.start)


def _decided(fields: dict[str, Any], override: Override) -> dict[str, Any]:
    """The answer with the person's classification, without what is wrong with it now."""
    kept = dict(fields)
    if kept["classification"] != override.classification:
        # The figure says how sure the analysis was of its own classification.
        kept |= {"classification": override.classification, "confidence": None}
        kept.pop("no_verdict", None)
    for classification, name in _DECIDED_BY_ANSWER.items():
        if classification != override.classification:
            kept.pop(name, None)
    kept["override"] = {
        "classification": override.classification,
        "replaced": override.replaced,
        "username": override.username,
        "created_at": override.created_at,
    }
    return kept


def _outcome(fields: Mapping[str, Any]) -> str:
    """What the group was counted as when the result was written."""
    if fields["classification"]:
        return str(fields["classification"])
    reason = (fields.get("no_verdict") or {}).get("reason")
    return _ABSTAINED if reason == "abstained" else _UNANSWERED


def _recounted(plan: Plan, counts: VerdictCounts, originals: Mapping[int, str]) -> VerdictCounts:
    """The counts with the decisions in them. A group that differs from build to build counts once for each verdict."""
    decided = {_key(override): override.classification for override, _ in plan.answers}
    outcomes = Counter(counts.kinds)
    outcomes[_ABSTAINED], outcomes[_UNANSWERED] = counts.abstained, counts.unanswered
    for group, original in originals.items():
        outcomes[original] -= 1
        now = {decided.get((part, group), original) for part in plan.builds_of_group[group]}
        outcomes.update(sorted(now))
    return replace(
        counts,
        abstained=outcomes.pop(_ABSTAINED),
        unanswered=outcomes.pop(_UNANSWERED),
        kinds=dict(outcomes),
    )


def _key(override: Override) -> tuple[Part, int]:
    return (override.child_job_name, override.child_build_number), override.group_number


class _Parts:
    """From a failure's index to the build it belongs to."""

    def __init__(self, outline: BuildOutline) -> None:
        self._starts: list[tuple[int, int, Part]] = sorted(_ranges(outline, ("", 0)))

    def among(self, members: Sequence[int]) -> Iterator[tuple[Part, int]]:
        """The builds of ascending indices."""
        ranges = iter(self._starts)
        first, end, part = next(ranges)
        for member in members:
            while member >= end:
                first, end, part = next(ranges)
            if member >= first:
                yield part, member


def _ranges(build: BuildOutline, part: Part) -> Iterator[tuple[int, int, Part]]:
    yield build.first, build.first + build.count, part
    for child in build.children:
        yield from _ranges(child, (child.job_name, child.build_number))
