"""Members of a tar stream, read once from front to back, in bounded memory.

Python's own `tarfile` holds a header of any claimed length, and a list of all members, in memory. This reader
knows what archives of build artifacts need: ustar, pax and GNU long names. It makes nothing on disk.
Sources: POSIX.1-2017 `pax`, section "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

BLOCK = 512
"""Bytes that everything in a tar archive is padded to."""
MAX_HEADER_BYTES = 256_000
"""Bytes that all extended headers of one member may take; a long name takes 4,096."""
_SKIP_BYTES = 65_536
_CHECKSUM = slice(148, 156)


class ByteSource(Protocol):
    """What is read: `read(n)` gives up to n bytes, and none at the end."""

    def read(self, size: int, /) -> bytes: ...  # noqa: D102 - said by the class


class TarDamaged(ValueError):
    """The stream is no tar archive, or ends in the middle of something."""


class MemberKind(StrEnum):
    """What a member is. A hard link is a LINK too."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"
    """A device, a pipe, a file with holes, or something unknown."""


_KINDS = {
    b"0": MemberKind.FILE,
    b"\0": MemberKind.FILE,
    b"7": MemberKind.FILE,
    b"5": MemberKind.FOLDER,
    b"1": MemberKind.LINK,
    b"2": MemberKind.LINK,
}


@dataclass(frozen=True, slots=True)
class Member:
    """One entry. `name` is as the archive says: anything at all."""

    name: str
    kind: MemberKind
    size: int
    """Bytes of content that `TarStream.read` gives."""


class TarStream:
    """Iterate over it for the members; between two of them, `read` gives the content of the last one.

    Content that is not read is skipped. Raises TarDamaged.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._left = 0
        """Bytes of the current member that were not read."""
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        while True:
            self._skip()
            header, extended = self._headers()
            if header is None:
                return
            yield self._member(header, extended)

    def read(self, size: int) -> bytes:
        """The next bytes of the current member's content; none at its end."""
        wanted = min(size, self._left)
        if not wanted:
            return b""
        piece = self._source.read(wanted)
        if not piece:
            raise TarDamaged("it ends in the middle of a file")
        self._left -= len(piece)
        return piece

    def _skip(self) -> None:
        while self.read(_SKIP_BYTES):
            pass
        # Some writers leave the last padding out.
        self._read_up_to(self._padding)
        self._padding = 0

    def _headers(self) -> tuple[bytes | None, dict[str, str]]:
        """The next member's own header, None at the end, and what extended headers say about it."""
        extended: dict[str, str] = {}
        room = MAX_HEADER_BYTES
        while True:
            header = self._read_up_to(BLOCK)
            # Two empty blocks end an archive; one, or none, is what some writers and all cut ones leave.
            if not header or header == bytes(BLOCK):
                return None, {}
            if len(header) < BLOCK:
                raise TarDamaged("it ends in the middle of a header")
            if not is_header(header):
                raise TarDamaged("a header is damaged")
            kind = header[156:157]
            if kind not in b"xgLK":
                return header, extended
            size = _number(header[124:136])
            room -= size + BLOCK
            if room < 0:
                raise TarDamaged("a header is longer than any that makes sense")
            content = self._read_up_to(_padded(size))
            if len(content) < size:
                raise TarDamaged("it ends in the middle of a header")
            if kind == b"L":
                extended["path"] = _text(content[:size])
            elif kind == b"x":
                extended |= _pax_records(content[:size])

    def _member(self, header: bytes, extended: dict[str, str]) -> Member:
        size = _number(header[124:136])
        if (claimed := extended.get("size", "")).isdecimal() and len(claimed) < 20:  # noqa: PLR2004 - 64 bits
            size = int(claimed)
        kind = _KINDS.get(header[156:157], MemberKind.OTHER)
        name = extended.get("path") or _own_name(header)
        if kind is MemberKind.FILE and any(key.startswith("GNU.sparse") for key in extended):
            kind = MemberKind.OTHER
        if kind is MemberKind.FILE and name.endswith(
            "/"
        ):  # how tar said "folder" before it had a kind for it
            kind = MemberKind.FOLDER
        # Links and folders may claim a size and have no content.
        self._left = size if kind in {MemberKind.FILE, MemberKind.OTHER} else 0
        if header[156:157] in {b"3", b"4", b"6"}:  # devices and pipes
            self._left = 0
        self._padding = _padded(self._left) - self._left
        return Member(name, kind, self._left)

    def _read_up_to(self, size: int) -> bytes:
        pieces = []
        while size and (piece := self._source.read(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def is_header(block: bytes) -> bool:
    """Whether the first BLOCK bytes are a member's header, by its checksum; also true of the oldest forms."""
    if len(block) < BLOCK or not any(block[:BLOCK]):
        return False
    try:
        claimed = _number(block[_CHECKSUM])
    except TarDamaged:
        return False
    return claimed == sum(block[:148]) + 8 * ord(" ") + sum(block[156:BLOCK])


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _number(field: bytes) -> int:
    """Octal digits, or GNU's binary form for what is too large for them (first bit set, then a number)."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise TarDamaged("a number is negative")
        return int.from_bytes(bytes([field[0] & 0x3F]) + field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    if digits.strip(b"01234567"):
        raise TarDamaged("a number is damaged")
    return int(digits or b"0", 8)


def _own_name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="surrogateescape")


def _pax_records(content: bytes) -> dict[str, str]:
    """Records of the form `<length> <key>=<value>` and a line's end; what does not have it ends the reading."""
    records: dict[str, str] = {}
    start = 0
    while start < len(content):
        digits, space, _ = content[start : start + 20].partition(b" ")
        if not space or not digits.isdigit():
            break
        end = start + int(digits)
        key, equals, value = content[start + len(digits) + 1 : end - 1].partition(b"=")
        if not equals or end > len(content):
            break
        records[_text(key)] = _text(value)
        start = end
    return records
