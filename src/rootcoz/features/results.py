"""Stored results as bytes that are ready to send.

A result is written once, when its analysis ends, so its bytes can be kept in memory. One process owns the data
directory, therefore what this process has not deleted is still right.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson

from rootcoz.domain.analysis import StoredAnalysis
from rootcoz.kit.chunks import Chunk
from rootcoz.store import analyses as analyses_store
from rootcoz.store.builds import RESULT
from rootcoz.store.documents import document_size, load_document, stream_document
from rootcoz.store.engine import Database
from rootcoz.store.findings import count_answers

MEMORY_LIMIT = 64_000_000
"""Bytes of results that are kept in memory."""
WHOLE_LIMIT = 8_000_000
"""Results up to this many bytes are sent in one piece; larger ones chunk by chunk."""


@dataclass(frozen=True, slots=True)
class FinishedResult:
    """A final analysis and the size of its stored result."""

    analysis: StoredAnalysis
    size: int
    whole: bytes | None
    """The result's JSON; None when it is too large to hold."""


class Results:
    """Reads and deletes stored results."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._memory: OrderedDict[str, FinishedResult] = OrderedDict()
        self._held = 0
        self._deletions = 0

    def remembered(self, job_id: str) -> FinishedResult | None:
        """The result if it is in memory: the quick way for what is asked for again and again."""
        found = self._memory.get(job_id)
        if found is not None:
            self._memory.move_to_end(job_id)
        return found

    async def find(self, job_id: str) -> StoredAnalysis | None:
        """The analysis, finished or not; None when there is none."""
        async with self._database.read() as connection:
            return await analyses_store.find_analysis(connection, job_id)

    async def finished(self, analysis: StoredAnalysis) -> FinishedResult:
        """The stored result of a final analysis."""
        deletions = self._deletions
        async with self._database.read() as connection:
            size = await document_size(connection, analysis.id, RESULT) or 0
            chunks = await load_document(connection, analysis.id, RESULT) if size <= WHOLE_LIMIT else []
        if size > WHOLE_LIMIT:
            return FinishedResult(analysis, size, None)
        result = FinishedResult(analysis, size, await asyncio.to_thread(_unpack, chunks))
        if deletions == self._deletions:  # else it may be the very one that was deleted while we read it
            self._remember(result)
        return result

    async def pieces(self, analysis: StoredAnalysis) -> AsyncIterator[bytes]:
        """The stored result's JSON, chunk by chunk."""
        async with self._database.read() as connection:
            async for chunk in stream_document(connection, analysis.id, RESULT):
                yield await asyncio.to_thread(chunk.unpack)

    async def partial(self, analysis: StoredAnalysis) -> bytes:
        """What can be said of an analysis that is not finished."""
        async with self._database.read() as connection:
            answered = await count_answers(connection, analysis.id)
        phase = analysis.progress_log[-1].phase if analysis.progress_log else None
        return orjson.dumps(
            {
                "job_name": analysis.job_name,
                "build_number": analysis.build_number,
                "ai_provider": analysis.options.provider,
                "ai_model": analysis.options.model,
                "request_params": analysis.request_params,
                "progress_phase": phase,
                "progress_log": analysis.progress_log,
                "groups_total": analysis.groups_total,
                "groups_answered": answered,
                "notes": analysis.notes,
            }
        )

    async def recent(self, limit: int) -> list[analyses_store.ListedAnalysis]:
        """The newest analyses."""
        async with self._database.read() as connection:
            return await analyses_store.list_analyses(connection, limit)

    async def review_counts(self, job_id: str) -> analyses_store.ReviewCounts:
        """How far people are; zeros when there is no such analysis."""
        async with self._database.read() as connection:
            return await analyses_store.review_counts(connection, job_id)

    async def delete(self, job_ids: Sequence[str]) -> list[str]:
        """Delete the analyses with all that belongs to them; returns those that existed, in the same order."""
        async with self._database.write() as connection:
            deleted = [
                job_id for job_id in job_ids if await analyses_store.delete_analysis(connection, job_id)
            ]
        self._deletions += 1
        for job_id in deleted:
            if (result := self._memory.pop(job_id, None)) is not None:
                self._held -= result.size
        return deleted

    def _remember(self, result: FinishedResult) -> None:
        job_id = result.analysis.job_id
        if job_id not in self._memory:
            self._held += result.size
        self._memory[job_id] = result
        while self._held > MEMORY_LIMIT:
            _, dropped = self._memory.popitem(last=False)
            self._held -= dropped.size


def _unpack(chunks: Sequence[Chunk]) -> bytes:
    return b"".join(chunk.unpack() for chunk in chunks)
