"""What an issue is to be about: one failure of a completed analysis, with its group's answer as people left it."""

import asyncio
from dataclasses import dataclass, replace

from rootcoz.domain.analysis import AnalysisStatus, StoredAnalysis
from rootcoz.domain.errors import Conflict, InvalidInput, NotFound, StillInProgress
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.domain.finding import Answer, Classification, Finding, NoVerdict, NoVerdictReason
from rootcoz.domain.review import FailureTarget, Override
from rootcoz.evidence.secrets import redact
from rootcoz.kit.chunks import Chunk
from rootcoz.store import findings, review
from rootcoz.store.analyses import find_analysis
from rootcoz.store.builds import FAILURES, pick_failures
from rootcoz.store.documents import load_document
from rootcoz.store.engine import Database

NAMES_SHOWN = 10
"""Tests of a group that an issue names."""
_NAME_SHOWN = 200


@dataclass(frozen=True, slots=True)
class IssueCase:
    """The failure and what is known of it, without secrets and e-mail addresses."""

    analysis: StoredAnalysis
    group: FailureGroup
    """Its representative is the failure that is meant."""
    build: str
    """`nightly #7`, for a child `nightly #7, child smoke #3`; empty for failures that came without a build."""
    answer: Answer
    tests: tuple[str, ...]
    """Names of the group's tests, at most NAMES_SHOWN, the one that is meant first."""
    failures: int
    """How many failures the group has."""
    decision: Override | None
    """What a person decided of the group; the answer has it."""

    @property
    def failure(self) -> Failure:
        """The one that is meant."""
        return self.group.representative


async def load_case(database: Database, job_id: str, target: FailureTarget) -> IssueCase:
    """The case.

    Raises NotFound for an unknown analysis, StillInProgress, Conflict for a failed one, and InvalidInput for a failure
    that it does not have, looked at in this order.
    """
    async with database.read() as connection:
        analysis = await find_analysis(connection, job_id)
        if analysis is None:
            raise NotFound(f"There is no analysis {job_id}.")
        if not analysis.status.is_final:
            raise StillInProgress(
                f"The analysis {job_id} is still in progress ({analysis.status}); try again when it is over."
            )
        if analysis.status is AnalysisStatus.FAILED:
            raise Conflict(f"The analysis {job_id} failed: there is nothing to write an issue about.")
        found = await review.find_failure(connection, analysis.id, target)
        if found is None:
            raise InvalidInput(
                f"The analysis {job_id} has no failure {target.test_name[:_NAME_SHOWN]!r}"
                + (f" in {target.child_job_name[:_NAME_SHOWN]!r}." if target.child_job_name else ".")
            )
        kept = await findings.load_answers(connection, analysis.id, {found.group_number})
        overrides = await review.standing_overrides(connection, analysis.id)
        count, names = await review.group_members(
            connection, analysis.id, found.group_number, named=NAMES_SHOWN
        )
        document = await load_document(connection, analysis.id, FAILURES)
    decision = next((one for one in overrides if _is_about(one, found)), None)
    answer = findings.decode_answers(kept).get(found.group_number) or _NOT_ANSWERED
    failure = await asyncio.to_thread(_failure, document, found.number)
    return IssueCase(
        analysis=analysis,
        group=FailureGroup(
            number=found.group_number,
            signature=ErrorSignature(found.error_signature, found.signature_version),
            representative=failure,
            members=(found.number,),
        ),
        build=_build(analysis, found),
        answer=_decided(answer, decision),
        tests=tuple(dict.fromkeys([failure.test_name, *map(_clean, names)]))[:NAMES_SHOWN],
        failures=count,
        decision=decision,
    )


_NOT_ANSWERED = NoVerdict(
    NoVerdictReason.PROVIDER_FAILED, "The analysis stopped before this group was answered."
)


def _failure(document: list[Chunk], number: int) -> Failure:
    _, failure = next(pick_failures(document, {number}))
    return replace(
        failure,
        test_name=_clean(failure.test_name),
        error_message=_clean(failure.error_message),
        stack_trace=_clean(failure.stack_trace),
        output=_clean(failure.output),
    )


def _clean(text: str) -> str:
    return redact(text, emails=True).text


def _is_about(override: Override, found: review.FoundFailure) -> bool:
    return (
        override.group_number == found.group_number
        and override.child_job_name == found.child_job_name
        and override.child_build_number == found.child_build_number
    )


def _decided(answer: Answer, decision: Override | None) -> Answer:
    """The answer with the person's classification, without what is wrong with it now."""
    if decision is None:
        return answer
    classification = Classification(decision.classification)
    if isinstance(answer, NoVerdict):
        return Finding(classification, None, answer.details, evidence=answer.evidence)
    if answer.classification is classification:
        return answer
    return replace(
        answer,
        classification=classification,
        confidence=None,
        code_fix=answer.code_fix if classification is Classification.CODE_ISSUE else None,
        product_bug_report=answer.product_bug_report
        if classification is Classification.PRODUCT_BUG
        else None,
    )


def _build(analysis: StoredAnalysis, found: review.FoundFailure) -> str:
    build = f"{analysis.job_name} #{analysis.build_number}" if analysis.job_name else ""
    child = f"child {found.child_job_name} #{found.child_build_number}" if found.child_job_name else ""
    return ", ".join(filter(None, (build, child)))
