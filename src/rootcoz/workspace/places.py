"""Where the entries of an archive come to lie: names that others chose, turned into files that are safe here."""

import hashlib
import os
import stat
import unicodedata
from pathlib import Path
from typing import BinaryIO

from rootcoz.workspace.unpack_limits import UnpackLimits

MAX_NAME_BYTES = 200
"""Bytes of one name; most file systems take 255, and room is kept for what makes a name unique."""
_SUFFIX_BYTES = 40
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafePath(ValueError):
    """It leads out of the archive."""


class PathTooLong(ValueError):
    """It is over the limits."""


def safe_parts(name: str, limits: UnpackLimits) -> tuple[str, ...]:
    """The folders and the file that the name means. Windows' backslashes separate too.

    Names that no file can have here are changed: what does not print becomes `_`, and a too long one is
    shortened with a hash. Raises UnsafePath for absolute names and `..`, PathTooLong.
    """
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts or not parts or parts[0][1:2] == ":":
        raise UnsafePath(name)
    parts = [_safe_name(part) for part in parts]
    if (
        len(parts) > limits.max_folders_deep
        or sum(len(os.fsencode(part)) + 1 for part in parts) > limits.max_path_bytes
    ):
        raise PathTooLong(name)
    return tuple(parts)


def _safe_name(part: str) -> str:
    if not part.isprintable():
        part = "".join(char if char.isprintable() else "_" for char in part)
    if len(part.encode()) <= MAX_NAME_BYTES:
        return part
    mark = "~" + hashlib.sha256(part.encode()).hexdigest()[:8]
    stem, dot, suffix = part.rpartition(".")
    if not dot or len(suffix.encode()) > _SUFFIX_BYTES:
        stem, suffix = part, ""
    room = MAX_NAME_BYTES - len(mark) - len((dot + suffix).encode() if suffix else b"")
    return stem.encode()[:room].decode(errors="ignore") + mark + (dot + suffix if suffix else "")


class Places:
    """Makes new files below a folder; never overwrites one, never writes through a link.

    Names that differ only in case or in Unicode form count as the same, since they are on some file systems.
    """

    def __init__(self, into: Path) -> None:
        self._into = into
        self._folders: dict[str, str] = {"": ""}
        """Actual folder for each folded one, both relative to the target."""
        self._files: set[str] = set()
        self._numbers: dict[str, int] = {}

    def create(self, parts: tuple[str, ...]) -> tuple[Path, BinaryIO]:
        """A new file at or near the place; compare its name with the last part to see whether it is elsewhere."""
        folder = ""
        for part in parts[:-1]:
            folder = self._folder(folder, part)
        name = parts[-1]
        while True:
            key = self._key(folder, name)
            path = self._into / folder / name
            if key not in self._files and key not in self._folders:
                self._files.add(key)
                try:
                    descriptor = os.open(path, _CREATE, 0o600)
                except FileExistsError:
                    pass
                else:
                    return path, os.fdopen(descriptor, "wb", buffering=0)
            name = self._other_name(folder, parts[-1])

    def forget(self, path: Path) -> None:
        """The file is gone; its name is free, for a folder too."""
        relative = path.relative_to(self._into)
        folder = str(relative.parent)
        self._files.discard(self._key("" if folder == "." else folder, relative.name))

    def _folder(self, parent: str, name: str) -> str:
        """The actual folder for that name in the actual folder `parent`, made if it is missing."""
        wanted = name
        wanted_key = self._key(parent, wanted)
        while True:
            key = self._key(parent, name)
            if key in self._folders:
                return self._folders[key]
            if key not in self._files and self._make(path := f"{parent}/{name}" if parent else name):
                self._folders[key] = self._folders[wanted_key] = path
                return path
            name = self._other_name(parent, wanted)

    def _make(self, path: str) -> bool:
        folder = self._into / path
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            return stat.S_ISDIR(folder.lstat().st_mode)
        return True

    def _other_name(self, folder: str, name: str) -> str:
        """`report~2.xml`, `report~3.xml` and so on, a new one each time."""
        key = self._key(folder, name)
        number = self._numbers[key] = self._numbers.get(key, 1) + 1
        stem, dot, suffix = name.rpartition(".")
        return f"{stem}~{number}.{suffix}" if dot and stem else f"{name}~{number}"

    @staticmethod
    def _key(folder: str, name: str) -> str:
        return unicodedata.normalize("NFC", f"{folder}/{name}").casefold()
