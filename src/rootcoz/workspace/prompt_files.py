"""Instructions that a team keeps in its tests repository, for the AI that analyses its failures.

They come from whoever may push there, so they are advice: a prompt quotes them as such, and no setting of ours
follows from them.
"""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rootcoz.kit.beneath import open_beneath

MAX_ADVICE_BYTES = 64_000
"""Bytes of one file that are taken; the rest is left out."""


class AdviceKind(StrEnum):
    """What the advice is about."""

    ANALYSIS = "analysis"
    HISTORY = "history"
    """How to look at earlier failures of a test."""
    ISSUE = "issue"
    """How to write an issue."""


PROMPT_FILES = (
    (AdviceKind.ANALYSIS, (".rootcoz/ROOTCOZ_PROMPT.md", "JOB_INSIGHT_PROMPT.md")),
    (AdviceKind.HISTORY, ("JOB_INSIGHT_FAILURE_HISTORY_ANALYSIS_PROMPT.md",)),
    (AdviceKind.ISSUE, (".rootcoz/ROOTCOZ_ISSUE_PROMPT.md", "JOB_INSIGHT_ISSUE_PROMPT.md")),
)
"""For each kind the files, the first that can be used counts. Names at the root are older and still work."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Untrusted text of a repository."""

    kind: AdviceKind
    file: str
    """Relative to the clone."""
    text: str
    """Never blank; ends of lines are `\\n`."""
    cut: bool
    """The file is longer than MAX_ADVICE_BYTES."""


@dataclass(frozen=True, slots=True)
class PromptFiles:
    """What a clone holds of them."""

    advice: tuple[Advice, ...]
    """At most one of each kind, in the order of PROMPT_FILES."""
    notes: tuple[str, ...]
    """Sentences on files that are there and were not used."""

    def text(self, kind: AdviceKind) -> str:
        """The text of that kind, empty if there is none."""
        return next((advice.text for advice in self.advice if advice.kind is kind), "")


def prompt_text(content: bytes) -> str:
    """The text of a prompt file; empty for what is not UTF-8 text. Of a long file only the beginning is taken."""
    return _text(content[:MAX_ADVICE_BYTES], cut=len(content) > MAX_ADVICE_BYTES) or ""


def prompt_file_names(kind: AdviceKind) -> tuple[str, ...]:
    """The names of that kind's files, in their order."""
    return next(files for of, files in PROMPT_FILES if of is kind)


def read_prompt_files(clone: Path) -> PromptFiles:
    """Read the prompt files of a clone. Links are not followed; what is not UTF-8 text is not used. Never raises."""
    advice: list[Advice] = []
    notes: list[str] = []
    for kind, files in PROMPT_FILES:
        for file in files:
            read = _read(clone, file)
            if read is None:
                continue
            text = _text(read[:MAX_ADVICE_BYTES], cut=len(read) > MAX_ADVICE_BYTES)
            if text is None:
                notes.append(
                    f"The prompt file {file} of the tests repository is not UTF-8 text and was not used."
                )
            elif text:
                cut = len(read) > MAX_ADVICE_BYTES
                if cut:
                    notes.append(
                        f"Only the first {MAX_ADVICE_BYTES:,} bytes of the prompt file {file} of the tests repository "
                        "were used."
                    )
                advice.append(Advice(kind, file, text, cut))
                break
    return PromptFiles(tuple(advice), tuple(notes))


def _read(clone: Path, file: str) -> bytes | None:
    """The file's beginning, one byte more than is used; None when there is no such plain file."""
    try:
        with os.fdopen(open_beneath(clone, file), "rb") as opened:
            return opened.read(MAX_ADVICE_BYTES + 1)
    except OSError:
        return None


def _text(content: bytes, *, cut: bool) -> str | None:
    """The text, stripped; None for what is no text."""
    if b"\0" in content:
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A cut may go through the middle of a character.
        if not cut or error.start < len(content) - 3:
            return None
        text = content[: error.start].decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
