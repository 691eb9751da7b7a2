"""Writes documents of `kit.markup` as the wiki text of Jira Data Center.

Text cannot become markup: the signs that begin a link, a mention (`[~name]`), a picture or a macro are escaped. Code
stands in `noformat`, whose name in the code is taken apart, so that no log can end it.

https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

import re

from rootcoz.kit.markup import Block, CodeBlock, Heading, Line, Paragraph, Span, Style, one_line, plain_text

BODY_LIMIT = 32_767
"""Characters of a text field that Jira takes unless its administrator says otherwise."""
_ROOM = 767
"""Characters of them that are left for what is added to a text before it is filed."""

BREAK = "\u200b"
"""A space without width: nobody sees it, and no program takes the word that it stands in for its own."""
_ESCAPES = re.compile(r"([{}\[\]]|!(?=\S)|\?\?|(?<!\w)[*_^~+-](?=\S)|(?<=\S)[*_^~+](?!\w))")
_BACKSLASH = re.compile(r"\\(?=[^\w\s]|$)")
"""One that would escape what follows. Two would break the line, so it is written as its number."""
_LINE_START = re.compile(r"^(h[1-6](?=\.)|bq(?=\.)|[#*-]+(?=\s)|-{3,}|\|)")
_SCHEME = re.compile(r"(?<=[A-Za-z0-9+.-])(?=://)|(?<=mailto)(?=:)", re.IGNORECASE)
"""Where an address is broken, so that Jira does not make a link of it."""
_NOFORMAT = re.compile(r"\{(?=noformat)", re.IGNORECASE)


class WikiText:
    """The markup of Jira's issues."""

    limit = BODY_LIMIT - _ROOM

    def block(self, block: Block) -> str:
        """The block as wiki text."""
        match block:
            case Heading():
                return f"h2. {_text(one_line(block.text))}"
            case CodeBlock():
                text = _NOFORMAT.sub("{" + BREAK, plain_text(block.text))
                return f"{{noformat}}\n{text}\n{{noformat}}"
            case Paragraph():
                return _paragraph(block)


def _paragraph(paragraph: Paragraph) -> str:
    written: list[str] = []
    for before, line in zip((None, *paragraph.lines), paragraph.lines, strict=False):
        if before is not None and before.bullet and not line.bullet:
            written.append("")  # else it would be read as part of the item
        written.append(_line(line))
    return "\n".join(written)


def _line(line: Line) -> str:
    text = "".join(_span(span) for span in line.spans)
    if line.bullet:
        return f"{'*' * line.bullet} {text}"
    return _LINE_START.sub(lambda match: f"{match[1][0]}{BREAK}{match[1][1:]}", text)


def _span(span: Span) -> str:
    text = re.sub(r"\s+", " ", plain_text(span.text))
    if span.url:
        return f"[{_text(text.strip())}|{_address(span.url)}]"
    if span.style is Style.CODE and text.strip():
        return "{{" + _text(text.strip()) + "}}"
    if span.style is Style.STRONG and text.strip():
        return f"*{_text(text.strip())}*"
    return _text(text)


def _text(text: str) -> str:
    return _SCHEME.sub(BREAK, _ESCAPES.sub(r"\\\1", _BACKSLASH.sub("&#92;", text)))


def _address(url: str) -> str:
    return re.sub(r"[\s|\[\]{}\\]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), url)
