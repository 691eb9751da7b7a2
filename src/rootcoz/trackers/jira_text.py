"""What people wrote, as the Jira that it goes to reads it: a document for Cloud, wiki text for Data Center.

People write wiki text, as Jira's previews have it, or Markdown, as they are used to; which of the two is found out from
what stands in it.
"""

import re

from rootcoz.trackers.adf import RULE, Node, doc, paragraph, text
from rootcoz.trackers.markdown_text import read_markdown
from rootcoz.trackers.wiki_text import read_wiki, write_wiki

_WIKI_SIGNS = re.compile(
    r"^\s*(?:h[1-6]|bq)\.\s"
    r"|\{(?:code|noformat|quote|panel|color)[:}]"
    r"|\[[^\[\]|\n]{1,500}\|(?:https?|mailto):"
    r"|^\s*\|\|"
    r"|\{\{[^{}\n]+\}\}",
    re.MULTILINE | re.IGNORECASE,
)
_MARKDOWN_SIGNS = re.compile(
    r"^ {0,3}#{1,6}\s+\S"
    r"|^\s*(?:```|~~~)"
    r"|\[[^\[\]\n]{1,500}\]\([^()\s]+\)"
    r"|\*\*\S"
    r"|^\s*\d{1,9}[.)]\s"
    r"|^\s*>\s"
    r"|(?<!`)`[^`\n]+`(?!`)",
    re.MULTILINE,
)
_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_IN_MACRO = re.compile(r"\{(code|noformat)(?::[^{}\n]*)?\}.*?(?:\{\1\}|\Z)", re.DOTALL | re.IGNORECASE)


def document(body: str, closing: str = "") -> Node:
    """The text as Cloud takes it, with a closing line."""
    blocks = read_markdown(body) if is_markdown(body) else read_wiki(body)
    return doc([*blocks, *_closing(closing)])


def wiki_text(body: str, closing: str = "") -> str:
    """The text as Data Center takes it, with a closing line. Wiki text stays as it was written."""
    written = write_wiki(read_markdown(body)) if is_markdown(body) else body.rstrip()
    return "\n\n".join(part for part in (written, write_wiki(_closing(closing))) if part)


def is_markdown(body: str) -> bool:
    """Whether it is Markdown rather than wiki text. Code says nothing: anything may stand there."""
    wiki = len(_WIKI_SIGNS.findall(_FENCED.sub("", body)))
    markdown = len(_MARKDOWN_SIGNS.findall(_IN_MACRO.sub("", body)))
    return markdown > wiki


def _closing(line: str) -> list[Node]:
    return [RULE, paragraph(text(line))] if line else []
