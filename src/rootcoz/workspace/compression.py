"""Formats of archives: told by their content, and read as streams in bounded memory."""

import bz2
import gzip
import lzma
import zlib
from enum import StrEnum
from typing import BinaryIO, Protocol

import zstandard

from rootcoz.kit.tar_stream import BLOCK, ByteSource, is_header

MAX_DICTIONARY_BYTES = 134_217_728
"""Memory that decompression may claim: 128 MiB, enough for `xz -9` and `zstd --ultra -22`."""
_READ_BYTES = 65_536
_SLICE_BYTES = 512
"""Bytes of zstd that are unpacked at a time: four of them can mean 128 KiB, and the library knows no limit."""


class Format(StrEnum):
    """What a file is packed with; all but ZIP, TAR and UNREAD may hold a tar archive or one file."""

    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"
    UNREAD = "a format that is not read here"


SUFFIXES = {
    Format.GZIP: (".gz", ".gzip"),
    Format.BZIP2: (".bz2",),
    Format.XZ: (".xz",),
    Format.ZSTD: (".zst", ".zstd"),
}
"""What a single packed file's name ends with besides its own."""

_MAGIC = (
    (b"PK\x03\x04", Format.ZIP),
    (b"PK\x05\x06", Format.ZIP),  # an empty one
    (b"\x1f\x8b\x08", Format.GZIP),
    (b"BZh", Format.BZIP2),
    (b"\xfd7zXZ\0", Format.XZ),
    (b"\x28\xb5\x2f\xfd", Format.ZSTD),
    (b"7z\xbc\xaf\x27\x1c", Format.UNREAD),
    (b"Rar!\x1a\x07", Format.UNREAD),
)


class ContentDamaged(Exception):
    """The packed content cannot be read, or not to its end."""


def format_of(head: bytes) -> Format | None:
    """The format of a file that begins with `head` (BLOCK bytes, or all there are); None for no archive."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    return Format.TAR if is_header(head) else None


DECOMPRESSION_ERRORS = (
    EOFError,
    OSError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    MemoryError,
)
"""What the libraries raise for damaged content. OSError includes the disk's, which read errors are anyway."""


class Unpacked:
    """Reads what a format other than ZIP packs; a tar archive is read as it is. Raises ContentDamaged.

    `head` is the beginning of the unpacked content, read ahead to see whether it is a tar archive.
    """

    def __init__(self, packed: BinaryIO, form: Format) -> None:
        self._source: ByteSource
        match form:
            case Format.GZIP:
                self._source = gzip.GzipFile(fileobj=packed, mode="rb")
            case Format.BZIP2:
                self._source = _Frames(packed, bz2.BZ2Decompressor)
            case Format.XZ:
                self._source = _Frames(packed, _xz)
            case Format.ZSTD:
                self._source = _ZstdFrames(packed)
            case _:
                self._source = packed
        self.head = b""
        while len(self.head) < BLOCK and (piece := self._read(BLOCK - len(self.head))):
            self.head += piece
        self._ahead = self.head

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        if self._ahead:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            return piece
        return self._read(size)

    def _read(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except DECOMPRESSION_ERRORS as error:
            raise ContentDamaged(str(error)) from error


class _Decompressor(Protocol):
    """What `bz2` and `lzma` have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _New(Protocol):
    def __call__(self) -> _Decompressor: ...


def _xz() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY_BYTES)


class _Frames:
    """Reads one compressed stream after the other. The libraries' own file objects know no limit of memory."""

    def __init__(self, packed: BinaryIO, new: _New) -> None:
        self._packed = packed
        self._new = new
        self._current = new()
        self._fresh = True

    def read(self, size: int) -> bytes:
        while True:
            data = b""
            if self._current.eof:
                data = self._current.unused_data or self._packed.read(_READ_BYTES)
                # Streams may be padded with zeros.
                data = data.lstrip(b"\0") or self._packed.read(_READ_BYTES).lstrip(b"\0")
                if not data:
                    return b""
                self._current = self._new()
            elif self._current.needs_input and not (data := self._packed.read(_READ_BYTES)):
                raise EOFError("the compressed content is cut off")
            if piece := self._current.decompress(data, size):
                return piece


class _ZstdFrames:
    """Reads one zstd frame after the other. The library's own reader takes a cut frame for a whole one."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._library = zstandard.ZstdDecompressor(max_window_size=MAX_DICTIONARY_BYTES)
        self._current = self._library.decompressobj()
        self._between_frames = False
        self._unpacked = b""
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._unpacked:
            data = self._rest or self._packed.read(_SLICE_BYTES)
            self._rest = b""
            if not data:
                if not self._between_frames:
                    raise EOFError("the compressed content is cut off")
                return b""
            if self._current.eof:
                self._current = self._library.decompressobj()
            self._unpacked = self._current.decompress(data)
            self._between_frames = self._current.eof
            self._rest = self._current.unused_data if self._current.eof else b""
        piece, self._unpacked = self._unpacked[:size], self._unpacked[size:]
        return piece
