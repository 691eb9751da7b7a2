"""What a console line says once the terminal's and the CI system's additions are taken away.

`excerpt.py` reads every kept line through `plain`. Nothing here judges a line; `console_rules.py` does.
"""

import re

MAX_CHARS = 1_000
"""Characters of a line that are read: its beginning and its end. Minified code and dumps run to megabytes a line."""
_END_CHARS = 300
"""How many of these are taken from the end, where compilers and tools put the message of a long command."""

_ESCAPES = re.compile(
    r"""
    \x1b (?: \[ [0-9;:?<=>]*+ [\x20-/]*+ [@-~]                  # colours, cursor movement (ECMA-48 CSI)
           | \] [^\x07\x1b]*+ (?: \x07 | \x1b\\ )?+               # titles, links, iTerm marks (OSC)
           | [()*+] . | [=>78MDEHc] )?+                           # character sets, saved cursors
    | [\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]                    # other control characters
    """,
    re.VERBOSE,
)

_CLOCK = r"[0-2]?\d:[0-5]\d:[0-6]\d(?:[.,]\d{1,9})?+"
_DATE = r"\d{4}[-/]\d\d[-/]\d\d"
_STAMP = re.compile(
    rf"""
    (?: [^\t\n]{{1,80}}\t[^\t\n]{{1,80}}\t (?={_DATE}T) )?+                     # GitHub's downloaded logs: job, step
    (?:
        \[ (?:{_DATE}[T\ ])?+ {_CLOCK} (?:\ ?Z|\ ?[+-]\d\d:?\d\d)?+ \] \ ?+      # [2026-01-31T10:11:12.123Z]
      | {_DATE}[T\ ]{_CLOCK} (?:Z|\ ?[+-]\d\d:?\d\d|\ UTC)?+ (?:\ |$)             # GitHub Actions, Docker, log4j
      | {_CLOCK} (?:\ \ ?|$)                                                     # Jenkins' timestamper
      | (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ {{1,2}}\d{{1,2}}\ {_CLOCK}\ # syslog
      | \[\ {{0,8}}\d{{1,9}}(?:\.\d{{1,6}})?+s?\]\ (?=\S)                         # seconds since the start: [  12.3s]
    )
    """,
    re.VERBOSE,
)
_MAX_STAMPS = 2
"""A CI system's stamp may stand before the program's own."""


def plain(line: str) -> str:
    """The line as a terminal would leave it, without colours, control characters and leading time stamps.

    Of a progress bar (pieces parted by carriage returns) the last piece that shows something stays. Indentation
    behind a stamp is kept. At most MAX_CHARS characters and an ellipsis. Linear in the line's length.
    """
    text = cut(line)
    if "\r" in text:
        text = _last_written(text)
    if not text.isprintable():
        text = _ESCAPES.sub("", text)
    return without_stamps(text).rstrip()


def cut(line: str) -> str:
    """The line, or its beginning and end when it is longer than MAX_CHARS."""
    if len(line) <= MAX_CHARS:
        return line
    return f"{line[: MAX_CHARS - _END_CHARS]} … {line[-_END_CHARS:]}"


def without_stamps(text: str) -> str:
    """The text behind the time stamps that CI systems and loggers put in front of it."""
    for _ in range(_MAX_STAMPS):
        stamp = _STAMP.match(text)
        if stamp is None:
            break
        text = text[stamp.end() :]
    return text


def _last_written(text: str) -> str:
    pieces = text.split("\r")
    for piece in reversed(pieces):
        if _ESCAPES.sub("", piece).strip():
            return piece
    return ""
