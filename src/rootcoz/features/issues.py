"""Files issues in trackers from a result: each once, however often it is asked for.

A row in the store says that an issue is being filed before the tracker is asked. Who comes second waits for the first.
When it stays unknown whether the tracker filed it (no answer, or a process that died), the next one looks for the
issue, which carries a word that no other has, before filing it. The row becomes "filed" in the same transaction that
adds the comment with the link.
"""

import asyncio
import hashlib
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from rootcoz.domain.errors import (
    Conflict,
    CredentialRefused,
    OutcomeUnknown,
    OutsideError,
    RootcozError,
    StoreUnavailable,
)
from rootcoz.domain.issue import FiledIssue, NewIssue
from rootcoz.domain.review import Author, FailureTarget
from rootcoz.kit.clock import utc_moment, utc_now
from rootcoz.store import review, tracker_items
from rootcoz.store.engine import Database
from rootcoz.store.tracker_items import ItemClaim, ItemState, TrackerItem
from rootcoz.trackers.base import IssueFiler

WAIT_S = 60.0
"""How long is waited for another request that files the same issue."""
POLL_S = 0.2
BEAT_S = 1.0
DEAD_AFTER_S = 6.0
"""A process that shares the database and does not beat for so long is taken for dead."""
LOOK_S = 1.0
"""Pause between two looks for an issue that may have been filed."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Filing:
    """An issue that is filed."""

    issue: FiledIssue
    comment_id: int
    """Of the comment that tells of it; 0 when it could not be added."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """The right to file an issue."""

    item: TrackerItem
    failure: review.FoundFailure
    marker: str
    """The word by which the issue is known."""
    is_new: bool
    """Nobody has been at it before."""


class Issues:
    """Files issues. One for each process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._process = uuid.uuid4().hex
        self._running: set[str] = set()

    async def check(self, job_id: str, target: FailureTarget) -> None:
        """Raise what `file` would raise for this failure: NotFound, StillInProgress, Conflict, InvalidInput."""
        async with self._database.write() as connection:
            await review.lock_failure(connection, job_id, target)

    async def file(
        self,
        job_id: str,
        target: FailureTarget,
        draft: NewIssue,
        filers: Sequence[IssueFiler],
        author: Author,
    ) -> Filing:
        """File the issue and comment on the failure with the link, unless both has been done already.

        `filers` are for one place, with the credentials that may be used, in their order: the next one is taken only
        when the tracker refuses a credential. Secrets are removed from the text. Raises what `check` raises, and what
        `IssueFiler.create_issue` does; Conflict also when another request is at it for too long.
        """
        from rootcoz.evidence.secrets import redact  # noqa: PLC0415 - not at the server's start: its rules take a while

        issue = replace(
            draft,
            title=redact(" ".join(draft.title.split())).text,
            body=redact(draft.body).text,
            reporter=author.name,
        )
        run = f"{self._process}:{uuid.uuid4().hex}"
        self._running.add(run)
        try:
            claim = await self._claimed(job_id, target, issue, filers[0], run)
            if isinstance(claim, Filing):
                return claim
            async with self._beating(claim.item.id, run):
                filed = await self._file(claim, replace(issue, marker=claim.marker), filers, run)
                return await self._complete(job_id, claim, filed, filers[0].name, author)
        finally:
            self._running.discard(run)

    # --- whose turn it is ------------------------------------------------------------------------

    async def _claimed(
        self, job_id: str, target: FailureTarget, issue: NewIssue, filer: IssueFiler, run: str
    ) -> _Claim | Filing:
        """The right to file it, or the issue when it is filed."""
        ends = time.monotonic() + WAIT_S
        seen: tuple[str, int] | None = None
        since = time.monotonic()
        while True:
            now = time.monotonic()
            taken_for_dead = "" if seen is None or now - since < DEAD_AFTER_S else seen[0]
            found = await self._claim(job_id, target, issue, filer, run, taken_for_dead)
            if not isinstance(found, TrackerItem):
                return found
            if seen != (found.run, found.beats):
                seen, since = (found.run, found.beats), now
            if now > ends:
                raise Conflict(
                    "The same issue is being filed by another request, which takes long; look at the comments of the "
                    "failure before you try again."
                )
            await asyncio.sleep(POLL_S)

    async def _claim(
        self,
        job_id: str,
        target: FailureTarget,
        issue: NewIssue,
        filer: IssueFiler,
        run: str,
        taken_for_dead: str,
    ) -> _Claim | Filing | TrackerItem:
        """The right to file it; the issue when it is filed; the row when somebody is at it."""
        async with self._database.write() as connection:
            locked = await review.lock_failure(connection, job_id, target)
            key = _item_key(job_id, locked.failure, issue, filer)
            marker = f"rootcoz{key[:_MARKER_DIGITS]}"
            item = await tracker_items.find_item(connection, locked.analysis.id, key)
            if item is None:
                claim = ItemClaim(
                    key, filer.name.lower(), filer.place, issue.title, username=issue.reporter, run=run
                )
                item = await tracker_items.add_item(
                    connection, locked.analysis.id, locked.failure, claim, at=utc_now()
                )
                return _Claim(item, locked.failure, marker, is_new=True)
            if item.state is ItemState.FILED:
                return Filing(item.issue, item.comment_id)
            if item.state is ItemState.FILING and self._is_alive(item) and item.run != taken_for_dead:
                return item
            await tracker_items.take_item(connection, item, run, at=utc_now())
            return _Claim(item, locked.failure, marker, is_new=False)

    def _is_alive(self, item: TrackerItem) -> bool:
        """Whether somebody may be at it. One process works on a data directory: any other has died."""
        if item.run.startswith(self._process):
            return item.run in self._running
        return self._database.is_shared

    @asynccontextmanager
    async def _beating(self, item_id: int, run: str) -> AsyncIterator[None]:
        """Show other processes that this one is at it."""
        if not self._database.is_shared:
            yield
            return
        beating = asyncio.create_task(self._beat(item_id, run))
        try:
            yield
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    async def _beat(self, item_id: int, run: str) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            with suppress(StoreUnavailable):
                async with self._database.write_apart() as connection:
                    await tracker_items.beat_item(connection, item_id, run)

    # --- filing ----------------------------------------------------------------------------------

    async def _file(
        self, claim: _Claim, issue: NewIssue, filers: Sequence[IssueFiler], run: str
    ) -> FiledIssue:
        """The issue in the tracker, which is asked for it once. The row goes when there certainly is none."""
        item = claim.item
        if not claim.is_new and (found := await self._look_again(item, issue, filers, run)) is not None:
            return found
        try:
            return await _created(issue, filers)
        except OutcomeUnknown as error:
            with suppress(OutsideError):  # The next one looks again.
                found = await _look(filers, issue, item.claimed_at, asked_at=_now_s())
                if found is not None:
                    return found
            await self._leave(item.id, run)
            raise OutcomeUnknown(
                f"{error} Whether the issue was filed is not known. Send the same request again: the issue is looked "
                "for before anything is filed.",
                source=error.source,
                timed_out=error.timed_out,
            ) from error
        except RootcozError:
            with suppress(StoreUnavailable):  # Then the next one looks for it in vain.
                async with self._database.write() as connection:
                    await tracker_items.drop_item(connection, item.id, run)
            raise

    async def _look_again(
        self, item: TrackerItem, issue: NewIssue, filers: Sequence[IssueFiler], run: str
    ) -> FiledIssue | None:
        """What somebody may have filed before. When the tracker does not say, nobody may file it yet."""
        try:
            return await _look(filers, issue, item.claimed_at, asked_at=utc_moment(item.touched_at))
        except OutsideError:
            await self._leave(item.id, run)
            raise

    async def _leave(self, item_id: int, run: str) -> None:
        with suppress(StoreUnavailable):  # Whoever comes next looks for it in any case.
            async with self._database.write() as connection:
                await tracker_items.leave_item(connection, item_id, run, at=utc_now())

    async def _complete(
        self, job_id: str, claim: _Claim, issue: FiledIssue, tracker: str, author: Author
    ) -> Filing:
        """Note that it is filed, and say so in a comment."""
        try:
            async with self._database.write() as connection:
                analysis = await review.lock_analysis(connection, job_id)
                if analysis is None:
                    return Filing(issue, 0)  # deleted in the meantime
                if not await tracker_items.complete_item(connection, claim.item.id, issue, at=utc_now()):
                    known = await tracker_items.load_item(connection, claim.item.id)
                    return Filing(issue, 0) if known is None else Filing(known.issue, known.comment_id)
                comment = await review.add_comment(
                    connection,
                    analysis.id,
                    claim.failure,
                    _comment(tracker, issue),
                    author=author,
                    at=utc_now(),
                )
                await tracker_items.name_comment(connection, claim.item.id, comment.id)
        except StoreUnavailable as error:
            # The issue is there: whoever asks again finds it, and adds the comment.
            log.warning("issue_filed_without_comment", job_id=job_id, issue=issue.key, reason=str(error))
            return Filing(issue, 0)
        log.info("issue_filed", job_id=job_id, issue=issue.key, tracker=tracker)
        return Filing(issue, comment.id)


async def _created(issue: NewIssue, filers: Sequence[IssueFiler]) -> FiledIssue:
    """The issue, filed with the first of the credentials that the tracker accepts."""
    *others, last = filers
    for filer in others:
        with suppress(CredentialRefused):
            return await filer.create_issue(issue)
    return await last.create_issue(issue)


async def _look(
    filers: Sequence[IssueFiler], issue: NewIssue, claimed_at: str, *, asked_at: float
) -> FiledIssue | None:
    """The issue if it has been filed; None for certain.

    `asked_at`, in seconds since 1970, is when the tracker was last asked to file it. Raises OutsideError.
    """
    while True:
        waited_s = _now_s() - asked_at
        found = await _found(filers, issue, claimed_at)
        if found is not None or not 0 <= waited_s < filers[0].settles_s:
            return found
        await asyncio.sleep(min(LOOK_S, filers[0].settles_s - waited_s + 0.01))


async def _found(filers: Sequence[IssueFiler], issue: NewIssue, since: str) -> FiledIssue | None:
    """What the first of the credentials sees that the tracker accepts."""
    *others, last = filers
    for filer in others:
        with suppress(CredentialRefused):
            return await filer.find_filed(issue, since)
    return await last.find_filed(issue, since)


def _item_key(job_id: str, failure: review.FoundFailure, issue: NewIssue, filer: IssueFiler) -> str:
    """What makes two requests the same one, whoever sends them."""
    parts = [
        job_id,
        failure.child_job_name,
        failure.child_build_number,
        failure.test_name,
        filer.name,
        filer.place,
        issue.title,
        issue.body,
        issue.issue_type,
        issue.security_level,
        issue.labels,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


_MARKER_DIGITS = 24
_BRACKETS = re.compile(r"([\\\[\]])")


def _comment(tracker: str, issue: FiledIssue) -> str:
    """The comment that tells of the issue, in Markdown."""
    title = _BRACKETS.sub(r"\\\1", issue.title)
    return f"{tracker} issue [{issue.key}]: [{title}]({issue.url})"


def _now_s() -> float:
    return datetime.now(UTC).timestamp()
