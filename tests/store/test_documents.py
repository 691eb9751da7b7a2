from collections.abc import Iterator

import pytest
from tests.support.analyses import added

from rootcoz.kit.chunks import CHUNK_SIZE, Chunk, chunked, open_chunks
from rootcoz.store.documents import (
    document_kinds,
    document_size,
    load_document,
    load_slices,
    save_document,
    stream_document,
)
from rootcoz.store.engine import Database

LONG = b"0123456789" * (CHUNK_SIZE // 4)


async def saved(database: Database, analysis_id: int, data: bytes, kind: str = "result") -> None:
    async with database.write() as connection:
        await save_document(connection, analysis_id, kind, chunked([data]))


async def loaded(database: Database, analysis_id: int, kind: str = "result") -> bytes:
    async with database.read() as connection:
        return open_chunks(await load_document(connection, analysis_id, kind)).read()


@pytest.mark.parametrize("data", [b"short", LONG, LONG * 5], ids=["one chunk", "some", "many"])
async def test_a_document_comes_back_with_its_size(database: Database, data: bytes) -> None:
    analysis_id = await added(database)
    await saved(database, analysis_id, data)
    async with database.read() as connection:
        size = await document_size(connection, analysis_id, "result")

    assert await loaded(database, analysis_id) == data
    assert size == len(data)


async def test_a_document_that_does_not_exist_is_empty_and_has_no_size(database: Database) -> None:
    analysis_id = await added(database)
    async with database.read() as connection:
        size = await document_size(connection, analysis_id, "result")

    assert await loaded(database, analysis_id) == b""
    assert size is None


async def test_a_new_document_replaces_a_longer_one_of_its_kind_and_no_other(database: Database) -> None:
    first, second = await added(database, "one"), await added(database, "two")
    for analysis_id in (first, second):
        await saved(database, analysis_id, LONG)
        await saved(database, analysis_id, b"groups", "groups")
    await saved(database, first, b"new")

    assert await loaded(database, first) == b"new"
    assert await loaded(database, second) == LONG
    assert await loaded(database, first, "groups") == b"groups"
    async with database.read() as connection:
        assert await document_kinds(connection, first) == ["groups", "result"]


async def test_a_replacement_that_fails_half_way_leaves_the_old_document(database: Database) -> None:
    analysis_id = await added(database)
    await saved(database, analysis_id, b"old")

    def broken() -> Iterator[Chunk]:
        for _ in range(20):
            yield from chunked([LONG])
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        async with database.write() as connection:
            await save_document(connection, analysis_id, "result", broken())
    assert await loaded(database, analysis_id) == b"old"


async def test_a_document_is_streamed_in_order_while_another_replaces_it(database: Database) -> None:
    analysis_id = await added(database)
    await saved(database, analysis_id, LONG)
    read = b""
    async with database.read() as connection:
        async for chunk in stream_document(connection, analysis_id, "result"):
            read += chunk.unpack()
            await saved(database, analysis_id, b"new")

    assert read == LONG


async def test_parts_of_a_document_are_read_wherever_they_stand(database: Database) -> None:
    analysis_id = await added(database)
    await saved(database, analysis_id, LONG)
    places = [(0, 3), (CHUNK_SIZE - 2, 4), (5, 0), (CHUNK_SIZE, 7), (len(LONG) - 1, 1), (10, CHUNK_SIZE + 9)]
    async with database.read() as connection:
        parts = await load_slices(connection, analysis_id, "result", places)

    assert parts == [LONG[start : start + size] for start, size in places]
