"""Stored results as bytes that are ready to send.

A result is written once, when its analysis ends; what people override is put in place while it is read. So its bytes
can be kept in memory. One process owns a data directory, therefore what this process has neither deleted nor been told
to forget is still right; a database that others share is asked first whether it is.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from rootcoz.domain.analysis import StoredAnalysis
from rootcoz.domain.errors import Conflict, NoSuchAnalysis
from rootcoz.domain.review import Override
from rootcoz.features import effective_result
from rootcoz.kit.chunks import Chunk
from rootcoz.kit.splice import Splice, Splicer, spliced
from rootcoz.store import analyses as analyses_store
from rootcoz.store import review
from rootcoz.store.builds import RESULT
from rootcoz.store.documents import document_size, load_document, load_slices, stream_document
from rootcoz.store.engine import Database
from rootcoz.store.findings import count_answers

MEMORY_LIMIT = 64_000_000
"""Bytes of results that are kept in memory."""
PARTIALS_KEPT = 16
"""Results of analyses that still go on, each of a few megabytes at most, that are kept for whoever asks next."""
WHOLE_LIMIT = 8_000_000
"""Results up to this many bytes are sent in one piece; larger ones chunk by chunk."""

MakePartial = Callable[[Database, StoredAnalysis], Awaitable[bytes]]
"""The JSON of what can be said of an analysis that is not finished: `analysis.partial.partial_result`."""


@dataclass(frozen=True, slots=True)
class FinishedResult:
    """A final analysis and its result, with what people have overridden."""

    analysis: StoredAnalysis
    size: int
    """Bytes of its JSON."""
    whole: bytes | None
    """The result's JSON; None when it is too large to hold."""
    overrides: Sequence[Override] = ()
    """Those that stand."""
    splices: Sequence[Splice] = ()
    """What is to be put in place in the stored document."""


class Results:
    """Reads, aborts and deletes analyses."""

    def __init__(self, database: Database, make_partial: MakePartial) -> None:
        self._database = database
        self._make_partial = make_partial
        self._making_partial = asyncio.Lock()
        self._partials: OrderedDict[str, tuple[object, bytes]] = OrderedDict()
        self._memory: OrderedDict[str, FinishedResult] = OrderedDict()
        self._held = 0
        self._changes = 0

    def remembered(self, job_id: str) -> FinishedResult | None:
        """The result if it is in memory: the quick way for what is asked for again and again."""
        found = None if self._database.is_shared else self._memory.get(job_id)
        if found is not None:
            self._memory.move_to_end(job_id)
        return found

    async def find(self, job_id: str) -> StoredAnalysis | None:
        """The analysis, finished or not; None when there is none."""
        async with self._database.read() as connection:
            return await analyses_store.find_analysis(connection, job_id)

    async def finished(self, analysis: StoredAnalysis) -> FinishedResult:
        """The result of a final analysis that was found just now."""
        known = self._memory.get(analysis.job_id)
        if known is not None and known.analysis.id == analysis.id and await self._is_right(known):
            self._memory.move_to_end(analysis.job_id)
            return known
        changes = self._changes
        async with self._database.read() as connection:
            size = await document_size(connection, analysis.id, RESULT) or 0
            chunks = await load_document(connection, analysis.id, RESULT) if size <= WHOLE_LIMIT else []
        overrides, splices = await self._splices(analysis)
        size += sum(splice.growth for splice in splices)
        if not chunks:
            return FinishedResult(analysis, size, None, overrides, splices)
        whole = await asyncio.to_thread(_unpack, chunks, splices)
        result = FinishedResult(analysis, size, whole, overrides, splices)
        if changes == self._changes:  # else it may be the very one that was changed while we read it
            self._remember(result)
        return result

    async def pieces(self, result: FinishedResult) -> AsyncIterator[bytes]:
        """The result's JSON, chunk by chunk."""
        splicer = Splicer(result.splices)
        async with self._database.read() as connection:
            async for chunk in stream_document(connection, result.analysis.id, RESULT):
                yield await asyncio.to_thread(_unpack_into, splicer, chunk)

    async def _is_right(self, known: FinishedResult) -> bool:
        """Whether nobody has overridden anything since; another process may have where the database is shared."""
        if not self._database.is_shared:
            return True
        async with self._database.read() as connection:
            return await review.standing_overrides(connection, known.analysis.id) == known.overrides

    async def _splices(self, analysis: StoredAnalysis) -> tuple[Sequence[Override], Sequence[Splice]]:
        """People's decisions, and what they change in the stored result."""
        async with self._database.read() as connection:
            overrides = await review.standing_overrides(connection, analysis.id)
            if not overrides:
                return overrides, ()
            documents = {
                kind: await load_document(connection, analysis.id, kind)
                for kind in effective_result.DOCUMENTS
            }
            plan = await asyncio.to_thread(
                effective_result.plan, overrides, documents, analysis.failure_count
            )
            samples = await load_slices(connection, analysis.id, RESULT, plan.samples)
        return overrides, await asyncio.to_thread(effective_result.make_splices, plan, samples)

    def forget(self, job_id: str) -> None:
        """What is in memory of it is no longer right."""
        self._changes += 1
        if (result := self._memory.pop(job_id, None)) is not None:
            self._held -= result.size

    async def partial(self, analysis: StoredAnalysis) -> bytes:
        """What can be said of an analysis that is not finished.

        Made anew only when there is something new to say, however many ask.
        """
        key = (
            analysis.status,
            len(analysis.progress_log),
            analysis.notes,
            analysis.groups_total,
            await self.answered(analysis),
        )
        if (made := self._known_partial(analysis.job_id, key)) is not None:
            return made
        async with self._making_partial:
            if (made := self._known_partial(analysis.job_id, key)) is None:
                made = await self._make_partial(self._database, analysis)
                self._partials[analysis.job_id] = (key, made)
                while len(self._partials) > PARTIALS_KEPT:
                    self._partials.popitem(last=False)
        return made

    def _known_partial(self, job_id: str, key: object) -> bytes | None:
        known, made = self._partials.get(job_id, (None, b""))
        return made if known == key else None

    async def answered(self, analysis: StoredAnalysis) -> int:
        """How many of its failure groups have an answer."""
        async with self._database.read() as connection:
            return await count_answers(connection, analysis.id)

    async def mark_aborted(self, job_id: str, username: str) -> bool:
        """Note that the analysis is to be stopped. False: somebody has said so before, and who did stays.

        Raises NotFound, and Conflict when it came to its end without an abort.
        """
        async with self._database.write() as connection:
            if await analyses_store.mark_aborted(connection, job_id, username):
                return True
            analysis = await analyses_store.find_analysis(connection, job_id)
        if analysis is None:
            raise NoSuchAnalysis(job_id)
        if analysis.aborted_by is None:
            raise Conflict(f"The analysis {job_id} is over ({analysis.status}): nothing is left to abort.")
        return False

    async def recent(self, limit: int) -> list[analyses_store.ListedAnalysis]:
        """The newest analyses."""
        async with self._database.read() as connection:
            return await analyses_store.list_analyses(connection, limit)

    async def review_counts(self, job_id: str) -> review.ReviewCounts:
        """How far people are; zeros when there is no such analysis."""
        async with self._database.read() as connection:
            return await review.review_counts(connection, job_id)

    async def delete(self, job_ids: Sequence[str]) -> list[str]:
        """Delete the analyses with all that belongs to them; returns those that existed, in the same order."""
        async with self._database.write() as connection:
            # In one order, whoever deletes: of two who waited for each other the database would fail one.
            gone = {
                job_id
                for job_id in sorted(job_ids)
                if await analyses_store.delete_analysis(connection, job_id)
            }
        deleted = [job_id for job_id in job_ids if job_id in gone]
        for job_id in deleted:
            self.forget(job_id)
        return deleted

    def _remember(self, result: FinishedResult) -> None:
        job_id = result.analysis.job_id
        if (known := self._memory.get(job_id)) is not None:
            self._held -= known.size
        self._held += result.size
        self._memory[job_id] = result
        while self._held > MEMORY_LIMIT:
            _, dropped = self._memory.popitem(last=False)
            self._held -= dropped.size


def _unpack(chunks: Sequence[Chunk], splices: Sequence[Splice]) -> bytes:
    return b"".join(spliced((chunk.unpack() for chunk in chunks), splices))


def _unpack_into(splicer: Splicer, chunk: Chunk) -> bytes:
    return splicer.feed(chunk.unpack())
