"""Failures of which people said what they are, for those who look back."""

from dataclasses import dataclass

from sqlalchemy import and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.store.schema import analyses, failure_history, overrides, reviews

_HISTORY = failure_history.c


@dataclass(frozen=True, slots=True)
class JudgedGroup:
    """A failure group of one build of which a person said what it is."""

    analysis_id: int
    job_id: str
    created_at: str
    """Of the analysis."""
    number: int
    """Index of the group's first failure in that build."""
    classification: str
    """What the person said."""
    answered: str
    """What the analysis had answered; empty for no verdict."""
    username: str
    decided_at: str
    is_override: bool
    """False: somebody marked a failure of it as reviewed and left its classification as it was."""


async def overridden_groups(connection: AsyncConnection, limit: int) -> list[JudgedGroup]:
    """The newest groups with an override that stands, the newest decision of each."""
    spans = (
        select(func.max(overrides.c.id).label("newest"), func.min(overrides.c.id).label("oldest"))
        .where(overrides.c.undone_at.is_(None))
        .group_by(
            overrides.c.analysis_id,
            overrides.c.child_job_name,
            overrides.c.child_build_number,
            overrides.c.group_number,
        )
        .order_by(func.max(overrides.c.id).desc())
        .limit(limit)
        .subquery()
    )
    oldest = overrides.alias("oldest")
    first = (
        select(func.min(_HISTORY.number))
        .where(
            _HISTORY.analysis_id == overrides.c.analysis_id,
            _HISTORY.group_number == overrides.c.group_number,
            _HISTORY.child_job_name == overrides.c.child_job_name,
            _HISTORY.child_build_number == overrides.c.child_build_number,
        )
        .scalar_subquery()
        .label("number")
    )
    query = (
        select(
            overrides.c.analysis_id,
            analyses.c.job_id,
            analyses.c.created_at.label("began_at"),
            first,
            overrides.c.classification,
            oldest.c.replaced,
            overrides.c.username,
            overrides.c.created_at,
        )
        .join(spans, spans.c.newest == overrides.c.id)
        .join(oldest, oldest.c.id == spans.c.oldest)
        .join(analyses, analyses.c.id == overrides.c.analysis_id)
    )
    return [
        JudgedGroup(
            row.analysis_id,
            row.job_id,
            row.began_at,
            row.number,
            row.classification,
            row.replaced,
            row.username,
            row.created_at,
            is_override=True,
        )
        for row in await connection.execute(query)
        if row.number is not None
    ]


async def confirmed_groups(connection: AsyncConnection, limit: int) -> list[JudgedGroup]:
    """The newest groups with a failure that was reviewed, and whose classification nobody changed."""
    changed = exists().where(
        overrides.c.analysis_id == _HISTORY.analysis_id,
        overrides.c.group_number == _HISTORY.group_number,
        overrides.c.child_job_name == _HISTORY.child_job_name,
        overrides.c.child_build_number == _HISTORY.child_build_number,
        overrides.c.undone_at.is_(None),
    )
    query = (
        select(
            _HISTORY.analysis_id,
            analyses.c.job_id,
            analyses.c.created_at,
            func.min(_HISTORY.number).label("number"),
            _HISTORY.classification,
            func.max(reviews.c.username).label("username"),
            func.max(reviews.c.updated_at).label("decided_at"),
        )
        .select_from(reviews)
        .join(
            failure_history,
            and_(
                _HISTORY.analysis_id == reviews.c.analysis_id,
                _HISTORY.test_name == reviews.c.test_name,
                _HISTORY.child_job_name == reviews.c.child_job_name,
                _HISTORY.child_build_number == reviews.c.child_build_number,
            ),
        )
        .join(analyses, analyses.c.id == _HISTORY.analysis_id)
        .where(reviews.c.reviewed == 1, _HISTORY.classification != "", ~changed)
        .group_by(
            _HISTORY.analysis_id,
            analyses.c.job_id,
            analyses.c.created_at,
            _HISTORY.child_job_name,
            _HISTORY.child_build_number,
            _HISTORY.group_number,
            _HISTORY.classification,
        )
        .order_by(_HISTORY.analysis_id.desc(), func.min(_HISTORY.number))
        .limit(limit)
    )
    return [
        JudgedGroup(
            row.analysis_id,
            row.job_id,
            row.created_at,
            row.number,
            row.classification,
            row.classification,
            row.username,
            row.decided_at,
            is_override=False,
        )
        for row in await connection.execute(query)
    ]
