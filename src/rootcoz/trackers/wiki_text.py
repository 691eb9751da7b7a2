"""Reads Jira's wiki text into the nodes of `trackers.adf`, and writes it from them.

https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

import re
from collections.abc import Iterator, Sequence

from rootcoz.trackers.adf import (
    BREAK,
    CODE,
    EM,
    RULE,
    STRIKE,
    STRONG,
    UNDERLINE,
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

JOINER = "\u2060"
"""Nobody sees it; it stands where a word would mean something to Jira."""

# --- reading -------------------------------------------------------------------------------------

_HEADING = re.compile(r"\s*h([1-6])\.\s+(.*)")
_MACRO = re.compile(r"\s*\{(code|noformat|quote|panel)(?::([^{}\n]*))?\}(.*)", re.IGNORECASE)
_ITEM = re.compile(r"\s*([*#-]+)\s+(.*)")
_RULE = re.compile(r"\s*-{4,}\s*")
_QUOTED = re.compile(r"\s*bq\.\s+(.*)")
_ROW = re.compile(r"\s*\|.*")
_DEPTH = 20
"""Nesting of quotations that is followed."""


def read_wiki(body: str, depth: int = _DEPTH) -> list[Node]:
    """The blocks of the text."""
    return list(_blocks(body.replace("\r\n", "\n").split("\n"), depth))


def _blocks(lines: list[str], depth: int) -> Iterator[Node]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if macro := _MACRO.fullmatch(line):
            inside, behind, at = _within(lines, at, macro[1].lower(), macro[3])
            yield from _macro(macro[1].lower(), macro[2] or "", inside, depth)
            if behind.strip():
                lines[at:at] = [behind]
            continue
        end = at + 1
        if _ITEM.fullmatch(line) and not _RULE.fullmatch(line):
            end = _end(lines, at, _ITEM)
            yield from _lists([_marked(one) for one in lines[at:end]])
        elif _ROW.fullmatch(line):
            end = _end(lines, at, _ROW)
            yield table([_cells(one.strip()) for one in lines[at:end]])
        elif (single := _single(line)) is not None:
            yield single
        elif line.strip():
            while end < len(lines) and lines[end].strip() and not _begins_block(lines[end]):
                end += 1
            yield paragraph(_joined(lines[at:end]))
        at = end


def _single(line: str) -> Node | None:
    """The block that a line is by itself, if it is one."""
    if title := _HEADING.fullmatch(line):
        return heading(int(title[1]), list(_spans(title[2])))
    if quoted := _QUOTED.fullmatch(line):
        return quote([paragraph(list(_spans(quoted[1])))])
    return RULE if _RULE.fullmatch(line) else None


def _begins_block(line: str) -> bool:
    return any(kind.fullmatch(line) for kind in (_MACRO, _HEADING, _RULE, _QUOTED, _ITEM, _ROW))


def _end(lines: list[str], at: int, kind: re.Pattern[str]) -> int:
    end = at
    while end < len(lines) and kind.fullmatch(lines[end]) and not _RULE.fullmatch(lines[end]):
        end += 1
    return end


def _within(lines: list[str], at: int, macro: str, rest: str) -> tuple[list[str], str, int]:
    """The lines up to the macro's end or that of the text, what stands behind it, and the next line's number."""
    inside: list[str] = []
    for number, line in enumerate([rest, *lines[at + 1 :]], start=at + 1):
        place = line.lower().find(f"{{{macro}}}")
        if place >= 0:
            return [*inside, line[:place]], line[place + len(macro) + 2 :], number
        inside.append(line)
    return inside, "", len(lines)


def _macro(name: str, arguments: str, inside: list[str], depth: int) -> Iterator[Node]:
    if name in {"code", "noformat"}:
        language = arguments.partition("|")[0].strip()
        yield code_block(
            _read("\n".join(inside).strip("\n")), "" if "=" in language or name == "noformat" else language
        )
    elif depth:
        blocks = list(_blocks(inside, depth - 1))
        if name == "quote":
            yield quote(blocks)
        else:
            yield from blocks
    else:
        yield paragraph(text(_read(" ".join(inside))))


def _marked(line: str) -> tuple[str, str]:
    match = _ITEM.fullmatch(line)
    return (match[1], match[2]) if match else ("*", line)


def _lists(items: list[tuple[str, str]], level: int = 0) -> Iterator[Node]:
    """Lists of the items whose marks are longer than `level`; a mark's sign there says of which kind."""
    at = 0
    while at < len(items):
        sign = items[at][0][level : level + 1]
        own: list[Node] = []
        while at < len(items) and items[at][0][level : level + 1] == sign:
            marks, content = items[at]
            deeper = at if len(marks) > level + 1 else at + 1
            end = deeper
            while end < len(items) and len(items[end][0]) > level + 1:
                end += 1
            blocks = [] if deeper == at else [paragraph(list(_spans(content)))]
            own.append(list_item([*blocks, *_lists(items[deeper:end], level + 1)]))
            at = end
        yield item_list(own, ordered=sign == "#")


def _cells(line: str) -> list[tuple[bool, list[Node]]]:
    """Cells of a row; a bar inside a link belongs to the link."""
    pieces = re.split(r"(\|\|?)(?![^\[\]\n]*\])", line)
    pairs = list(zip(pieces[1::2], pieces[2::2], strict=True))
    if pairs and not pairs[-1][1].strip():
        pairs.pop()
    return [(bar == "||", list(_spans(content.strip()))) for bar, content in pairs]


def _joined(lines: Sequence[str]) -> list[Node]:
    """Lines of one paragraph: Jira shows them one below the other."""
    joined: list[Node] = []
    for line in lines:
        if joined:
            joined.append(BREAK)
        joined += _spans(line.strip())
    return joined


_SPAN = re.compile(
    r"(?P<break>\\\\)"
    r"|\\(?P<escaped>[^\w\s]|_)"
    r"|&#(?P<number>\d{1,6});"
    r"|\{\{(?P<mono>(?:[^{}\\\n]|\\.){1,1000})\}\}"
    r"|\{color(?::[^{}\n]{0,40})?\}"
    r"|\[(?:(?P<label>[^\[\]|\n~^]{1,500})\|)?(?P<url>(?:https?://|mailto:)[^\[\]|\s]{1,2000})(?:\|[^\[\]\n]{0,50})?\]"
    r"|(?<![\w*])\*(?P<strong>[^\s*](?:[^*\n]{0,1000}[^\s*])?)\*(?![\w*])"
    r"|(?<![\w_])_(?P<em>[^\s_](?:[^\n]{0,1000}?[^\s_])?)_(?![\w_])"
    r"|(?<![\w+])\+(?P<underline>[^\s+](?:[^+\n]{0,1000}[^\s+])?)\+(?![\w+])"
    r"|(?<![\w-])-(?P<strike>[^\s-](?:[^-\n]{0,1000}[^\s-])?)-(?![\w-])"
)
_STYLES = {"strong": STRONG, "em": EM, "underline": UNDERLINE, "strike": STRIKE}


def _spans(line: str, marks: tuple[Mark, ...] = ()) -> Iterator[Node]:
    plain = ""
    at = 0
    for match in _SPAN.finditer(line):
        plain += line[at : match.start()]
        at = match.end()
        if match["escaped"] or match["number"]:
            plain += match["escaped"] or _character(int(match["number"]))
            continue
        yield from text(_read(plain), marks)
        plain = ""
        if match["break"]:
            yield BREAK
        elif match["mono"]:
            yield from text(_read(re.sub(r"\\([^\w\s]|_)", r"\1", match["mono"])), (*marks, CODE))
        elif match["url"]:
            target = link(match["url"])
            yield from text(_read(match["label"] or match["url"]), (*marks, target) if target else marks)
        else:
            for name, mark in _STYLES.items():
                if match[name]:
                    yield from _spans(match[name], (*marks, mark))
    yield from text(_read(plain + line[at:]), marks)


def _read(written: str) -> str:
    """What the text says: without what kept it from meaning more, which is only looked at before."""
    return written.replace(JOINER, "")


def _character(number: int) -> str:
    usable = number < 0x110000 and not 0xD800 <= number < 0xE000  # noqa: PLR2004 - the bounds of Unicode's characters
    return chr(number) if usable and number else "\ufffd"


# --- writing -------------------------------------------------------------------------------------

_LANGUAGES = frozenset(
    {
        "bash",
        "c",
        "c#",
        "c++",
        "css",
        "go",
        "groovy",
        "html",
        "java",
        "javascript",
        "json",
        "lua",
        "perl",
        "php",
    }
    | {"python", "ruby", "scala", "sql", "swift", "xml", "yaml"}
)
"""Those that every Data Center knows; it complains about any other."""
_AROUND = {"strong": "*", "em": "_", "strike": "-", "underline": "+"}
_ESCAPES = re.compile(r"([{}\[\]|]|!(?=\S)|(?<!\w)[*_^~+-](?=\S)|(?<=\S)[*_^~+-](?!\w))")
_LINE_START = re.compile(r"^(h[1-6](?=\.)|bq(?=\.)|[#*-]+(?=\s))", re.MULTILINE)


def write_wiki(blocks: Sequence[Node]) -> str:
    """The blocks as wiki text, in which no text means more than it says."""
    return "\n\n".join(_block(block) for block in blocks)


def _block(block: Node) -> str:
    content = block.get("content", [])
    match block["type"]:
        case "heading":
            written = f"h{block['attrs']['level']}. {_line(content)}"
        case "codeBlock":
            written = _code(content[0]["text"] if content else "", block.get("attrs", {}).get("language", ""))
        case "bulletList" | "orderedList":
            written = "\n".join(_items(block, ""))
        case "blockquote":
            written = f"{{quote}}\n{write_wiki(content)}\n{{quote}}"
        case "rule":
            written = "----"
        case "table":
            written = "\n".join(_row(row["content"]) for row in content)
        case _:
            written = _LINE_START.sub(lambda match: f"{match[1][0]}{JOINER}{match[1][1:]}", _line(content))
    return written


def _code(content: str, language: str) -> str:
    known = language.lower() in _LANGUAGES and "{code" not in content
    name = "code" if known else "noformat"
    content = re.sub(rf"\{{(?={name})", "{" + JOINER, content, flags=re.IGNORECASE)
    return f"{{{name}{f':{language.lower()}' if known else ''}}}\n{content}\n{{{name}}}"


def _items(block: Node, marks: str) -> Iterator[str]:
    marks += "#" if block["type"] == "orderedList" else "*"
    for item in block["content"]:
        first, *others = item["content"]
        is_text = first["type"] == "paragraph"
        yield f"{marks} {_line(first['content']) if is_text else _block(first)}"
        for other in others:
            if other["type"] in {"bulletList", "orderedList"}:
                yield from _items(other, marks)
            else:
                yield _block(other)


def _row(cells: Sequence[Node]) -> str:
    line = ""
    for cell in cells:
        bar = "||" if cell["type"] == "tableHeader" else "|"
        line += f"{bar}{_line(cell['content'][0]['content']).replace(chr(10), ' ') or ' '}"
    return line + ("||" if cells and cells[-1]["type"] == "tableHeader" else "|")


def _line(nodes: Sequence[Node]) -> str:
    return "".join(_span(node) for node in nodes)


def _span(node: Node) -> str:
    if node["type"] != "text":
        return "\n"
    content = node["text"]
    kinds = {mark["type"]: mark for mark in node.get("marks", [])}
    target = kinds["link"]["attrs"]["href"] if "link" in kinds else ""
    if content == target:
        return content if " " not in content else f"[{content}]"
    if "code" in kinds:
        written = "{{" + _ESCAPES.sub(r"\\\1", content) + "}}"
    else:
        written = _ESCAPES.sub(r"\\\1", content)
        for name, sign in _AROUND.items():
            if name in kinds and content.strip():
                before, inner, after = _trimmed(written)
                written = f"{before}{sign}{inner}{sign}{after}"
    return f"[{written}|{target}]" if target else written


def _trimmed(written: str) -> tuple[str, str, str]:
    """Blanks in front, the rest, blanks behind: a sign next to a blank means nothing."""
    inner = written.strip()
    start = written.index(inner)
    return written[:start], inner, written[start + len(inner) :]
