"""Files that are opened only if they are files: a pipe or a device in their place would hang the reader."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


class NotRegular(OSError):
    """The path leads to something else than a regular file; `strerror` says to what."""


def kind_of(mode: int) -> str:
    """What `st_mode` stands for, with its article; empty for a regular file."""
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


def open_regular(path: Path) -> BinaryIO:
    """The file, to be read. Raises NotRegular, and OSError as `open` does; never waits for a writer."""
    _check(path, path.stat().st_mode)  # opening a device may do something by itself
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - Path.open takes no opener
    try:
        _check(path, os.fstat(file.fileno()).st_mode)
    except NotRegular:
        file.close()
        raise
    return file


def _check(path: Path, mode: int) -> None:
    kind = kind_of(mode)
    if kind:
        raise NotRegular(0, f"it is {kind}", str(path))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
