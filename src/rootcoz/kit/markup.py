"""A short document between the markups of trackers: headings, lines of text, and blocks of code.

`read_markup` makes one of text that somebody wrote in Markdown or in Jira's wiki text, however well. `kit.markdown` and
`kit.wiki_text` write one, each so that nothing in it means more than it says: a document has no links but those that
were put there as links, no pictures, no mentions, no markup of its own.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol


class Style(StrEnum):
    """How a span is meant."""

    PLAIN = "plain"
    STRONG = "strong"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line."""

    text: str
    style: Style = Style.PLAIN
    url: str = ""
    """Where it links to; empty for no link."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text."""

    spans: tuple[Span, ...]
    bullet: int = 0
    """Depth of the list that it is an item of, from 1; 0: none."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A section's title."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Text that is shown as it is."""

    text: str


Block = Heading | Paragraph | CodeBlock


class Markup(Protocol):
    """A markup that documents are written in."""

    limit: int
    """Characters that a text may have, counted as `length` does."""

    def block(self, block: Block) -> str:
        """The block in this markup, without an empty line around it."""
        ...


def say(text: str) -> Paragraph:
    """One line of plain text."""
    return Paragraph((Line((Span(text),)),))


def cleaned(block: Block, clean: Callable[[str], str]) -> Block:
    """The block with `clean` applied to its texts."""
    match block:
        case Heading():
            return Heading(clean(block.text))
        case CodeBlock():
            return CodeBlock(clean(block.text))
        case Paragraph():
            return Paragraph(
                tuple(
                    replace(line, spans=tuple(replace(span, text=clean(span.text)) for span in line.spans))
                    for line in block.lines
                )
            )


def length(text: str) -> int:
    """Characters as Jira and GitHub count them at worst: in units of UTF-16."""
    return len(text) + sum(1 for char in text if ord(char) > _LAST_OF_ONE_UNIT)


_LAST_OF_ONE_UNIT = 0xFFFF


# --- writing -------------------------------------------------------------------------------------

SHORTENED = "[… shortened]"


def write(body: Sequence[Block], end: Sequence[Block], markup: Markup) -> str:
    """The blocks in the markup, `end` always whole, `body` as far as it fits; what does not fit is said.

    `end` must fit by itself.
    """
    tail = [markup.block(block) for block in end]
    short = markup.block(say(SHORTENED))
    room = markup.limit - sum(length(piece) + 2 for piece in (*tail, short))
    pieces = []
    for block in body:
        piece = markup.block(block)
        if length(piece) + 2 > room:
            if isinstance(block, CodeBlock) and (part := _beginning(block, room, markup)):
                pieces.append(part)
            pieces.append(short)
            break
        pieces.append(piece)
        room -= length(piece) + 2
    return "\n\n".join(piece for piece in (*pieces, *tail) if piece)


def _beginning(block: CodeBlock, room: int, markup: Markup) -> str:
    """As many whole lines of the block as there is room for; empty when there is none."""
    lines = block.text.split("\n")
    while lines:
        piece = markup.block(CodeBlock("\n".join(lines)))
        if length(piece) + 2 <= room:
            return piece
        lines = lines[: len(lines) // 2]
    return ""


# --- reading -------------------------------------------------------------------------------------

_HEADING = re.compile(r" {0,3}(?:#{1,6}[ \t]+|h[1-6]\.[ \t]+)(?P<text>.*)$")
_FENCE = re.compile(r"[ \t]*(?:[-*+>][ \t]+)?(?P<fence>`{3,}+|~{3,}+)(?P<info>[^`]*)$")
_MACRO = re.compile(r"[ \t]*\{(?P<macro>code|noformat)(?::[^{}]*)?\}(?P<rest>.*)$", re.IGNORECASE)
_BULLET = re.compile(r"(?P<indent>[ \t]*)(?P<marks>[-+]|\*{1,6})[ \t]+(?P<text>.*)$")
_QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?|bq\.[ \t]+)")
_LONGEST_LINE = 4_000
"""Characters of a line of text; what is longer is no sentence of anybody."""


def read_markup(text: str) -> tuple[Block, ...]:
    """The document that a text in Markdown, in wiki text or in a mixture of both means. Never fails.

    Pictures, tables and HTML stay as the characters they are written with; links become their text and address.
    """
    lines = plain_text(text).split("\n")
    return tuple(_blocks(lines))


def plain_text(text: str) -> str:
    """The text with line feeds as ends of lines, without control characters and other signs that nobody sees."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(char for char in text if char in "\n\t" or not _is_unseen(char))


def one_line(text: str) -> str:
    """The text in one line, white space as single spaces."""
    return " ".join(plain_text(text).split())


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs"} or char in _UNSEEN


_UNSEEN = frozenset(
    "\u200b\u2060\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)


def _blocks(lines: list[str]) -> Iterator[Block]:
    gathered: list[Line] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        heading, fence, macro = _HEADING.match(line), _FENCE.match(line), _MACRO.match(line)
        if line.strip() and not (heading or fence or macro):
            gathered.append(_line(line))
            continue
        if gathered:
            yield Paragraph(tuple(gathered))
            gathered = []
        if fence:
            code, at = _fenced(lines, at, fence["fence"])
            yield from _code(code)
        elif macro:
            code, after, at = _in_macro(lines, at, macro["macro"], macro["rest"])
            yield from _code(code)
            if after.strip():
                gathered.append(_line(after))
        elif heading and (title := heading["text"].strip(" \t#")):
            yield Heading("".join(span.text for span in _spans(title)))
    if gathered:
        yield Paragraph(tuple(gathered))


def _code(lines: list[str]) -> Iterator[CodeBlock]:
    text = "\n".join(lines).strip("\n")
    if text.strip():
        yield CodeBlock(text)


def _fenced(lines: list[str], at: int, fence: str) -> tuple[list[str], int]:
    """The lines up to the closing fence, or all that are left; and where to go on."""
    for end in range(at, len(lines)):
        stripped = lines[end].strip()
        if len(stripped) >= len(fence) and not stripped.strip(fence[0]):
            return lines[at:end], end + 1
    return lines[at:], len(lines)


def _in_macro(lines: list[str], at: int, macro: str, rest: str) -> tuple[list[str], str, int]:
    """The lines up to the closing macro, what stands behind it, and where to go on."""
    end_mark = f"{{{macro.lower()}}}"
    found: list[str] = []
    for number, line in enumerate([rest, *lines[at:]]):
        place = line.lower().find(end_mark)
        if place >= 0:
            return [*found, line[:place]], line[place + len(end_mark) :], at + number
        found.append(line)
    return found, "", len(lines)


def _line(text: str) -> Line:
    bullet = _BULLET.match(text)
    if bullet is None:
        return Line(_spans(_QUOTE.sub("", text, count=1).strip()))
    depth = max(len(bullet["marks"]), 1 + len(bullet["indent"].expandtabs(4)) // 2)
    return Line(_spans(bullet["text"].strip()), bullet=min(depth, 4))


_SPAN = re.compile(
    r"(?<!`)(?P<ticks>`++)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|\{\{(?P<mono>[^{}]{1,300})\}\}"
    r"|\*\*(?P<strong>[^*\s](?:[^*]{0,300}[^*\s])?)\*\*"
    r"|!?\[(?P<label>[^\[\]|]{0,300})\]\((?P<target>[^()\s]{0,600})(?:\s[^()]{0,200})?\)"
    r"|\[(?P<name>[^\[\]|]{1,300})\|(?P<place>[^\[\]|\s]{1,600})\]"
)


def _spans(text: str) -> tuple[Span, ...]:
    text = text[:_LONGEST_LINE] + ("…" if len(text) > _LONGEST_LINE else "")
    spans: list[Span] = []
    at = 0
    for match in _SPAN.finditer(text):
        spans.append(Span(_unmarked(text[at : match.start()])))
        at = match.end()
        if code := match["code"] or match["mono"]:
            spans.append(Span(code.strip(), Style.CODE))
        elif match["strong"]:
            spans.append(Span(_unmarked(match["strong"]), Style.STRONG))
        else:
            label, target = match["label"] or match["name"] or "", match["target"] or match["place"] or ""
            spans.append(Span(" ".join(filter(None, (label, f"({target})" if target else "")))))
    spans.append(Span(_unmarked(text[at:])))
    return tuple(span for span in spans if span.text)


_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def _unmarked(text: str) -> str:
    """Plain text as it is meant: escapes undone, backticks that stand for nothing taken away."""
    return _ESCAPED.sub(r"\1", text).replace("`", "'")
