"""Unpacking what a build left: zip and tar archives, single packed files, and archives in them.

Nothing of an archive is trusted: not its names, not its sizes, not its kinds of entries. Only plain files are
made, below the target, for their owner alone and never executable. Everything left out is counted and said.
"""

import asyncio
import os
import stat
import struct
import threading
import uuid
import zipfile
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from rootcoz.kit.tar_stream import BLOCK, ByteSource, MemberKind, TarDamaged, TarStream
from rootcoz.kit.tree_removal import remove_tree
from rootcoz.workspace.compression import (
    DECOMPRESSION_ERRORS,
    SUFFIXES,
    ContentDamaged,
    Format,
    Unpacked,
    format_of,
)
from rootcoz.workspace.places import PathTooLong, Places, UnsafePath, safe_parts
from rootcoz.workspace.unpack_limits import Account, Enough, Remark, UnpackLimits

CHUNK_BYTES = 262_144
PACKED_ON_PURPOSE = frozenset(
    f".{suffix}"
    for suffix in (
        *(
            "jar",
            "war",
            "ear",
            "whl",
            "egg",
            "apk",
            "aab",
            "ipa",
            "nupkg",
            "vsix",
            "crx",
            "xpi",
            "deb",
            "rpm",
        ),
        *("docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "pbix"),
    )
)
"""Endings of nested archives that hold programs or documents: thousands of files that explain no failure."""

_ENTRY_BYTES = 200
"""Bytes of a zip archive's directory that one entry may take on average; Python holds all of it in memory."""
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})
"""Others claim memory as the archive says."""
_ENCRYPTED = 0x1
_MADE_ON_UNIX = 3


@dataclass(frozen=True, slots=True)
class UnpackReport:
    """What is on disk now, and what is not."""

    files: int
    total_bytes: int
    archives: int
    """Archives that were opened, nested ones included."""
    left_out: int
    """Entries that are not on disk, or not in full; without those behind the point where a limit stopped it."""
    complete: bool
    """No limit stopped the unpacking, and every archive could be read to its end."""
    notes: tuple[str, ...]
    """Sentences for people on everything that is left out or changed."""


def unpack(
    archive: Path, into: Path, limits: UnpackLimits | None = None, *, stopped: threading.Event | None = None
) -> UnpackReport:
    """Unpack `archive` into the folder `into`, which is made if it is missing; existing files stay as they are.

    The format is told by the content. A nested archive `logs.zip` becomes a folder of that name in its place, a
    packed file `console.log.gz` becomes `console.log`. What cannot be unpacked stays packed. Trouble with the
    archive never raises, it is noted; OSError is raised when `archive` cannot be opened or `into` cannot be
    made. Blocks; setting `stopped` from elsewhere ends it within a moment.
    """
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = Account(limits or UnpackLimits(), archive.stat().st_size, stopped or threading.Event())
    work = _Unpacking(into, account)
    ending = work.run(archive)
    notes = [*account.sentences(), *ending]
    left_out = sum(count for remark, count in account.counts.items() if remark is not Remark.RENAMED)
    damaged = {Remark.CUT, Remark.BROKEN} & set(account.counts)
    return UnpackReport(
        files=account.files,
        total_bytes=account.total_bytes,
        archives=account.archives,
        left_out=left_out,
        complete=not ending and not damaged,
        notes=tuple(f"{archive.name}: {note}" for note in notes),
    )


async def unpack_in_thread(archive: Path, into: Path, limits: UnpackLimits | None = None) -> UnpackReport:
    """`unpack`, while the event loop goes on. After a cancellation nothing is written any more."""
    stopped = threading.Event()
    work = asyncio.ensure_future(asyncio.to_thread(unpack, archive, into, limits, stopped=stopped))
    try:
        return await asyncio.shield(work)
    finally:
        stopped.set()
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})


@dataclass(frozen=True, slots=True)
class _Packed:
    """An archive that waits to be opened."""

    path: Path
    parts: tuple[str, ...]
    """Its place below the target; empty for the outermost one."""
    depth: int


class _Unpacking:
    def __init__(self, into: Path, account: Account) -> None:
        self._into = into
        self._account = account
        self._places = Places(into)
        self._waiting: deque[_Packed] = deque()

    def run(self, archive: Path) -> list[str]:
        """Unpack everything; sentences on why it ended early, if it did."""
        try:
            self._open(_Packed(archive, (), 1), archive.name)
            while self._waiting:
                self._open_nested(self._waiting.popleft())
        except Enough as enough:
            return [str(enough)]
        except OSError as error:
            return [f"Unpacking was stopped, since nothing more can be written: {error.strerror}."]
        return []

    # --- archives --------------------------------------------------------------------------------

    def _open_nested(self, packed: _Packed) -> None:
        """Put a folder or file in the archive's place, or leave the archive where nothing comes out of it."""
        aside = self._into / f".packed-{uuid.uuid4().hex}"
        size = packed.path.stat().st_size
        packed.path.rename(aside)
        self._places.forget(packed.path)
        self._account.files -= 1
        before = self._account.files
        try:
            self._open(_Packed(aside, packed.parts, packed.depth), packed.path.name)
        finally:
            if self._account.files > before:
                self._account.total_bytes -= size
                aside.unlink()
            else:
                self._put_back(aside, packed)

    def _put_back(self, aside: Path, packed: _Packed) -> None:
        remove_tree(packed.path)  # an empty folder at most
        aside.rename(packed.path)
        self._account.files += 1

    def _open(self, packed: _Packed, name: str) -> None:
        with packed.path.open("rb") as file:
            form = format_of(file.read(BLOCK))
            file.seek(0)
            if form is None or form is Format.UNREAD:
                self._account.remark(Remark.UNKNOWN_METHOD, name)
                return
            self._account.archives += 1
            if form is Format.ZIP:
                self._open_zip(file, packed, name)
            else:
                self._open_stream(file, form, packed, name)

    def _open_stream(self, file: BinaryIO, form: Format, packed: _Packed, name: str) -> None:
        try:
            unpacked = Unpacked(file, form)
        except ContentDamaged:
            self._account.remark(Remark.BROKEN, name)
            return
        if format_of(unpacked.head) is Format.TAR:
            self._open_tar(unpacked, packed, name)
            return
        single = _without_suffix(name, form)
        self._write(single, (*packed.parts[:-1], single), unpacked, packed.depth + 1)

    def _open_tar(self, source: ByteSource, packed: _Packed, name: str) -> None:
        stream = TarStream(source)
        try:
            for member in stream:
                self._account.check()
                if member.kind is MemberKind.LINK:
                    self._account.remark(Remark.LINK, member.name)
                elif member.kind is MemberKind.OTHER:
                    self._account.remark(Remark.SPECIAL, member.name)
                elif (
                    member.kind is MemberKind.FILE
                    and (parts := self._parts(packed, member.name))
                    and not self._write(member.name, parts, stream, packed.depth + 1)
                ):
                    return
        except (TarDamaged, ContentDamaged):
            self._account.remark(Remark.CUT, name)

    def _open_zip(self, file: BinaryIO, packed: _Packed, name: str) -> None:
        if _directory_bytes(file) > self._account.limits.max_files * _ENTRY_BYTES:
            self._account.remark(Remark.CROWDED, name)
            return
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, *DECOMPRESSION_ERRORS):
            self._account.remark(Remark.BROKEN, name)
            return
        with archive:
            for info in archive.infolist():
                self._account.check()
                if not info.is_dir():
                    self._unpack_zipped(archive, info, packed)

    def _unpack_zipped(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, packed: _Packed) -> None:
        kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _MADE_ON_UNIX else 0
        if kind == stat.S_IFLNK:
            self._account.remark(Remark.LINK, info.filename)
        elif kind not in {0, stat.S_IFREG}:
            self._account.remark(Remark.SPECIAL, info.filename)
        elif info.flag_bits & _ENCRYPTED:
            self._account.remark(Remark.ENCRYPTED, info.filename)
        elif info.compress_type not in _METHODS:
            self._account.remark(Remark.UNKNOWN_METHOD, info.filename)
        elif parts := self._parts(packed, info.filename):
            try:
                content = archive.open(info)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, *DECOMPRESSION_ERRORS):
                self._account.remark(Remark.BROKEN, info.filename)
                return
            with content:
                self._write(info.filename, parts, _Zipped(content), packed.depth + 1)

    # --- files -----------------------------------------------------------------------------------

    def _parts(self, packed: _Packed, name: str) -> tuple[str, ...]:
        """The entry's place; empty, with a remark, when it gets none."""
        try:
            own = safe_parts(name, self._account.limits)
            parts = safe_parts("/".join((*packed.parts, *own)), self._account.limits)
        except UnsafePath:
            self._account.remark(Remark.OUTSIDE, name)
            return ()
        except PathTooLong:
            self._account.remark(Remark.LONG_PATH, name)
            return ()
        if any(part.casefold() == ".git" for part in own):
            # Its configuration may name programs, which git would run for whoever looks at the folder.
            self._account.remark(Remark.GIT, name)
            return ()
        return parts

    def _write(self, name: str, parts: tuple[str, ...], content: ByteSource, depth: int) -> bool:
        """Make the file; `depth` is what an archive in it would have. False, with a remark, for damaged content."""
        self._account.open_file()
        path, file = self._places.create(parts)
        if path.name != PurePosixPath(name.replace("\\", "/")).name:
            self._account.remark(Remark.RENAMED, name)
        head = b""
        done = 0
        try:
            with file:
                while piece := content.read(CHUNK_BYTES):
                    self._account.write(len(piece))
                    _write_all(file, piece)
                    done += len(piece)
                    head = head if len(head) >= BLOCK else head + piece[:BLOCK]
        except (ContentDamaged, TarDamaged):
            if not done:
                self._remove(path, done)
            self._account.remark(Remark.CUT if done else Remark.BROKEN, name)
            return False
        except BaseException:
            self._remove(path, done)
            raise
        self._queue(path, head[:BLOCK], name, depth)
        return True

    def _remove(self, path: Path, size: int) -> None:
        path.unlink(missing_ok=True)
        self._places.forget(path)
        self._account.take_back(size)

    def _queue(self, path: Path, head: bytes, name: str, depth: int) -> None:
        """Remember the file for later if it is an archive."""
        form = format_of(head)
        if form is None:
            return
        if path.suffix.lower() in PACKED_ON_PURPOSE:
            self._account.remark(Remark.PROGRAM, name)
        elif form is Format.UNREAD:
            self._account.remark(Remark.UNKNOWN_METHOD, name)
        elif depth > self._account.limits.max_depth:
            self._account.remark(Remark.TOO_NESTED, name)
        else:
            self._waiting.append(_Packed(path, path.relative_to(self._into).parts, depth))


class _Zipped:
    """Reads one entry of a zip archive; what the libraries raise becomes ContentDamaged."""

    def __init__(self, entry: IO[bytes]) -> None:
        self._read = entry.read

    def read(self, size: int) -> bytes:
        try:
            return self._read(size)
        except (zipfile.BadZipFile, *DECOMPRESSION_ERRORS) as error:
            raise ContentDamaged(str(error)) from error


def _write_all(file: BinaryIO, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]


def _without_suffix(name: str, form: Format) -> str:
    for suffix in SUFFIXES.get(form, ()):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return f"{name}.unpacked"


def _directory_bytes(file: BinaryIO) -> int:
    """Size of a zip archive's directory as its end says, 0 if there is no end; the file is rewound."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 66_000))  # the last record with a comment of any length
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:  # noqa: PLR2004 - the record's length
        return 0
    claimed = int(struct.unpack_from("<L", tail, at + 12)[0])
    if claimed == 0xFFFFFFFF:  # noqa: PLR2004 - "see the 64-bit record"
        at = tail.rfind(b"PK\x06\x06", 0, at)
        claimed = int(struct.unpack_from("<Q", tail, at + 40)[0]) if 0 <= at <= len(tail) - 48 else size
    return claimed
