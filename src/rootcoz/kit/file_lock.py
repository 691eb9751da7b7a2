"""One process per folder: an advisory lock that dies with its holder, and a note of who holds it."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson


class LockHeld(Exception):
    """Another process holds the lock. `note` is what it left there; empty if it left nothing readable."""

    def __init__(self, path: Path, note: dict[str, object]) -> None:
        super().__init__(f"{path} is locked by another process")
        self.note = note


class FileLock:
    """An exclusive flock on a file. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock at once or raise LockHeld. The folder must exist."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note = _parse(os.read(descriptor, 4096))
            os.close(descriptor)
            raise LockHeld(self.path, note) from None
        self._descriptor = descriptor
        self.leave_note({"pid": os.getpid()})

    def leave_note(self, note: dict[str, object]) -> None:
        """Replace what others who find the lock held will read."""
        if self._descriptor is None:
            raise RuntimeError("the lock is not held")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, orjson.dumps(note), 0)

    def release(self) -> None:
        """Let go; harmless when not held. The file stays: removing it would let two processes in."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        if self._descriptor is None:
            self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _parse(raw: bytes) -> dict[str, object]:
    try:
        note = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return note if isinstance(note, dict) else {}
