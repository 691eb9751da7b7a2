"""Writes documents of `kit.markup` as GitHub's Markdown.

Text cannot become markup: what means something to GitHub is escaped, and what GitHub would turn into a link, a mention
or a reference to another issue is written as code, where it stays what it is. Code stands in a fence longer than any
run of backticks in it, at the beginning of a line, so that no log can end it.

https://github.github.com/gfm/ and
https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
"""

import re

from rootcoz.kit.markup import Block, CodeBlock, Heading, Line, Paragraph, Span, Style, one_line, plain_text

BODY_LIMIT = 65_536
"""Characters of an issue's text that GitHub takes."""
_ROOM = 1_536
"""Characters of them that are left for what is added to a text before it is filed."""

_ALIVE = re.compile(
    r"(?<![A-Za-z0-9])@[A-Za-z0-9][\w-]*(?:/[\w.-]+)?"
    r"|(?<![\w./-])[\w.-]{1,100}(?:/[\w.-]{1,100})?#\d+|#\d+"
    r"|\b(?:GH|gh)-\d+"
    r"|\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s<>`]*[\w/&=#%-]"
    r"|\bwww\.[^\s<>`]*[\w/&=#%-]"
    r"|\b(?:mailto|xmpp):[^\s<>`]*[\w/&=#%-]"
)
"""What GitHub gives a life of its own: mentions of people and teams, references to issues, addresses."""
_ESCAPES = re.compile(r"(\\(?=[!-/:-@\[-`{-~]|$)|\*|\[|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])|(?<!\w)_|_(?!\w))")
_LINE_START = re.compile(r"^(?=[-+=#:>|~])")
"""Signs that would make a line more than a line: an item, a title's underline, the head of a table."""


class Markdown:
    """The markup of GitHub's issues, of at most `limit` characters."""

    def __init__(self, limit: int = BODY_LIMIT - _ROOM) -> None:
        self.limit = limit

    def block(self, block: Block) -> str:
        """The block as Markdown."""
        match block:
            case Heading():
                return f"## {_line(Line((Span(block.text.strip()),)))}"
            case CodeBlock():
                return _fenced(plain_text(block.text))
            case Paragraph():
                return _paragraph(block)


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    # The name of no language: without one some pages guess, and colour a log as what it is not.
    return f"{fence}text\n{text}\n{fence}"


def _paragraph(paragraph: Paragraph) -> str:
    written: list[str] = []
    for before, line in zip((None, *paragraph.lines), paragraph.lines, strict=False):
        if before is not None and before.bullet and not line.bullet:
            written.append("")  # else it would be read as part of the item
        written.append(_line(line))
    return "\n".join(written)


def _line(line: Line) -> str:
    text = _LINE_START.sub(r"\\", "".join(_span(span) for span in _joined(line.spans)))
    return f"{'  ' * (line.bullet - 1)}- {text}" if line.bullet else text


def _joined(spans: tuple[Span, ...]) -> list[Span]:
    """The spans with what is alive in them taken for code, and neighbouring code in one piece."""
    pieces: list[Span] = []
    for span in spans:
        for piece in _quietened(span) if span.style is not Style.CODE and not span.url else [span]:
            last = pieces[-1] if pieces else None
            if last is not None and last.style is piece.style is Style.CODE and not (last.url or piece.url):
                pieces[-1] = Span(last.text + piece.text, Style.CODE)
            elif piece.text:
                pieces.append(piece)
    return pieces


def _quietened(span: Span) -> list[Span]:
    pieces = []
    at = 0
    text = _unbroken(span.text)
    # Searched anew behind each: what stands next to code stands at the beginning of a text for GitHub.
    while match := _ALIVE.search(text[at:]):
        pieces += [Span(text[at : at + match.start()], span.style), Span(match[0], Style.CODE)]
        at += match.end()
    return [*pieces, Span(text[at:], span.style)]


def _unbroken(text: str) -> str:
    """The text in one line; spaces at its ends stay, since other spans stand beside it."""
    return re.sub(r"\s+", " ", plain_text(text))


def _span(span: Span) -> str:
    if span.url:
        label = _text(one_line(span.text)).replace("]", "\\]")
        return f"[{label}]({_address(span.url)})"
    if span.style is Style.CODE:
        return _code(_unbroken(span.text))
    if span.style is Style.STRONG:
        return _STRONG.sub(lambda match: f"{match[1]}**{_text(match[2])}**{match[3]}", span.text)
    return _text(span.text)


_STRONG = re.compile(r"^(\s*)(\S(?:.*\S)?)(\s*)$")


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def _text(text: str) -> str:
    """The text with what means something escaped. It has nothing alive in it but what `_quietened` has let pass."""
    return _ESCAPES.sub(r"\\\1", text.replace("`", "'"))


def _address(url: str) -> str:
    return re.sub(r"[\s()<>\\\"`]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), url)
