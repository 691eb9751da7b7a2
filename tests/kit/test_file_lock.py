import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rootcoz.kit.file_lock import FileLock, LockHeld

HOLDER = """
import sys
from pathlib import Path
from rootcoz.kit.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.acquire()
lock.leave_note({"pid": 1, "server_url": "http://127.0.0.1:1/" + "x" * 500})
lock.leave_note({"server_url": "http://127.0.0.1:8000"})
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is killed or its standard input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_of_another_process_is_refused_with_the_note_it_left(
    path: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(LockHeld) as caught:
        FileLock(path).acquire()

    assert caught.value.note == {"server_url": "http://127.0.0.1:8000"}


def test_a_killed_holder_s_lock_is_free_at_once(path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait(10)

    with FileLock(path):
        assert path.read_bytes() == b'{"pid":%d}' % os.getpid()


def test_a_lock_is_taken_and_let_go_of_again_and_again(path: Path) -> None:
    lock = FileLock(path)
    for _ in range(3):
        lock.acquire()
        lock.release()
    lock.release()

    assert path.read_bytes() == b""


def test_a_released_lock_takes_no_note(path: Path) -> None:
    lock = FileLock(path)

    with pytest.raises(RuntimeError, match="not held"):
        lock.leave_note({})


@pytest.mark.parametrize("note", [b"", b"no json", b"[1]", b"\xff\xfe"])
def test_a_note_that_cannot_be_read_is_an_empty_one(path: Path, note: bytes) -> None:
    with FileLock(path):
        path.write_bytes(note)
        with pytest.raises(LockHeld) as caught:
            FileLock(path).acquire()

    assert caught.value.note == {}


def test_the_lock_is_not_inherited_by_programs_that_its_holder_starts(path: Path) -> None:
    lock = FileLock(path)
    lock.acquire()
    with subprocess.Popen(["sleep", "60"]) as child:
        lock.release()
        try:
            FileLock(path).acquire()
        finally:
            child.kill()
