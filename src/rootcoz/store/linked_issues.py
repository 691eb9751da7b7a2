"""Issues that earlier analyses of the same failures are linked to: filed, named in comments, or found by a search."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.failure import ErrorSignature
from rootcoz.domain.issue import MatchedIssue
from rootcoz.store.documents import load_document
from rootcoz.store.issues import ISSUES, decode_issues
from rootcoz.store.schema import analyses, comments, findings, tracker_items
from rootcoz.store.tracker_items import ItemState

_SIGNATURES_AT_ONCE = 500
_ROWS_LIMIT = 2_000
"""Rows of each kind that are read, the newest: a failure of every night has many."""
_SEARCHES = 20
"""Earlier analyses whose search results are read, the newest."""


@dataclass(frozen=True, slots=True)
class Link:
    """An issue that was filed for a failure."""

    signature: ErrorSignature
    url: str
    job_id: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment on a failure."""

    signature: str
    """Value of its error signature; comments do not keep the version."""
    text: str
    job_id: str


@dataclass(frozen=True, slots=True)
class EarlierMatch:
    """An issue that was found for a failure."""

    signature: ErrorSignature
    issue: MatchedIssue
    job_id: str


async def filed_issues(
    connection: AsyncConnection, signatures: Collection[ErrorSignature], *, but: int
) -> list[Link]:
    """Those that were filed for such failures, the newest first; `but` is the row id of an analysis left out."""
    items, found = tracker_items.c, []
    for values in _portions(signatures):
        query = (
            select(items.error_signature, items.signature_version, items.url, analyses.c.job_id)
            .join(analyses, analyses.c.id == items.analysis_id)
            .where(
                items.error_signature.in_(values),
                items.state == ItemState.FILED.value,
                items.analysis_id != but,
            )
            .order_by(items.id.desc())
            .limit(_ROWS_LIMIT)
        )
        found += [
            Link(ErrorSignature(value, version), url, job_id)
            for value, version, url, job_id in await connection.execute(query)
        ]
    return [link for link in found if link.signature in signatures]


async def filed_from(connection: AsyncConnection, analysis_id: int) -> list[Link]:
    """Those that were filed from the result of this analysis, the oldest first."""
    items = tracker_items.c
    query = (
        select(items.error_signature, items.signature_version, items.url, analyses.c.job_id)
        .join(analyses, analyses.c.id == items.analysis_id)
        .where(items.analysis_id == analysis_id, items.state == ItemState.FILED.value)
        .order_by(items.id)
    )
    return [
        Link(ErrorSignature(value, version), url, job_id)
        for value, version, url, job_id in await connection.execute(query)
    ]


async def comments_on(
    connection: AsyncConnection, signatures: Collection[ErrorSignature], *, but: int
) -> list[Remark]:
    """What people wrote of such failures, the newest first."""
    found = []
    for values in _portions(signatures):
        query = (
            select(comments.c.error_signature, comments.c.comment, analyses.c.job_id)
            .join(analyses, analyses.c.id == comments.c.analysis_id)
            .where(comments.c.error_signature.in_(values), comments.c.analysis_id != but)
            .order_by(comments.c.id.desc())
            .limit(_ROWS_LIMIT)
        )
        found += [Remark(*row) for row in await connection.execute(query)]
    return found


async def earlier_matches(
    connection: AsyncConnection, signatures: Collection[ErrorSignature], *, but: int
) -> list[EarlierMatch]:
    """What trackers had for such failures in the newest earlier analyses, the newest first."""
    rows: list[Row[Any]] = []
    for values in _portions(signatures):
        query = (
            select(
                findings.c.analysis_id,
                findings.c.group_number,
                findings.c.error_signature,
                findings.c.signature_version,
                analyses.c.job_id,
            )
            .join(analyses, analyses.c.id == findings.c.analysis_id)
            .where(findings.c.error_signature.in_(values), findings.c.analysis_id != but)
            .order_by(findings.c.analysis_id.desc())
            .limit(_ROWS_LIMIT)
        )
        rows.extend(await connection.execute(query))
    newest = sorted({row.analysis_id for row in rows}, reverse=True)[:_SEARCHES]
    documents = {
        analysis_id: decode_issues(await load_document(connection, analysis_id, ISSUES))
        for analysis_id in newest
    }
    found = []
    for row in sorted(rows, key=lambda row: row.analysis_id, reverse=True):
        signature = ErrorSignature(row.error_signature, row.signature_version)
        if signature in signatures:
            matches = documents.get(row.analysis_id, {}).get(row.group_number, ())
            found += [EarlierMatch(signature, match, row.job_id) for match in matches]
    return found


def _portions(signatures: Iterable[ErrorSignature]) -> Iterator[Sequence[str]]:
    values = sorted({signature.value for signature in signatures})
    for start in range(0, len(values), _SIGNATURES_AT_ONCE):
        yield values[start : start + _SIGNATURES_AT_ONCE]
