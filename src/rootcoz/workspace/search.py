"""Reading a workspace without leaving it: for the tools of an AI, and for checking what it claims.

Paths are relative to the workspace, with `/` between names. Absolute paths, `..` and links anywhere on the way
are refused; git's own data is hidden. Everything is bounded, and nothing is ever written.
"""

import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from itertools import islice
from pathlib import Path

from rootcoz.domain.errors import InvalidInput, NotFound
from rootcoz.kit.beneath import NotBeneath, open_beneath, open_folder_beneath

READ_CHARS = 50_000
LISTED = 1_000
MATCHES = 50
LINE_CHARS = 300
"""Characters of a line that a match shows."""
SEARCHED_BYTES = 1_000_000_000
SEARCH_SECONDS = 20.0
MAX_QUOTE_CHARS = 4_000
INDEXED_FILES = 200_000
_CHUNK_BYTES = 262_144
"""Bytes that are looked at in one go; no other thread runs meanwhile."""
_OVERLAP_BYTES = 131_072
"""Room for the white space inside a quotation."""
_HIDDEN = ".git"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing."""

    path: str
    """Relative to the workspace; a folder's ends with `/`."""
    size_bytes: int | None
    """None for a folder."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Entries of one folder by name, or all files below it, folder by folder and its own files first."""

    entries: tuple[Entry, ...]
    complete: bool
    """False when there is more than was asked for."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a text file. What is not UTF-8 in it is shown as U+FFFD."""

    text: str
    first_line: int
    """Number of the line it begins with, from 1."""
    last_line: int
    """Number of the last line it holds; less than `first_line` when the file has no such line."""
    complete: bool
    """The file ends here; otherwise there is more from line `last_line` + 1 on."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where something stands."""

    path: str
    line: int
    """From 1; of its beginning."""
    text: str
    """The line, at most LINE_CHARS characters of it."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Places in the order of a deep listing and of lines."""

    found: tuple[Match, ...]
    complete: bool
    """False when a limit ended the search; there may be more."""


class WorkspaceFiles:
    """The files below `root`. Blocks; use a thread for anything but a test."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._index: tuple[str, ...] | None = None

    # --- reading ---------------------------------------------------------------------------------

    def list(self, folder: str = "", *, deep: bool = False, limit: int = LISTED) -> Listing:
        """Files and folders in a folder, or, with `deep`, all files below it.

        Links are left out, and names that are not UTF-8.

        Raises InvalidInput for a path that leads out, NotFound when there is no such folder.
        """
        entries: list[Entry] = []
        walk = self._walk(folder) if deep else self._entries(folder)
        for entry in walk:
            if len(entries) >= limit:
                return Listing(tuple(entries), complete=False)
            entries.append(entry)
        return Listing(tuple(entries), complete=True)

    def read(self, path: str, *, first_line: int = 1, max_chars: int = READ_CHARS) -> Excerpt:
        """The file's text from a line on. A line longer than `max_chars` is cut.

        Raises InvalidInput for a path that leads out or a file that is not text, NotFound when there is no such
        file.
        """
        first_line = max(1, first_line)
        with self._opened(path) as file:
            if b"\0" in file.peek(1_024)[:1_024]:
                raise InvalidInput(f"`{_shown(path)}` is not a text file.")
            number = _skip_lines(file, first_line - 1) + 1
            if number < first_line:
                return Excerpt("", first_line, number - 1, complete=True)
            content = file.read(max_chars * 4 + 4).decode(errors="replace")
            text = content[:max_chars]
            complete = len(content) <= max_chars and not file.read(1)
        if not complete and "\n" in text:
            text = text[: text.rindex("\n") + 1]
        lines = text.count("\n") + (0 if text.endswith("\n") or not text else 1)
        return Excerpt(text, first_line, first_line + lines - 1, complete=complete)

    # --- searching -------------------------------------------------------------------------------

    def search(
        self, text: str, *, folder: str = "", ignore_case: bool = False, limit: int = MATCHES
    ) -> Matches:
        """Lines that hold the text, letter by letter. Raises InvalidInput for an empty text or one of several lines.

        `ignore_case` goes for the letters A to Z. At most SEARCHED_BYTES are looked at, for SEARCH_SECONDS.
        """
        if not text or "\n" in text or len(text) > MAX_QUOTE_CHARS:
            raise InvalidInput("Search for a part of one line.")
        needle = text.encode()
        find = partial(_find_ignoring_case, needle.lower()) if ignore_case else partial(_find, needle)
        budget = _Budget()
        found: list[Match] = []
        for path, file in self._files(folder, budget):
            for match in _matches(file, find, len(needle), budget):
                found.append(Match(path, *match))
                if len(found) >= limit:
                    return Matches(tuple(found), complete=False)
        return Matches(tuple(found), complete=not budget.is_spent())

    def find_quotation(self, quote: str, *, first: str | None = None) -> Match | None:
        """Where the quotation stands: letter by letter, with any white space matching any other.

        `first` is the file to look at first, if there is such a file. None when it was not found, also when a
        limit ended the search.
        """
        words = quote.encode(errors="replace").split() if len(quote) <= MAX_QUOTE_CHARS else []
        if not words:
            return None
        find = partial(_find_words, b" ".join(words), max(words, key=len))
        budget = _Budget()
        for path, file in self._files("", budget, first=first):
            for line, text in _matches(file, find, len(quote) * 4, budget):
                return Match(path, line, text)
        return None

    # --- claims about files ----------------------------------------------------------------------

    def has_line(self, path: str, line: int) -> bool:
        """Whether there is such a file, and it has that many lines. Never raises for a bad path."""
        if line < 1:
            return False
        try:
            with self._opened(path) as file:
                return _skip_lines(file, line - 1) == line - 1 and bool(file.read(1))
        except (InvalidInput, NotFound):
            return False

    def locate(self, path: str, *, limit: int = 20) -> tuple[str, ...]:
        """Files of the workspace that a claim may mean: those whose path ends with the claimed one.

        An absolute path counts if it leads into the workspace. A name alone means every file of that name. Empty
        when nothing fits.
        """
        wanted = path.strip().replace("\\", "/").removeprefix(f"{self._root.as_posix()}/")
        parts = [part for part in wanted.split("/") if part not in {"", "."}]
        if wanted.startswith("/") or ".." in parts or not parts:
            return ()
        end = "/" + "/".join(parts)
        return tuple(name for name in self._all_files() if f"/{name}".endswith(end))[:limit]

    def _all_files(self) -> tuple[str, ...]:
        """Paths of all files, listed once: a workspace does not change while answers are checked."""
        if self._index is None:
            self._index = tuple(entry.path for entry in self.list(deep=True, limit=INDEXED_FILES).entries)
        return self._index

    # --- inside ----------------------------------------------------------------------------------

    def _opened(self, path: str) -> BufferedReader:
        try:
            if _HIDDEN in (part.casefold() for part in path.split("/")):
                raise FileNotFoundError(path)
            return os.fdopen(open_beneath(self._root, path), "rb")
        except NotBeneath as error:
            raise InvalidInput(_leads_out(path)) from error
        except OSError as error:
            raise NotFound(f"The workspace has no file `{_shown(path)}` (links are not followed).") from error

    def _entries(self, folder: str) -> Iterator[Entry]:
        """Entries of one folder, by name."""
        start = "/".join(part for part in folder.split("/") if part not in {"", "."})
        start = f"{start}/" if start else ""
        try:
            if _HIDDEN in start.casefold().split("/"):
                raise FileNotFoundError(folder)
            descriptor = open_folder_beneath(self._root, folder)
        except NotBeneath as error:
            raise InvalidInput(_leads_out(folder)) from error
        except OSError as error:
            raise NotFound(
                f"The workspace has no folder `{_shown(folder)}` (links are not followed)."
            ) from error
        try:
            with os.scandir(descriptor) as entries:
                for entry in sorted(filter(_has_text_name, entries), key=lambda entry: entry.name):
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name.casefold() != _HIDDEN:
                            yield Entry(f"{start}{entry.name}/", None)
                    elif entry.is_file(follow_symlinks=False):
                        yield Entry(f"{start}{entry.name}", entry.stat(follow_symlinks=False).st_size)
        finally:
            os.close(descriptor)

    def _walk(self, folder: str) -> Iterator[Entry]:
        """All files below a folder, folder by folder."""
        entries = list(self._entries(folder))
        waiting: deque[str] = deque()
        while True:
            yield from (entry for entry in entries if entry.size_bytes is not None)
            waiting.extendleft(entry.path for entry in reversed(entries) if entry.size_bytes is None)
            if not waiting:
                return
            try:
                entries = list(self._entries(waiting.popleft()))
            except NotFound:  # a folder that may not be entered
                entries = []

    def _files(
        self, folder: str, budget: "_Budget", *, first: str | None = None
    ) -> Iterator[tuple[str, BufferedReader]]:
        """Files to search, open, until the budget is spent; `first` first."""
        paths = (entry.path for entry in self._walk(folder))
        if first is not None:
            paths = (path for path in (first, *paths))
        for path in paths:
            if budget.is_spent():
                return
            try:
                file = self._opened(path)
            except (InvalidInput, NotFound):
                continue
            with file:
                yield path, file


def _has_text_name(entry: "os.DirEntry[str]") -> bool:
    """Whether the name can be written down, in JSON for example."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Budget:
    """What is left of a search's bytes and time."""

    def __init__(self) -> None:
        self._bytes = SEARCHED_BYTES
        self._deadline = time.monotonic() + SEARCH_SECONDS

    def spend(self, size: int) -> None:
        self._bytes -= size

    def is_spent(self) -> bool:
        return self._bytes <= 0 or time.monotonic() > self._deadline


def _matches(
    file: BufferedReader, find: Callable[[bytes], Iterator[int]], length: int, budget: _Budget
) -> Iterator[tuple[int, str]]:
    """Line and its text for each line in which a match begins.

    `find` gives the offsets of matches in a piece, in order; matches have about `length` bytes.
    """
    window = b""
    line = 1
    last = 0
    while not budget.is_spent():
        piece = file.read(_CHUNK_BYTES)
        budget.spend(len(piece))
        window += piece
        # A match that begins in the overlap may go on in the next piece; it is left for then.
        end = len(window) if not piece else max(0, len(window) - length - _OVERLAP_BYTES)
        done = 0
        counted = line
        for offset in find(window):
            if offset >= end:
                break
            counted += window.count(b"\n", done, offset)
            done = offset
            if counted != last:
                last = counted
                yield counted, _line_at(window, offset)
        if not piece:
            return
        line += window.count(b"\n", 0, end)
        window = window[end:]


# Not by regular expressions: they take quadratic time for what a hostile log and a hostile quotation can agree on.


def _find(needle: bytes, window: bytes) -> Iterator[int]:
    """Offset of the first match in each line."""
    at = window.find(needle)
    while at >= 0:
        yield at
        line_end = window.find(b"\n", at)
        at = window.find(needle, line_end) if line_end >= 0 else -1


def _find_ignoring_case(needle: bytes, window: bytes) -> Iterator[int]:
    return _find(needle, window.lower())


def _find_words(needle: bytes, longest: bytes, window: bytes) -> Iterator[int]:
    """Offsets of `needle`, whose words stand one space apart, whatever white space is between them in `window`.

    `longest` is the longest word of it, looked for first.
    """
    if longest not in window:
        return
    folded = b" ".join(window.split())
    at = folded.find(needle)
    while at >= 0:
        words_before = folded.count(b" ", 0, at)
        word = next(islice(re.finditer(rb"\S+", window), words_before, None))
        yield word.start() + at - (folded.rfind(b" ", 0, at) + 1)
        at = folded.find(needle, at + 1)


def _line_at(window: bytes, start: int) -> str:
    begin = max(window.rfind(b"\n", 0, start) + 1, start - 2 * LINE_CHARS)
    end = window.find(b"\n", start)
    end = len(window) if end < 0 else end
    text = window[begin : min(end, start + 4 * LINE_CHARS)].decode(errors="replace").rstrip("\r")
    shift = max(0, len(window[begin:start].decode(errors="replace")) - LINE_CHARS // 2)
    return text[shift : shift + LINE_CHARS]


def _skip_lines(file: BufferedReader, count: int) -> int:
    """Read past that many lines' ends, in bounded memory; how many there were. Leaves the file right behind."""
    passed = 0
    while passed < count and (piece := file.read(_CHUNK_BYTES)):
        ends = piece.count(b"\n")
        if passed + ends < count:
            passed += ends
            continue
        at = -1
        for _ in range(count - passed):
            at = piece.index(b"\n", at + 1)
        file.seek(at + 1 - len(piece), os.SEEK_CUR)
        passed = count
    return passed


def _leads_out(path: str) -> str:
    return (
        f"`{_shown(path)}` is no path inside the workspace: write it relative to the workspace, without `..`."
    )


def _shown(path: str) -> str:
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in path[:200])
    return text + ("…" if len(path) > len(text) else "")
