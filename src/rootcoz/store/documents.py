"""Long documents of an analysis: report files, the failures read from them, the result. Kept as chunks.

Kinds: `report:<n>` (a report document as it came, UTF-8), `failures` (one JSON object a line), `result` (ready to
send), `enriched:<n>`, and until the result is there `console:<n>` (see `analysis.consoles`).
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence

from sqlalchemy import delete, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.kit.chunks import Chunk
from rootcoz.store.schema import documents

_ROWS_AT_ONCE = 8


async def save_document(
    connection: AsyncConnection, analysis_id: int, kind: str, chunks: Iterable[Chunk]
) -> None:
    """Keep `chunks` as the document; one of the same kind is replaced."""
    await connection.execute(
        delete(documents).where(documents.c.analysis_id == analysis_id, documents.c.kind == kind)
    )
    rows: list[dict[str, object]] = []
    for number, chunk in enumerate(chunks):
        rows.append(
            {
                "analysis_id": analysis_id,
                "kind": kind,
                "number": number,
                "size": chunk.size,
                "compressed": int(chunk.compressed),
                "data": chunk.data,
            }
        )
        if len(rows) == _ROWS_AT_ONCE:
            await connection.execute(insert(documents), rows)
            rows = []
    if rows:
        await connection.execute(insert(documents), rows)


async def delete_documents(connection: AsyncConnection, analysis_id: int, beginning: str) -> None:
    """Remove the documents whose kind begins so."""
    await connection.execute(
        delete(documents).where(
            documents.c.analysis_id == analysis_id, documents.c.kind.startswith(beginning, autoescape=True)
        )
    )


async def copy_documents(
    connection: AsyncConnection, source_id: int, target_id: int, kinds: Sequence[str]
) -> None:
    """Give another analysis the documents of these kinds, packed as they are."""
    columns = [column for column in documents.c if column.name != "analysis_id"]
    for kind in kinds:
        await connection.execute(
            insert(documents).from_select(
                ["analysis_id", *(column.name for column in columns)],
                select(literal(target_id), *columns).where(
                    documents.c.analysis_id == source_id, documents.c.kind == kind
                ),
            )
        )


async def document_size(connection: AsyncConnection, analysis_id: int, kind: str) -> int | None:
    """Bytes of the unpacked document; None when there is none."""
    size = await connection.scalar(
        select(func.sum(documents.c.size)).where(
            documents.c.analysis_id == analysis_id, documents.c.kind == kind
        )
    )
    return None if size is None else int(size)


async def load_document(connection: AsyncConnection, analysis_id: int, kind: str) -> list[Chunk]:
    """All chunks of the document, in order, still packed; empty when there is none."""
    return [chunk async for chunk in stream_document(connection, analysis_id, kind)]


async def stream_document(connection: AsyncConnection, analysis_id: int, kind: str) -> AsyncIterator[Chunk]:
    """The chunks one after the other, holding one at a time."""
    query = (
        select(documents.c.data, documents.c.size, documents.c.compressed)
        .where(documents.c.analysis_id == analysis_id, documents.c.kind == kind)
        .order_by(documents.c.number)
    )
    rows = await connection.stream(query.execution_options(yield_per=1))
    async for row in rows:
        yield Chunk(row.data, row.size, bool(row.compressed))


async def load_slices(
    connection: AsyncConnection, analysis_id: int, kind: str, places: Sequence[tuple[int, int]]
) -> list[bytes]:
    """Parts of the document, each given as the bytes before it and its bytes; unpacks only where they stand."""
    sizes = await connection.execute(
        select(documents.c.number, documents.c.size)
        .where(documents.c.analysis_id == analysis_id, documents.c.kind == kind)
        .order_by(documents.c.number)
    )
    numbers, starts = [], [0]
    for number, size in sizes:
        numbers.append(number)
        starts.append(starts[-1] + size)
    parts: list[list[bytes]] = [[] for _ in places]
    wanted: defaultdict[int, list[int]] = defaultdict(list)
    for index, (start, size) in enumerate(places):
        for chunk in range(bisect_right(starts, start) - 1, bisect_left(starts, start + size)):
            wanted[chunk].append(index)
    for chunk, indices in sorted(wanted.items()):
        data = await asyncio.to_thread((await _chunk(connection, analysis_id, kind, numbers[chunk])).unpack)
        for index in indices:
            start, size = places[index]
            begin = starts[chunk]
            parts[index].append(data[max(start - begin, 0) : start + size - begin])
    return [b"".join(part) for part in parts]


async def _chunk(connection: AsyncConnection, analysis_id: int, kind: str, number: int) -> Chunk:
    row = (
        await connection.execute(
            select(documents.c.data, documents.c.size, documents.c.compressed).where(
                documents.c.analysis_id == analysis_id, documents.c.kind == kind, documents.c.number == number
            )
        )
    ).one()
    return Chunk(row.data, row.size, bool(row.compressed))


async def document_kinds(connection: AsyncConnection, analysis_id: int) -> Sequence[str]:
    """Which documents the analysis has, sorted."""
    found = await connection.scalars(
        select(documents.c.kind)
        .where(documents.c.analysis_id == analysis_id)
        .distinct()
        .order_by(documents.c.kind)
    )
    return found.all()
