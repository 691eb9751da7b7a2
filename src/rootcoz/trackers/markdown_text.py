"""Reads Markdown (CommonMark, tables and strike-through) into the nodes of `trackers.adf`. HTML stays text."""

from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from rootcoz.trackers.adf import (
    BREAK,
    CODE,
    EM,
    RULE,
    STRIKE,
    STRONG,
    Mark,
    Node,
    code_block,
    heading,
    item_list,
    link,
    list_item,
    paragraph,
    quote,
    table,
    text,
)

_MARKS = {"strong": STRONG, "em": EM, "s": STRIKE}


def read_markdown(body: str) -> list[Node]:
    """The blocks of the text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return list(_blocks(SyntaxTreeNode(parser.parse(body)).children))


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> Iterator[Node]:
    for node in nodes:
        match node.type:
            case "paragraph":
                yield paragraph(list(_inline(node)))
            case "heading":
                yield heading(int(node.tag[1:]), list(_inline(node)))
            case "fence" | "code_block":
                yield code_block(node.content.removesuffix("\n"), node.info.split(" ")[0].strip())
            case "bullet_list" | "ordered_list":
                yield item_list(
                    [list_item(list(_blocks(item.children))) for item in node.children],
                    ordered=node.type == "ordered_list",
                    start=int(node.attrs.get("start", 1)),
                )
            case "blockquote":
                yield quote(list(_blocks(node.children)))
            case "hr":
                yield RULE
            case "table":
                yield _table(node)


def _table(node: SyntaxTreeNode) -> Node:
    rows = [row for part in node.children for row in part.children]
    return table([[(cell.type == "th", list(_inline(cell))) for cell in row.children] for row in rows])


def _inline(node: SyntaxTreeNode) -> Iterator[Node]:
    for child in node.children:
        yield from _spans(child.children if child.type == "inline" else [child], ())


def _spans(nodes: Sequence[SyntaxTreeNode], marks: tuple[Mark, ...]) -> Iterator[Node]:
    for node in nodes:
        match node.type:
            case "text":
                yield from text(node.content, marks)
            case "code_inline":
                yield from text(node.content, (*marks, CODE))
            case "softbreak" | "hardbreak":  # GitHub shows either as the end of a line
                yield BREAK
            case "strong" | "em" | "s":
                yield from _spans(node.children, (*marks, _MARKS[node.type]))
            case "link" | "image":
                target = link(str(node.attrs.get("href") or node.attrs.get("src") or ""))
                within = list(_spans(node.children, (*marks, target) if target else marks))
                yield from within or text(str(node.attrs.get("src", "")), marks)
