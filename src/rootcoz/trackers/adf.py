"""Nodes of Jira Cloud's documents, made so that Jira takes them; also the middle of the way from Markdown to wiki text.

https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

Node = dict[str, Any]
Mark = dict[str, Any]

STRONG: Mark = {"type": "strong"}
EM: Mark = {"type": "em"}
CODE: Mark = {"type": "code"}
STRIKE: Mark = {"type": "strike"}
UNDERLINE: Mark = {"type": "underline"}
BREAK: Node = {"type": "hardBreak"}
RULE: Node = {"type": "rule"}
_HEADING_LEVELS = 6
_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"'|\\^`{}\[\]]+[^\s<>\"'|\\^`{}\[\].,;:!?)]")


def link(url: str) -> Mark | None:
    """The mark of a link; None for an address that no page should be sent to."""
    return (
        {"type": "link", "attrs": {"href": url}}
        if re.match(r"(https?://|mailto:)\S+$", url, re.IGNORECASE)
        else None
    )


def text(content: str, marks: Sequence[Mark] = ()) -> list[Node]:
    """Text with marks, addresses in it as links; nothing for no text, which a document may not have."""
    if not content:
        return []
    kinds = {mark["type"] for mark in marks}
    if "code" in kinds:  # goes with nothing but a link
        marks = [mark for mark in marks if mark["type"] in {"code", "link"}]
    if kinds & {"link", "code"}:
        return [_text(content, marks)]
    found: list[Node] = []
    at = 0
    for match in _ADDRESS.finditer(content):
        found += [_text(content[at : match.start()], marks)] if match.start() > at else []
        found.append(_text(match[0], [*marks, {"type": "link", "attrs": {"href": match[0]}}]))
        at = match.end()
    return [*found, _text(content[at:], marks)] if at < len(content) else found


def _text(content: str, marks: Sequence[Mark]) -> Node:
    node: Node = {"type": "text", "text": content}
    unique = {mark["type"]: mark for mark in marks}
    if unique:
        node["marks"] = list(unique.values())
    return node


def paragraph(content: list[Node]) -> Node:
    """Text and line breaks."""
    return {"type": "paragraph", "content": content}


def heading(level: int, content: list[Node]) -> Node:
    """A title of level 1 to 6."""
    return {"type": "heading", "attrs": {"level": max(1, min(level, _HEADING_LEVELS))}, "content": content}


def code_block(content: str, language: str = "") -> Node:
    """Text as it is."""
    node: Node = {"type": "codeBlock", "content": [{"type": "text", "text": content}] if content else []}
    if language:
        node["attrs"] = {"language": language}
    return node


def quote(blocks: Sequence[Node]) -> Node:
    """What somebody said. It holds less than a document does: what it may not hold becomes a paragraph."""
    return {"type": "blockquote", "content": list(_allowed(blocks, _IN_QUOTE)) or [paragraph([])]}


def list_item(blocks: Sequence[Node]) -> Node:
    """One item; as a quotation."""
    held = list(_allowed(blocks, _IN_ITEM))
    if not held or held[0]["type"] not in {"paragraph", "codeBlock"}:
        held.insert(0, paragraph([]))
    return {"type": "listItem", "content": held}


def item_list(items: Sequence[Node], *, ordered: bool = False, start: int = 1) -> Node:
    """A list of `list_item`s."""
    node: Node = {"type": "orderedList" if ordered else "bulletList", "content": list(items)}
    if ordered and start != 1:
        node["attrs"] = {"order": start}
    return node


def table(rows: Sequence[Sequence[tuple[bool, list[Node]]]]) -> Node:
    """Rows of cells: whether it is a title, and its text. All rows get as many cells as the longest."""
    width = max((len(row) for row in rows if row), default=1)
    return {
        "type": "table",
        "content": [
            {
                "type": "tableRow",
                "content": [
                    {"type": "tableHeader" if is_title else "tableCell", "content": [paragraph(content)]}
                    for is_title, content in [*row, *[(False, [])] * (width - len(row))]
                ],
            }
            for row in rows
        ],
    }


def doc(blocks: Sequence[Node]) -> Node:
    """The whole document."""
    return {"version": 1, "type": "doc", "content": list(blocks) or [paragraph([])]}


_IN_QUOTE = frozenset({"paragraph", "bulletList", "orderedList", "codeBlock"})
_IN_ITEM = _IN_QUOTE


def _allowed(blocks: Sequence[Node], kinds: frozenset[str]) -> Iterator[Node]:
    for block in blocks:
        match block["type"]:
            case kind if kind in kinds:
                yield block
            case "heading":
                yield paragraph([_strong(node) for node in block["content"]])
            case "table":
                for row in block["content"]:
                    cells = [cell["content"][0]["content"] for cell in row["content"]]
                    yield paragraph([node for cell in cells for node in (*cell, *text(" "))])
            case "blockquote":
                yield from _allowed(block["content"], kinds)


def _strong(node: Node) -> Node:
    marks = node.get("marks", [])
    if node["type"] != "text" or any(mark["type"] in {"strong", "code"} for mark in marks):
        return node
    return {**node, "marks": [*marks, STRONG]}
