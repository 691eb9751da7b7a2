"""What people do with a finished result: they override classifications, mark failures as reviewed, and comment.

Each action is one transaction that locks the analysis first, so that of two people who act at once neither loses
anything. The stored result is never rewritten; `features.results` puts the overrides in place when it is read, and has
to be told to forget what it remembers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rootcoz.domain.account import name_key
from rootcoz.domain.errors import Conflict, NotFound
from rootcoz.domain.finding import Classification
from rootcoz.domain.mention import SpokenTo
from rootcoz.domain.review import Author, Comment, FailureTarget, ReviewMark
from rootcoz.kit.clock import utc_now
from rootcoz.store import review
from rootcoz.store.builds import ANSWER_PLACES
from rootcoz.store.documents import document_size
from rootcoz.store.engine import Connection, Database

AnnounceMention = Callable[[Connection, SpokenTo], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Discussion:
    """What people said of a result."""

    comments: Sequence[Comment]
    """The oldest first."""
    marks: Sequence[ReviewMark]


class Reviews:
    """The actions.

    Those that name a failure raise NotFound for an unknown analysis, StillInProgress, Conflict for a failed one, and
    InvalidInput for a failure that it does not have, looked at in this order.
    """

    def __init__(self, database: Database, announce_mention: AnnounceMention | None = None) -> None:
        """`announce_mention` is told, in the comment's transaction, whom a comment speaks to."""
        self._database = database
        self._announce_mention = announce_mention

    async def override(
        self, job_id: str, target: FailureTarget, classification: Classification, username: str
    ) -> None:
        """Decide on the failure's group in its build."""
        async with self._found(job_id, target) as found:
            if await document_size(found.connection, found.analysis.id, ANSWER_PLACES) is None:
                raise Conflict(
                    f"The result of {job_id} was written by an older version, which could not be overridden: "
                    "analyse it again."
                )
            await review.override_group(
                found.connection,
                found.analysis,
                found.failure,
                classification.value,
                username=username,
                at=utc_now(),
            )

    async def undo_override(self, job_id: str, target: FailureTarget, username: str) -> str:
        """Take the newest decision on the failure's group back.

        Returns the classification that stands again, empty for no verdict. Raises NotFound also when there is no
        decision.
        """
        async with self._found(job_id, target) as found:
            restored = await review.undo_override(
                found.connection, found.analysis, found.failure, username=username, at=utc_now()
            )
        if restored is None:
            raise NotFound(f"Nobody has overridden the classification of {target.shown}.")
        return restored

    async def mark(self, job_id: str, target: FailureTarget, username: str, *, reviewed: bool) -> None:
        """Mark the failure as reviewed, or as not."""
        async with self._found(job_id, target) as found:
            await review.set_reviewed(
                found.connection,
                found.analysis.id,
                found.failure,
                reviewed=reviewed,
                username=username,
                at=utc_now(),
            )

    async def comment(self, job_id: str, target: FailureTarget, text: str, author: Author) -> int:
        """Comment on the failure; the comment's id."""
        async with self._found(job_id, target) as found:
            added = await review.add_comment(
                found.connection, found.analysis.id, found.failure, text, author=author, at=utc_now()
            )
            others = tuple(name for name in added.speaks_to if name != name_key(author.name))
            if others and author.name and self._announce_mention is not None:
                spoken = SpokenTo(
                    found.analysis.id, found.analysis.job_id, added.id, text, author.name, others
                )
                await self._announce_mention(found.connection, spoken)
            return added.id

    async def delete_comment(self, job_id: str, comment_id: int, *, author: Author | None) -> None:
        """Delete this author's comment; None deletes anybody's. Raises NotFound."""
        async with self._database.write() as connection:
            if await review.delete_comment(connection, job_id, comment_id, author=author):
                return
        whose = "" if author is None else " of yours"
        raise NotFound(f"There is no comment {comment_id}{whose} on the analysis {job_id}.")

    async def discussion(self, job_id: str) -> Discussion:
        """All comments and marks; empty when there is no such analysis."""
        async with self._database.read() as connection:
            return Discussion(
                comments=await review.list_comments(connection, job_id),
                marks=await review.list_reviews(connection, job_id),
            )

    @asynccontextmanager
    async def _found(self, job_id: str, target: FailureTarget) -> AsyncIterator[review.LockedFailure]:
        async with self._database.write() as connection:
            yield await review.lock_failure(connection, job_id, target)
