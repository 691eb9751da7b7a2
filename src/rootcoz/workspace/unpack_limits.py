"""What unpacking may cost, and the account of what it has cost so far."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum

EXAMPLES = 3
"""Names that a note gives for each reason."""
EXAMPLE_CHARS = 80


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """Limits for one archive with all that is nested in it. What is over them is left out and noted."""

    max_bytes: int = 2_000_000_000
    """Bytes on disk afterwards."""
    max_files: int = 50_000
    max_ratio: float = 200.0
    """How many times its own size an archive may become. Text logs reach 30, repetitive ones 100."""
    ratio_free_bytes: int = 50_000_000
    """Bytes that may be written before the ratio counts."""
    max_depth: int = 3
    """Archives within each other that are opened, the outermost included."""
    max_path_bytes: int = 1_000
    """Length of a file's path below the target."""
    max_folders_deep: int = 40
    max_seconds: float = 300.0


class Remark(StrEnum):
    """Why an entry is not on disk, or not as it was; the value begins the note's sentence."""

    OUTSIDE = "Not unpacked, with paths that lead out of the archive"
    LINK = "Not unpacked, being links"
    SPECIAL = "Not unpacked, being devices, pipes or files with holes"
    GIT = "Not unpacked, being git's own data"
    LONG_PATH = "Not unpacked, with paths too long or too deep"
    ENCRYPTED = "Not unpacked, being encrypted"
    UNKNOWN_METHOD = "Left packed, in a format that is not read here"
    BROKEN = "Not unpacked, being damaged"
    CUT = "Incomplete, since the archive is damaged or cut off"
    TOO_NESTED = "Left packed, being nested too deep"
    CROWDED = "Left packed, listing more files than are unpacked"
    PROGRAM = "Left packed, being programs or documents"
    RENAMED = "Renamed, since another file has the name or it cannot be a file's name here"


class Enough(Exception):
    """A limit is reached and everything else is left out. Its text is a sentence."""


@dataclass(slots=True)
class Account:
    """Running totals of one unpacking."""

    limits: UnpackLimits
    packed_bytes: int
    """Size of the outermost archive."""
    stopped: threading.Event
    deadline: float = field(init=False)
    files: int = 0
    archives: int = 0
    total_bytes: int = 0
    written_bytes: int = 0
    """As `total_bytes`, with nested archives that were removed again."""
    remarks: dict[Remark, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[Remark, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.limits.max_seconds

    def check(self) -> None:
        """Raise Enough when the time is up or nobody waits any more."""
        if self.stopped.is_set():
            raise Enough("Unpacking was stopped.")
        if time.monotonic() > self.deadline:
            raise Enough(
                f"Unpacking was stopped after {self.limits.max_seconds:g} seconds; the rest is left out."
            )

    def open_file(self) -> None:
        """Count one more file."""
        self.check()
        if self.files >= self.limits.max_files:
            raise Enough(
                f"Unpacking was stopped after {self.limits.max_files:,} files; the rest is left out."
            )
        self.files += 1

    def write(self, size: int) -> None:
        """Count bytes that are about to be written."""
        self.check()
        if self.total_bytes + size > self.limits.max_bytes:
            raise Enough(
                f"Unpacking was stopped at {self.limits.max_bytes / 1e6:,.0f} MB; the rest is left out."
            )
        written = self.written_bytes + size
        if written > self.limits.ratio_free_bytes and written > self.packed_bytes * self.limits.max_ratio:
            raise Enough(
                f"Unpacking was stopped, since the archive becomes more than {self.limits.max_ratio:g} times its "
                "own size; the rest is left out."
            )
        self.total_bytes += size
        self.written_bytes = written

    def take_back(self, size: int) -> None:
        """A file of that size was removed again."""
        self.files -= 1
        self.total_bytes -= size

    def remark(self, remark: Remark, name: str) -> None:
        """Note it about an entry."""
        self.counts[remark] += 1
        if len(self.remarks[remark]) < EXAMPLES:
            self.remarks[remark].append(shown(name))

    def sentences(self) -> list[str]:
        """One for each kind of remark, with its number and a few names."""
        lines = []
        for remark, names in self.remarks.items():
            more = ", …" if self.counts[remark] > len(names) else ""
            lines.append(f"{remark}: {self.counts[remark]:,} ({', '.join(names)}{more}).")
        return lines


def shown(name: str) -> str:
    """An archive's name for something, for people: printable and short."""
    text = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name[-EXAMPLE_CHARS:]
    )
    return ("…" if len(name) > EXAMPLE_CHARS else "") + text
