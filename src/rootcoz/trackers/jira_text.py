"""What people wrote, as the Jira that it goes to reads it: a document for Cloud, wiki text for Data Center.

People write wiki text, as Jira's previews have it, or Markdown, as they are used to; which of the two is found out from
what stands in it.
"""

import re

from rootcoz.trackers.adf import RULE, Node, doc, paragraph, text
from rootcoz.trackers.markdown_text import read_markdown
from rootcoz.trackers.wiki_text import read_wiki, write_wiki

_WIKI_HEADING = re.compile(r"^\s*h[1-6]\.\s", re.MULTILINE)
_WIKI_SIGNS = re.compile(
    r"^\s*bq\.\s"
    r"|\{(?:quote|panel|color)[:}]"
    r"|\[[^\[\]|\n]{1,500}\|(?:https?|mailto):"
    r"|^\s*\|\|"
    r"|\{\{[^{}\n]+\}\}",
    re.MULTILINE | re.IGNORECASE,
)
_MARKDOWN_SIGNS = re.compile(
    r"^ {0,3}#{1,6}\s+\S"
    r"|\[[^\[\]\n]{1,500}\]\([^()\s]+\)"
    r"|\*\*\S"
    r"|^\s*\d{1,9}[.)]\s"
    r"|^\s*>\s"
    r"|(?<!`)`[^`\n]+`(?!`)",
    re.MULTILINE,
)
_CODE = re.compile(
    r"(?P<fence>^ {0,3}(?P<mark>`{3,}|~{3,})[^\n]*\n(?:.*?^ {0,3}(?P=mark)[^\n]*$|.*\Z))"
    r"|(?<!`)\{(?P<macro>code|noformat)(?::[^{}\n]*)?\}.*?(?:\{(?P=macro)\}|\Z)",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
"""A block of code of either kind; whichever begins first holds what looks like the other."""


def document(body: str, closing: str = "") -> Node:
    """The text as Cloud takes it, with a closing line."""
    blocks = read_markdown(body) if is_markdown(body) else read_wiki(body)
    return doc([*blocks, *_closing(closing)])


def wiki_text(body: str, closing: str = "") -> str:
    """The text as Data Center takes it, with a closing line. Wiki text stays as it was written."""
    written = write_wiki(read_markdown(body)) if is_markdown(body) else body.rstrip()
    return "\n\n".join(part for part in (written, write_wiki(_closing(closing))) if part)


def is_markdown(body: str) -> bool:
    """Whether it is Markdown rather than wiki text. What stands in code says nothing."""
    blocks = list(_CODE.finditer(body))
    outside = _CODE.sub("", body)
    fences = sum(block["fence"] is not None for block in blocks)
    macros = len(blocks) - fences
    if _WIKI_HEADING.search(outside):
        return False
    if bool(fences) != bool(macros):
        return bool(fences)
    return len(_MARKDOWN_SIGNS.findall(outside)) > len(_WIKI_SIGNS.findall(outside))


def _closing(line: str) -> list[Node]:
    return [RULE, paragraph(text(line))] if line else []
