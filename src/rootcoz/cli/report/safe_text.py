r"""Text of strangers, made harmless and bounded.

Escape sequences, control characters and the Unicode characters that reorder text become visible (`\x1b`);
colours of a test runner's own output are dropped.
"""

import re

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
# Control characters except line feed, the Arabic letter mark, direction marks, embeddings, overrides and
# isolates (Trojan Source, https://trojansource.codes), line and paragraph separators, byte order marks, half
# characters.
_UNSEEN = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f\ud800-\udfff]"
)
_TAB = "    "


def visible(text: str) -> str:
    """`text` with nothing in it but characters that show and line feeds."""
    unified = _COLOURS.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub(_notation, unified)


def _notation(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == ord("\t"):
        return _TAB
    if code <= 0xFF:  # noqa: PLR2004 - what \x can write
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what \u can write


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters; the cut is marked. `limit` is at least 3."""
    # Cut first: what is not shown need not be cleaned, however long it is.
    clean = visible(text[: 2 * limit + 100]).strip()
    return (
        clean if len(clean) <= limit and len(text) <= 2 * limit + 100 else clean[: limit - 3].rstrip() + "..."
    )


def one_line(text: str, limit: int) -> str:
    """As `shortened`, with each run of white space as one space."""
    return shortened(" ".join(text[: 4 * limit + 100].split()), limit)


def excerpt(text: str, *, lines: int, characters: int) -> list[str]:
    """The first lines, each shortened; a last line tells how many were left out."""
    every = visible(text[: lines * characters * 2]).strip("\n").split("\n")
    kept = [shortened_line(line, characters) for line in every[:lines]]
    left_out = text.strip("\n").count("\n") + 1 - len(kept)
    if left_out > 0:
        kept.append(f"... {left_out} more line{'s' if left_out != 1 else ''}")
    return kept


def shortened_line(line: str, limit: int) -> str:
    """A clean line, with its indentation, of at most `limit` characters."""
    return line.rstrip() if len(line) <= limit else line[: limit - 3].rstrip() + "..."
