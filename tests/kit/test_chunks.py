import io
from collections.abc import Iterator

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from rootcoz.kit.chunks import CHUNK_SIZE, COMPRESS_ABOVE, Chunk, chunked, open_chunks

LONG = bytes(range(256)) * (CHUNK_SIZE // 100)


def unpacked(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.unpack() for chunk in chunks)


@settings(max_examples=25)
@given(
    unit=st.binary(min_size=1, max_size=300), sizes=st.lists(st.integers(0, CHUNK_SIZE + 1000), max_size=4)
)
def test_a_document_is_the_same_after_packing_whatever_pieces_it_came_in(
    unit: bytes, sizes: list[int]
) -> None:
    pieces = [(unit * (size // len(unit) + 1))[:size] for size in sizes]

    chunks = list(chunked(pieces))

    assert unpacked(chunks) == b"".join(pieces)
    assert sum(chunk.size for chunk in chunks) == sum(sizes)
    assert all(0 < chunk.size <= CHUNK_SIZE for chunk in chunks)


def test_the_frames_of_a_long_document_are_together_one_valid_zstd_stream() -> None:
    frames = b"".join(chunk.data for chunk in chunked([LONG]))

    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(frames), read_across_frames=True)

    assert reader.read() == LONG


def test_a_short_document_is_kept_as_it_is_and_a_longer_one_is_compressed() -> None:
    short = list(chunked([b"x" * COMPRESS_ABOVE]))
    longer = list(chunked([b"x" * (COMPRESS_ABOVE + 1)]))

    assert [chunk.compressed for chunk in short] == [False]
    assert [chunk.compressed for chunk in longer] == [True]
    assert len(longer[0].data) < 1000


def test_the_short_end_of_a_long_document_is_compressed_too() -> None:
    chunks = list(chunked([b"x" * (CHUNK_SIZE + 1)]))

    assert [(chunk.size, chunk.compressed) for chunk in chunks] == [(CHUNK_SIZE, True), (1, True)]


def test_nothing_makes_no_chunks() -> None:
    assert list(chunked([b"", b""])) == []


def test_chunks_are_read_as_a_stream_line_by_line_and_block_by_block() -> None:
    lines = [b"line %d\n" % number for number in range(200_000)]
    chunks = list(chunked(lines))

    assert list(open_chunks(chunks)) == lines
    stream = open_chunks(chunks)
    assert b"".join(iter(lambda: stream.read(1000), b"")) == b"".join(lines)
    assert open_chunks([]).read() == b""


def test_reading_unpacks_no_more_than_what_is_asked_for() -> None:
    chunks = list(chunked([LONG]))
    taken = []

    def watched() -> Iterator[Chunk]:
        for chunk in chunks:
            taken.append(chunk)
            yield chunk

    open_chunks(watched()).read(10)

    assert len(taken) == 1
    assert len(chunks) > 1
