"""A private file that is made by whoever first needs it, and read by everybody."""

import contextlib
import os
import secrets
from pathlib import Path

_PRIVATE = 0o600


def made_once(path: Path, content: bytes) -> bytes:
    """What stands in the file, which gets `content` if it is not there. Its owner alone may read it.

    Of several processes that do this at the same moment, one makes the file, complete from the first instant, and all
    get what it wrote.
    """
    if not path.exists():
        _make(path, content)
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            os.fchmod(file.fileno(), _PRIVATE)
        return file.read()


def _make(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # unlike a rename, a link never replaces another's file
            os.link(draft, path)
    finally:
        draft.unlink()
