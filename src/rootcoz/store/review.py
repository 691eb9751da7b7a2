"""What people did with a result: overrides, review marks and comments."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.analysis import AnalysisStatus
from rootcoz.domain.errors import Conflict, InvalidInput, NoSuchAnalysis, StillInProgress
from rootcoz.domain.finding import Finding
from rootcoz.domain.review import Author, Comment, FailureTarget, Override, ReviewMark
from rootcoz.kit.text_key import text_key
from rootcoz.store.findings import decode_answer
from rootcoz.store.mentions import add_mentions
from rootcoz.store.schema import (
    analyses,
    comments,
    failure_history,
    findings,
    overrides,
    reviews,
    test_classifications,
)

OVERRIDE_REASON = "user override"
"""What the history of a test gives as the reason for an override's classification."""


@dataclass(frozen=True, slots=True)
class ReviewedAnalysis:
    """What is to be known of an analysis before anything is said of its failures."""

    id: int
    job_id: str
    job_name: str
    status: AnalysisStatus


@dataclass(frozen=True, slots=True)
class FoundFailure:
    """A failure that was named, found in the analysis."""

    test_name: str
    child_job_name: str
    child_build_number: int
    group_number: int
    error_signature: str
    signature_version: int
    namesakes: int
    """Failures of the same build with the same name, itself included."""


@dataclass(frozen=True, slots=True)
class LockedFailure:
    """A failure of a completed analysis that is locked, in the transaction that acts on it."""

    connection: AsyncConnection
    analysis: ReviewedAnalysis
    failure: FoundFailure


@dataclass(frozen=True, slots=True)
class AddedComment:
    """A comment that was kept."""

    id: int
    speaks_to: tuple[str, ...]
    """By `domain.account.name_key`."""


async def lock_analysis(connection: AsyncConnection, job_id: str) -> ReviewedAnalysis | None:
    """The analysis, which no other transaction changes or removes before this one ends."""
    query = select(analyses.c.id, analyses.c.job_id, analyses.c.job_name, analyses.c.status)
    # SQLite has one writer at a time and no such words; SQLAlchemy leaves them out there.
    row = (await connection.execute(query.where(analyses.c.job_id == job_id).with_for_update())).one_or_none()
    return row and ReviewedAnalysis(row.id, row.job_id, row.job_name, AnalysisStatus(row.status))


async def lock_failure(connection: AsyncConnection, job_id: str, target: FailureTarget) -> LockedFailure:
    """The failure of a completed analysis, which is locked.

    Raises NoSuchAnalysis, StillInProgress, Conflict for a failed one, and InvalidInput for a failure
    that it does not have, looked at in this order.
    """
    analysis = await lock_analysis(connection, job_id)
    if analysis is None:
        raise NoSuchAnalysis(job_id)
    if not analysis.status.is_final:
        raise StillInProgress(
            f"The analysis {job_id} is still in progress ({analysis.status}); try again when it is over."
        )
    if analysis.status is AnalysisStatus.FAILED:
        raise Conflict(f"The analysis {job_id} failed: it has no results to be reviewed.")
    failure = await find_failure(connection, analysis.id, target)
    if failure is None:
        raise InvalidInput(f"The analysis {job_id} has no failure {target.shown}.")
    return LockedFailure(connection, analysis, failure)


async def find_failure(
    connection: AsyncConnection, analysis_id: int, target: FailureTarget
) -> FoundFailure | None:
    """The failure that is meant; of several builds or failures that fit, the first in the result."""
    history = failure_history.c
    query = select(
        history.child_job_name,
        history.child_build_number,
        history.group_number,
        history.error_signature,
        history.signature_version,
    ).where(
        history.analysis_id == analysis_id,
        history.test_key == text_key(target.test_name),
        history.test_name == target.test_name,
        history.child_job_name == target.child_job_name,
    )
    if target.child_build_number:
        query = query.where(history.child_build_number == target.child_build_number)
    rows = (await connection.execute(query.order_by(history.number))).all()
    if not rows:
        return None
    first = rows[0]
    return FoundFailure(
        test_name=target.test_name,
        child_job_name=first.child_job_name,
        child_build_number=first.child_build_number,
        group_number=first.group_number,
        error_signature=first.error_signature,
        signature_version=first.signature_version,
        namesakes=sum(row.child_build_number == first.child_build_number for row in rows),
    )


# --- overrides -------------------------------------------------------------------------------------


async def standing_overrides(connection: AsyncConnection, analysis_id: int) -> list[Override]:
    """The newest of each failure group and build that is not undone."""
    query = select(overrides).where(overrides.c.analysis_id == analysis_id, overrides.c.undone_at.is_(None))
    rows = await connection.execute(query.order_by(overrides.c.id))
    newest = {(row.child_job_name, row.child_build_number, row.group_number): row for row in rows}
    return [_override(row) for row in newest.values()]


async def override_group(
    connection: AsyncConnection,
    analysis: ReviewedAnalysis,
    failure: FoundFailure,
    classification: str,
    *,
    username: str,
    at: str,
) -> None:
    """Decide on the failure's group in its build, everywhere but in the stored result."""
    standing = await _standing(connection, analysis.id, failure)
    before = standing.classification if standing else await _answered(connection, analysis.id, failure)
    result = await connection.execute(
        insert(overrides).values(
            analysis_id=analysis.id,
            child_job_name=failure.child_job_name,
            child_build_number=failure.child_build_number,
            group_number=failure.group_number,
            error_signature=failure.error_signature,
            signature_version=failure.signature_version,
            classification=classification,
            replaced=before,
            username=username,
            created_at=at,
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for a new override")
    await connection.execute(
        update(failure_history).where(*_members(analysis.id, failure)).values(classification=classification)
    )
    history = failure_history.c
    own = not failure.child_job_name
    columns = {
        "job_id": literal(analysis.job_id),
        "test_key": history.test_key,
        "test_name": history.test_name,
        "job_name": history.job_name if own else history.child_job_name,
        "parent_job_name": literal("") if own else history.job_name,
        "child_build_number": history.child_build_number,
        "classification": literal(classification),
        "reason": literal(OVERRIDE_REASON),
        "created_by": literal(username),
        "visible": literal(1),
        "created_at": literal(at),
        "override_id": literal(int(key[0])),
    }
    rows = select(*columns.values()).where(*_members(analysis.id, failure)).order_by(history.number)
    await connection.execute(insert(test_classifications).from_select(list(columns), rows))


async def undo_override(
    connection: AsyncConnection, analysis: ReviewedAnalysis, failure: FoundFailure, *, username: str, at: str
) -> str | None:
    """Take back the newest decision on the failure's group in its build.

    Returns the classification that stands again, empty for no verdict; None when there was nothing to take back.
    What a label was put on since keeps the label.
    """
    standing = await _standing(connection, analysis.id, failure)
    if standing is None:
        return None
    await connection.execute(
        update(overrides).where(overrides.c.id == standing.id).values(undone_by=username, undone_at=at)
    )
    await connection.execute(
        update(failure_history)
        .where(*_members(analysis.id, failure), failure_history.c.classification == standing.classification)
        .values(classification=standing.replaced)
    )
    await connection.execute(
        update(test_classifications)
        .where(
            test_classifications.c.job_id == analysis.job_id,
            test_classifications.c.override_id == standing.id,
        )
        .values(visible=0)
    )
    return str(standing.replaced)


def _members(analysis_id: int, failure: FoundFailure) -> tuple[Any, ...]:
    """Conditions for the rows of the failure's group in its build."""
    history = failure_history.c
    return (
        history.analysis_id == analysis_id,
        history.group_number == failure.group_number,
        history.child_job_name == failure.child_job_name,
        history.child_build_number == failure.child_build_number,
    )


async def _standing(connection: AsyncConnection, analysis_id: int, failure: FoundFailure) -> Row[Any] | None:
    query = select(overrides).where(
        overrides.c.analysis_id == analysis_id,
        overrides.c.group_number == failure.group_number,
        overrides.c.child_job_name == failure.child_job_name,
        overrides.c.child_build_number == failure.child_build_number,
        overrides.c.undone_at.is_(None),
    )
    newest: Row[Any] | None = (
        await connection.execute(query.order_by(overrides.c.id.desc()).limit(1))
    ).one_or_none()
    return newest


async def _answered(connection: AsyncConnection, analysis_id: int, failure: FoundFailure) -> str:
    """The classification that the analysis gave the group; empty for no verdict."""
    raw = await connection.scalar(
        select(findings.c.answer).where(
            findings.c.analysis_id == analysis_id, findings.c.group_number == failure.group_number
        )
    )
    answer = None if raw is None else decode_answer(raw)
    return answer.classification.value if isinstance(answer, Finding) else ""


def _override(row: Row[Any]) -> Override:
    return Override(
        child_job_name=row.child_job_name,
        child_build_number=row.child_build_number,
        group_number=row.group_number,
        classification=row.classification,
        replaced=row.replaced,
        username=row.username,
        created_at=row.created_at,
    )


# --- review marks ----------------------------------------------------------------------------------


async def set_reviewed(
    connection: AsyncConnection,
    analysis_id: int,
    failure: FoundFailure,
    *,
    reviewed: bool,
    username: str,
    at: str,
) -> None:
    """Mark or unmark the failure. The analysis must be locked: nobody else may insert the same row in between."""
    target_key = text_key(failure.child_job_name, failure.child_build_number, failure.test_name)
    values = {"reviewed": int(reviewed), "username": username, "updated_at": at}
    changed = await connection.execute(
        update(reviews)
        .where(reviews.c.analysis_id == analysis_id, reviews.c.target_key == target_key)
        .values(values)
    )
    if changed.rowcount:
        return
    await connection.execute(
        insert(reviews).values(
            analysis_id=analysis_id,
            target_key=target_key,
            child_job_name=failure.child_job_name,
            child_build_number=failure.child_build_number,
            test_name=failure.test_name,
            failures=failure.namesakes,
            **values,
        )
    )


async def list_reviews(connection: AsyncConnection, job_id: str) -> list[ReviewMark]:
    """The marks of an analysis, those that were taken back too; none when there is no such analysis."""
    query = (
        select(reviews)
        .join(analyses, analyses.c.id == reviews.c.analysis_id)
        .where(analyses.c.job_id == job_id)
        .order_by(reviews.c.child_job_name, reviews.c.child_build_number, reviews.c.test_name)
    )
    return [
        ReviewMark(
            test_name=row.test_name,
            child_job_name=row.child_job_name,
            child_build_number=row.child_build_number,
            reviewed=bool(row.reviewed),
            username=row.username,
            updated_at=row.updated_at,
        )
        for row in await connection.execute(query)
    ]


# --- comments --------------------------------------------------------------------------------------


async def add_comment(
    connection: AsyncConnection,
    analysis_id: int,
    failure: FoundFailure,
    comment: str,
    *,
    author: Author,
    at: str,
) -> AddedComment:
    """Keep the comment, and whom it speaks to."""
    result = await connection.execute(
        insert(comments).values(
            analysis_id=analysis_id,
            test_name=failure.test_name,
            child_job_name=failure.child_job_name,
            child_build_number=failure.child_build_number,
            comment=comment,
            error_signature=failure.error_signature,
            username=author.name,
            proven=int(author.proven),
            created_at=at,
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for a new comment")
    comment_id = int(key[0])
    return AddedComment(comment_id, tuple(await add_mentions(connection, comment_id, comment)))


async def list_comments(connection: AsyncConnection, job_id: str) -> list[Comment]:
    """The comments of an analysis, the oldest first; none when there is no such analysis."""
    query = (
        select(comments, analyses.c.job_id)
        .join(analyses, analyses.c.id == comments.c.analysis_id)
        .where(analyses.c.job_id == job_id)
        .order_by(comments.c.created_at, comments.c.id)
    )
    return [
        Comment(
            id=row.id,
            job_id=row.job_id,
            test_name=row.test_name,
            child_job_name=row.child_job_name,
            child_build_number=row.child_build_number,
            comment=row.comment,
            error_signature=row.error_signature,
            username=row.username,
            created_at=row.created_at,
        )
        for row in await connection.execute(query)
    ]


async def delete_comment(
    connection: AsyncConnection, job_id: str, comment_id: int, *, author: Author | None
) -> bool:
    """Remove the comment if it is this author's, or whose ever for None; False when there is no such comment.

    Who has not proven their name may remove what was written without proof, and nothing else.
    """
    of_analysis = select(analyses.c.id).where(analyses.c.job_id == job_id).scalar_subquery()
    query = delete(comments).where(comments.c.id == comment_id, comments.c.analysis_id == of_analysis)
    if author is not None:
        query = query.where(comments.c.username == author.name)
        if not author.proven:
            query = query.where(comments.c.proven == 0)
    return (await connection.execute(query)).rowcount > 0


# --- counts ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """How far people are with a result."""

    total_failures: int
    reviewed: int
    """Failures marked as reviewed; a mark counts for all failures of its name in its build."""
    comments: int


async def review_counts(connection: AsyncConnection, job_id: str) -> ReviewCounts:
    """Counts for one analysis; zeros when there is none."""
    found = (
        await connection.execute(
            select(analyses.c.id, analyses.c.failure_count).where(analyses.c.job_id == job_id)
        )
    ).one_or_none()
    if found is None:
        return ReviewCounts(0, 0, 0)
    reviewed = await connection.scalar(
        select(func.sum(reviews.c.failures)).where(reviews.c.analysis_id == found.id, reviews.c.reviewed == 1)
    )
    commented = await connection.scalar(
        select(func.count()).select_from(comments).where(comments.c.analysis_id == found.id)
    )
    return ReviewCounts(found.failure_count, int(reviewed or 0), int(commented or 0))
