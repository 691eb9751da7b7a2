"""Removing a folder that others have filled: links are never followed, read-only folders no obstacle.

`shutil.rmtree` stops at folders without write permission and runs out of stack or of open files in very deep
ones. Here deep folders are moved up first, so that two levels are open at any time.
"""

import errno
import itertools
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path) -> None:
    """Remove the file, link or folder and all below it. A missing one is fine.

    A link is removed, not what it leads to. Everything that can be removed is, before OSError is raised for the
    first thing that could not.
    """
    try:
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if _is_folder(path.name, parent):
            with _opened(path.name, parent) as top:
                _empty(top)
            os.rmdir(path.name, dir_fd=parent)
        else:
            os.unlink(path.name, dir_fd=parent)
    except FileNotFoundError:
        return
    finally:
        os.close(parent)


def _empty(top: int) -> None:
    """Remove all that is in the folder: level by level, each level's folders moved up into `top`."""
    troubles: list[OSError] = []
    numbers = itertools.count()
    prefix = uuid.uuid4().hex
    given_up: set[str] = set()
    while names := [name for name in os.listdir(top) if name not in given_up]:
        for name in names:
            try:
                if _is_folder(name, top):
                    with _opened(name, top) as folder:
                        _hoist(folder, top, (f"{prefix}{number}" for number in numbers))
                    os.rmdir(name, dir_fd=top)
                else:
                    os.unlink(name, dir_fd=top)
            except FileNotFoundError:
                continue
            except OSError as error:
                troubles.append(error)
                given_up.add(name)
    if troubles:
        raise troubles[0]


def _hoist(folder: int, top: int, fresh_names: Iterator[str]) -> None:
    """Delete the files in `folder` and move its folders into `top`."""
    for name in os.listdir(folder):
        if _is_folder(name, folder):
            # Moving a folder rewrites its `..`, for which it must be writable.
            with _opened(name, folder):
                os.rename(name, next(fresh_names), src_dir_fd=folder, dst_dir_fd=top)
        else:
            os.unlink(name, dir_fd=folder)


def _is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


@contextmanager
def _opened(name: str, parent: int) -> Iterator[int]:
    """The folder, open, and made ours to change. A link is never opened: OSError."""
    try:
        folder = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    except PermissionError:
        _unlock(name, parent)
        folder = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    try:
        if os.fstat(folder).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.fchmod(folder, stat.S_IRWXU)
        yield folder
    finally:
        os.close(folder)


def _unlock(name: str, parent: int) -> None:
    """Give ourselves every right on a folder that cannot even be opened, without following a link."""
    if not hasattr(os, "O_PATH"):  # not Linux
        os.chmod(name, stat.S_IRWXU, dir_fd=parent, follow_symlinks=False)
        return
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        # fchmod refuses such a handle, and chmod without following links is missing on Linux.
        Path(f"/proc/self/fd/{handle}").chmod(stat.S_IRWXU)
    except FileNotFoundError as error:  # no /proc
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name) from error
    finally:
        os.close(handle)
