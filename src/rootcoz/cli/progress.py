"""What is shown while an analysis runs: one live line in a terminal, a line for each change elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from rootcoz.cli.messages import say
from rootcoz.cli.report.outline import duration_text
from rootcoz.cli.report.safe_text import one_line
from rootcoz.cli.terminal import wants_color
from rootcoz.client.api import Progress

_PHASES = {
    "pending": "waiting for its turn",
    "waiting_for_jenkins": "waiting for Jenkins",
    "analyzing": "reading the failures",
    "analyzing_failures": "looking for root causes",
    "saving": "saving the result",
}
SENDING = Progress(status="sending", phase="sending the reports")


class ProgressView(Protocol):
    """Shows how far an analysis is."""

    def __call__(self, progress: Progress, /) -> None:
        """Show this state from now on."""


@contextmanager
def progress_view(*, shown: bool, color: bool | None) -> Iterator[ProgressView]:
    """The view that fits standard error; gone without a trace when a live one ends."""
    if not shown:
        yield _no_view
    elif sys.stderr.isatty():
        line = _LiveLine()
        console = Console(
            stderr=True, no_color=not wants_color(sys.stderr, asked=color), markup=False, emoji=False
        )
        with Live(line, console=console, transient=True, refresh_per_second=8):
            yield line
    else:
        yield _PlainLines()


def describe(progress: Progress) -> str:
    """The state in words, for example `looking for root causes, 3 of 12 groups answered`."""
    if progress.trouble:
        return f"no answer, trying again: {one_line(progress.trouble, 160)}"
    phase = progress.phase or progress.status
    words = _PHASES.get(phase, phase.replace("_", " "))
    text = one_line(words, 80)
    if progress.groups_total:
        text += f", {progress.groups_answered or 0} of {progress.groups_total} groups answered"
    return text


def _no_view(_progress: Progress) -> None:
    """Show nothing."""


class _LiveLine:
    """One line that is drawn anew several times a second, so that the time goes on between states."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._progress = SENDING
        self._spinner = Spinner("dots" if (sys.stderr.encoding or "").lower().startswith("utf") else "line")

    def __call__(self, progress: Progress) -> None:
        self._progress = progress

    def __rich__(self) -> Spinner:
        elapsed = duration_text(time.monotonic() - self._started)
        text = Text(f"{describe(self._progress)} ({elapsed})", no_wrap=True, overflow="ellipsis")
        self._spinner.update(text=text)
        return self._spinner


class _PlainLines:
    """A line when the phase changes: for logs, where each line stays."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, progress: Progress) -> None:
        key = "trouble" if progress.trouble else progress.phase or progress.status
        if key != self._last:
            self._last = key
            say(describe(progress))
