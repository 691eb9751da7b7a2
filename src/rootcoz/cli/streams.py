"""The three standard streams as whoever started us left them: closed, full, or with a reader that went away."""

import os
import sys
from typing import TextIO


def fill_missing() -> None:
    """Put /dev/null where a stream is closed: the next file that is opened would take its place, and its text."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    if sys.stdin is None:
        sys.stdin = _open(0, "r")
    if sys.stdout is None:
        sys.stdout = _open(1, "w")
    if sys.stderr is None:
        sys.stderr = _open(2, "w")


def _open(number: int, mode: str) -> TextIO:
    return open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # type: ignore[return-value]


def problem_with(stream: TextIO) -> OSError | None:
    """Why what was printed cannot get out; None if it can. What is left goes nowhere then, without a complaint."""
    try:
        stream.flush()
    except OSError as error:
        discard(stream)
        return error
    except ValueError:  # closed by somebody
        return None
    return None


def discard(stream: TextIO) -> None:
    """Lead the stream to /dev/null: Python would complain about the rest when it flushes at its end."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        return
