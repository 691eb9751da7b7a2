"""What people and the AI said of tests: table test_classifications.

A row that is visible stands in the rows of history that it speaks of, too, in place of their classification.
"""

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.history import LabelFilters, NewLabel, StoredLabel
from rootcoz.kit.clock import utc_now
from rootcoz.kit.text_key import text_key
from rootcoz.store.schema import analyses, failure_history, test_classifications

AI = "ai"
"""Who made a row that nobody put a name to."""
_NOT_TOLD = {"test_key", "visible", "override_id"}
_COLUMNS = [column for column in test_classifications.c if column.name not in _NOT_TOLD]


async def add_label(connection: AsyncConnection, new: NewLabel) -> int:
    """Keep it; its id. The AI's is hidden until its analysis has completed; the analysis need not exist."""
    # Locked, so that the analysis does not complete between our look and our row.
    analysis = (
        await connection.execute(
            select(analyses.c.id, analyses.c.status, analyses.c.job_name)
            .where(analyses.c.job_id == new.job_id)
            .with_for_update()
        )
    ).one_or_none()
    completed = analysis is not None and analysis.status == "completed"
    parent = analysis.job_name if analysis is not None and new.job_name != analysis.job_name else ""
    result = await connection.execute(
        insert(test_classifications).values(
            job_id=new.job_id,
            test_key=text_key(new.test_name),
            test_name=new.test_name,
            job_name=new.job_name,
            parent_job_name=parent if new.job_name else "",
            child_build_number=new.child_build_number,
            classification=new.label.value,
            reason=new.reason,
            references_info=new.references,
            created_by=new.author or AI,
            visible=int(bool(new.author) or completed),
            created_at=utc_now(),
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for a new classification")
    if completed and analysis is not None:
        row = (
            await connection.execute(select(test_classifications).where(test_classifications.c.id == key[0]))
        ).one()
        await _apply(connection, analysis.id, row)
    return int(key[0])


async def publish_labels(connection: AsyncConnection, job_id: str) -> None:
    """Show what was said of the tests of an analysis while it went on; to call when it completes."""
    of_analysis = test_classifications.c.job_id == job_id
    rows = (
        await connection.execute(
            select(test_classifications).where(of_analysis).order_by(test_classifications.c.id)
        )
    ).all()
    if not rows:
        return
    await connection.execute(
        update(test_classifications).where(of_analysis, test_classifications.c.visible == 0).values(visible=1)
    )
    analysis_id = await connection.scalar(select(analyses.c.id).where(analyses.c.job_id == job_id))
    for row in rows:
        await _apply(connection, int(analysis_id or 0), row)


async def list_labels(connection: AsyncConnection, filters: LabelFilters) -> list[StoredLabel]:
    """The visible ones, the newest first."""
    table = test_classifications.c
    conditions: list[ColumnElement[bool]] = [table.visible == 1]
    if filters.test_name:
        conditions += [table.test_key == text_key(filters.test_name), table.test_name == filters.test_name]
    for column, wanted in (
        (table.classification, filters.classification),
        (table.job_name, filters.job_name),
        (table.parent_job_name, filters.parent_job_name),
        (table.job_id, filters.job_id),
    ):
        if wanted:
            conditions.append(column == wanted)
    rows = await connection.execute(select(*_COLUMNS).where(*conditions).order_by(table.id.desc()))
    return [StoredLabel(**row) for row in rows.mappings()]


async def _apply(connection: AsyncConnection, analysis_id: int, label: Row[Any]) -> None:
    rows = failure_history.c
    await connection.execute(
        update(failure_history)
        .where(
            rows.analysis_id == analysis_id,
            rows.test_key == label.test_key,
            rows.test_name == label.test_name,
            _of_build(label),
        )
        .values(classification=label.classification)
    )


def _of_build(label: Row[Any]) -> ColumnElement[bool]:
    """The build's own failures, or those of a child: of one build of it, or of all when the number is 0."""
    rows = failure_history.c
    own = rows.child_job_name == ""
    if not label.job_name:
        return own
    child = rows.child_job_name == label.job_name
    if label.child_build_number:
        return and_(child, rows.child_build_number == label.child_build_number)
    return or_(child, and_(own, rows.job_name == label.job_name, true()))
