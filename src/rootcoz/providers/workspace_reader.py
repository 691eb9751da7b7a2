"""Looking at files for a model that has no hands: list, read and search, inside one folder only.

A model names paths as it likes, led by logs that anybody may have written. Refused are absolute paths, `..`, links
that lead out of the folder, and what is no ordinary file. Every answer is bounded text, refusals too: they go back
to the model, which may then ask for something else.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

ANSWER_LIMIT = 40_000
"""Characters of one answer."""
LINE_LIMIT = 2_000
"""Characters of a line that are shown."""
LIST_LIMIT = 500
"""Names of one listing."""
MATCH_LIMIT = 100
READ_LIMIT = 50_000_000
"""Bytes of one file that are looked at."""
SEARCH_LIMIT = 200_000_000
"""Bytes of all files that one search looks at."""
LINES = 400
"""Lines of a file that one answer shows unless fewer are asked for."""
_HIDDEN = ".git"
"""Its objects are no reading matter."""


class Outside(Exception):
    """The path is not one to be looked at; the text says why."""


class WorkspaceReader:
    """The three tools, on one folder. All methods block and may run in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve(strict=True)

    def list_files(self, path: str = ".") -> str:
        """List the files below a folder of the workspace, with their sizes in bytes."""
        try:
            top = self._inside(path)
        except Outside as refusal:
            return f"error: {refusal}"
        if not top.is_dir():
            return f"error: {path} is no folder"
        lines: list[str] = []
        for file in self._files(top):
            if len(lines) == LIST_LIMIT:
                lines.append(f"… and more; only {LIST_LIMIT} are shown. Name a folder further down.")
                break
            lines.append(f"{file.relative_to(self._root)} ({file.lstat().st_size})")
        return _bounded("\n".join(lines) or "There are no files.")

    def read_file(self, path: str, first_line: int = 1, lines: int = LINES) -> str:
        """Read lines of a text file of the workspace. Lines are counted from 1."""
        first, count = max(1, first_line), max(1, min(lines, LINES))
        shown = []
        try:
            for number, line in self._lines(self._inside(path)):
                if number >= first + count:
                    shown.append(f"… the file goes on from line {number}.")
                    break
                if number >= first:
                    shown.append(f"{number}: {line}")
        except Outside as refusal:
            return f"error: {refusal}"
        return _bounded("\n".join(shown) or f"error: {path} has no line {first}")

    def search(self, text: str, path: str = ".") -> str:
        """Find the lines of the workspace's files that contain a text, upper and lower case alike."""
        wanted = text.casefold()
        if not wanted:
            return "error: nothing to search for"
        matches: list[str] = []
        left = SEARCH_LIMIT
        try:
            top = self._inside(path)
            for file in [top] if top.is_file() else self._files(top):
                left -= file.lstat().st_size
                if left < 0:
                    matches.append(
                        "… the other files were not searched: there is too much. Name a folder or file."
                    )
                    break
                matches += self._matches(file, wanted)
                if len(matches) >= MATCH_LIMIT:
                    matches = [*matches[:MATCH_LIMIT], f"… and more; only {MATCH_LIMIT} are shown."]
                    break
        except Outside as refusal:
            return f"error: {refusal}"
        return _bounded("\n".join(matches) or "No line contains it.")

    def _matches(self, file: Path, wanted: str) -> list[str]:
        found = []
        try:
            for number, line in self._lines(file):
                if wanted in line.casefold():
                    found.append(f"{file.relative_to(self._root)}:{number}: {line}")
                    if len(found) == MATCH_LIMIT:
                        break
        except Outside:  # a link, a pipe, a file without permission: nothing to find
            pass
        return found

    def _inside(self, path: str) -> Path:
        """The place, links followed, if all of it is inside. Raises Outside."""
        try:
            wanted = Path(path)
            if wanted.is_absolute() or ".." in wanted.parts:
                raise Outside(f"{path}: name it relative to the workspace, without `..`")
            place = (self._root / wanted).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:  # missing, a loop of links, a NUL
            raise Outside(f"{path}: there is no such file") from error
        if not place.is_relative_to(self._root):
            raise Outside(f"{path}: it leads out of the workspace")
        if _HIDDEN in place.relative_to(self._root).parts:
            raise Outside(f"{path}: the {_HIDDEN} folder is not shown")
        return place

    def _files(self, top: Path) -> Iterator[Path]:
        """Ordinary files below a folder, links left out, in order of their names."""
        for folder, folders, names in os.walk(top, followlinks=False):
            folders[:] = sorted(name for name in folders if name != _HIDDEN)
            for name in sorted(names):
                file = Path(folder, name)
                if stat.S_ISREG(file.lstat().st_mode):
                    yield file

    def _lines(self, file: Path) -> Iterator[tuple[int, str]]:
        """The lines with their numbers, each cut to LINE_LIMIT. Raises Outside when there is nothing to read."""
        with _opened(file) as stream:
            left = READ_LIMIT
            number = 0
            while left > 0 and (line := stream.readline(left)):
                left -= len(line)
                number += 1
                text = line[: 4 * LINE_LIMIT].decode(errors="replace").rstrip("\r\n")
                yield number, text if len(text) <= LINE_LIMIT else text[:LINE_LIMIT] + "…"


def _opened(file: Path) -> BinaryIO:
    try:
        # Not to wait for the writer of a pipe, and not to follow a link that has come since.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Outside(f"{file.name}: it cannot be read") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Outside(f"{file.name}: it is no file")
    return os.fdopen(descriptor, "rb")


def _bounded(text: str) -> str:
    return text if len(text) <= ANSWER_LIMIT else text[:ANSWER_LIMIT] + "\n… cut; ask for less."
