"""What standard output and files are like for a report: how wide, in colour or not, in which encoding."""

import os
import shutil
import sys
from typing import TextIO

from rootcoz.cli.report.finished import Page

_WIDEST = 120
"""Columns that are still read with ease."""
_NARROWEST = 40
_PLAIN_WIDTH = 100
"""Columns when nobody says: a file, a pipe, a log of a CI run."""


def wants_color(stream: TextIO, *, asked: bool | None) -> bool:
    """The option first, then NO_COLOR (https://no-color.org), FORCE_COLOR, then whether it is a terminal."""
    if asked is not None:
        return asked
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def stdout_page(*, color: bool | None) -> Page:
    """What standard output is like."""
    columns = shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns
    return Page(
        width=max(_NARROWEST, min(columns, _WIDEST)),
        color=wants_color(sys.stdout, asked=color),
        encoding=sys.stdout.encoding or "utf-8",
        interactive=sys.stdout.isatty(),
    )


def file_page(*, color: bool | None) -> Page:
    """What a file is like: nobody looks at it yet."""
    return Page(width=_PLAIN_WIDTH, color=bool(color))
