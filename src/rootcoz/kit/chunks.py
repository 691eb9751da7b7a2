"""Long byte streams as a row of bounded chunks, compressed one by one.

Each compressed chunk is a zstd frame of its own, so the chunks of a document, sent one after the other, are a valid
zstd stream as a whole (RFC 8878, section 3.1: frames may be concatenated).
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import zstandard

CHUNK_SIZE = 512 * 1024
"""Bytes before compression. Small enough that no copy or join of one holds the interpreter for long."""
COMPRESS_ABOVE = 64 * 1024
"""Documents up to this many bytes are kept as they are: compressing them saves little and costs a step."""
_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document."""

    data: bytes
    size: int
    """Bytes when unpacked."""
    compressed: bool

    def unpack(self) -> bytes:
        """The piece as it was."""
        if not self.compressed:
            return self.data
        return zstandard.ZstdDecompressor().decompress(self.data, max_output_size=self.size)


def pack(data: bytes) -> bytes:
    """`data` as one zstd frame."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)


def chunked(pieces: Iterable[bytes]) -> Iterator[Chunk]:
    """`pieces`, whatever their sizes, as chunks of CHUNK_SIZE, compressed when they are more than COMPRESS_ABOVE."""
    first = True
    for block in _blocks(pieces):
        compress = not first or len(block) > COMPRESS_ABOVE
        first = False
        yield Chunk(pack(block) if compress else block, len(block), compress)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= CHUNK_SIZE:
            yield bytes(buffer[:CHUNK_SIZE])
            del buffer[:CHUNK_SIZE]
    if buffer:
        yield bytes(buffer)


class ChunkReader(io.RawIOBase):
    """Chunks as a readable stream, unpacking one at a time."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # typeshed's Buffer is 3.12+
        """Fill `buffer` from what is left; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk.unpack())
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def open_chunks(chunks: Iterable[Chunk]) -> io.BufferedReader:
    """A buffered binary stream over `chunks`."""
    return io.BufferedReader(ChunkReader(chunks), 64 * 1024)
