"""Files below a folder, opened without ever following a link, however they got there."""

import os
import stat
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotBeneath(ValueError):
    """The path is absolute, climbs with `..`, or holds a NUL character."""


def path_parts(relative: str) -> tuple[str, ...]:
    """Names of a relative path with `/` between them; `.` and doubled slashes are dropped. Raises NotBeneath."""
    parts = tuple(part for part in relative.split("/") if part not in {"", "."})
    if relative.startswith("/") or ".." in parts or "\0" in relative:
        raise NotBeneath(relative)
    return parts


def open_beneath(root: Path, relative: str) -> int:
    """Descriptor of a plain file for reading; the caller closes it.

    Raises NotBeneath, and OSError when there is no plain file or a link stands anywhere on the way. `root`
    itself may be reached through links.
    """
    parts = path_parts(relative)
    if not parts:
        raise IsADirectoryError(relative)
    folder = open_folder_beneath(root, "/".join(parts[:-1]))
    try:
        file = os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileNotFoundError(f"{relative} is no plain file")
    return file


def open_folder_beneath(root: Path, relative: str) -> int:
    """Descriptor of a folder, `root` itself for an empty path; otherwise as `open_beneath`."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in path_parts(relative):
        try:
            inner = os.open(part, _FOLDER, dir_fd=folder)
        finally:
            os.close(folder)
        folder = inner
    return folder
