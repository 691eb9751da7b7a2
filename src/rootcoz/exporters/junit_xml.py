"""Writes answers into the JUnit XML document that the failures came from.

Additions are spliced into the document's own bytes, so everything else stays as it is, byte for byte:
declaration, encoding, comments, CDATA, order, white space. Cases are matched by the ordinal of their
`testcase` element, never by name.

Each enriched case gets a `properties` element (or its first one gets further `property` elements) and a text
block in its first `system-out` (or a new one). New elements stand at the end of the case, where it is known
what else the case has: the frameworks' own readers, Jenkins' among them, take these children in any order.

What is there is never rewritten, so an answer that was written into a document stays. A case whose properties
already hold an answer gets no further properties, and one whose output already holds our block no further
block: enriching twice is the same as enriching once. To replace answers, enrich the original document.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from rootcoz.domain.errors import InvalidReport
from rootcoz.domain.junit_words import (
    BLOCK_END,
    BLOCK_LIMIT,
    BLOCK_START,
    CASE,
    PROPERTIES,
    PROPERTY,
    SUITE,
    SYSTEM_OUT,
)
from rootcoz.exporters.case_enrichment import ANSWER_PROPERTIES, CaseEnrichment, Properties
from rootcoz.kit.head_tail import shortened
from rootcoz.kit.xml_encoding import READ_SIZE, Block, open_document
from rootcoz.kit.xml_error import XmlError
from rootcoz.kit.xml_stream import GuardedParser, legal_text, local_name

REPORT_URL = "report_url"
"""Property of the first suite: where the report about the run can be read."""


def enrich(
    document: BinaryIO,
    cases: Mapping[int, CaseEnrichment],
    *,
    report_url: str = "",
    encoding: str | None = None,
) -> Iterator[bytes]:
    """The document with the additions, piece by piece, in the document's own encoding.

    `cases` maps the ordinal of a `testcase` element, from 0, to what is added to it; ordinals that the
    document does not have are ignored, and without any cases the document is returned as it is, unread.
    `report_url` becomes a property of the first suite unless empty or already there. `encoding` is what the
    transport says about the bytes, if anything. Holds little more than one tag of the document in memory.
    InvalidReport, possibly after the first pieces, for a document that is not well-formed XML or exceeds a
    limit of the parser.
    """
    if not cases:
        while piece := document.read(READ_SIZE):
            yield piece
        return
    try:
        opened = open_document(document, encoding=encoding)
        splicer = _Splicer(cases, report_url, opened.encoding)
        for block in opened.blocks:
            yield from splicer.feed(block)
        yield from splicer.close()
    except XmlError as error:
        raise InvalidReport(f"The report cannot be enriched: {error}.") from error


@dataclass(slots=True)
class _Target:
    """An open element that is added to: an enriched case, or the first suite."""

    name: str
    depth: int
    slash: int | None
    """Offset of the slash when the element has no end tag (`<name/>`)."""
    properties: Properties
    """Still to be placed."""
    answered_by: frozenset[str]
    """Names of properties of which one that is there already is enough."""
    text: str = ""
    """Still to be placed."""


@dataclass(slots=True)
class _Part:
    """An open child of a target into which something is to be put: its first `properties` or `system-out`."""

    name: str
    depth: int
    slash: int | None
    content: str
    answered: bool = False
    """It already holds what would be put in."""


class _Splicer:
    def __init__(self, cases: Mapping[int, CaseEnrichment], report_url: str, encoding: str) -> None:
        self._cases = cases
        self._report_url = report_url
        self._window = _Window(encoding)
        self._parser = GuardedParser(start=self._start, end=self._end)
        self._next_case = 0
        self._targets: list[_Target] = []
        self._part: _Part | None = None
        self._heard = ""

    def feed(self, block: Block) -> Iterator[bytes]:
        self._window.add(block)
        self._parser.feed(block)
        return self._window.take(self._parser.offset)

    def close(self) -> Iterator[bytes]:
        self._parser.close()
        return self._window.take(None)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = local_name(name)
        ordinal = self._next_case
        if tag == CASE:
            self._next_case += 1
        if self._part is not None:
            # Whatever stands inside a part is content, even an element called like a case.
            if tag == PROPERTY and attributes.get("name") in self._targets[-1].answered_by:
                self._part.answered = True
        elif tag == CASE and ordinal in self._cases:
            added = self._cases[ordinal]
            self._open_target(name, added.properties, ANSWER_PROPERTIES, added.text)
        elif tag == SUITE and self._report_url:
            self._open_target(name, ((REPORT_URL, self._report_url),), frozenset({REPORT_URL}))
            self._report_url = ""
        elif self._targets and self._parser.depth == self._targets[-1].depth + 1:
            self._start_child(self._targets[-1], name)

    def _open_target(
        self, name: str, properties: Properties, answered_by: frozenset[str], text: str = ""
    ) -> None:
        slash = self._window.slash(self._parser.offset)
        self._targets.append(_Target(name, self._parser.depth, slash, properties, answered_by, text))

    def _start_child(self, target: _Target, name: str) -> None:
        tag = local_name(name)
        if tag == PROPERTIES and target.properties:
            self._open_part(name, _property_elements(name, target.properties))
            target.properties = ()
        elif tag == SYSTEM_OUT and target.text:
            self._open_part(name, _block(target.text))
            self._heard = ""
            self._parser.listen(self._hear)
            target.text = ""

    def _open_part(self, name: str, content: str) -> None:
        slash = self._window.slash(self._parser.offset)
        self._part = _Part(name, self._parser.depth, slash, content)

    def _hear(self, text: str) -> None:
        """Look for the mark in pieces of text: it may begin in one and end in the next."""
        heard = self._heard + text
        if self._part is not None and BLOCK_START in heard:
            self._part.answered = True
        self._heard = heard[1 - len(BLOCK_START) :]

    def _end(self, _: str) -> None:
        depth = self._parser.depth
        if self._part is not None:
            if depth == self._part.depth:
                self._parser.listen(None)
                self._end_part(self._part)
                self._part = None
        elif self._targets and depth == self._targets[-1].depth:
            self._end_target(self._targets.pop())

    def _end_part(self, part: _Part) -> None:
        if not part.answered:
            self._put_at_end(part.name, part.slash, part.content)

    def _end_target(self, target: _Target) -> None:
        content = ""
        if target.properties:
            content += _element(target.name, PROPERTIES, _property_elements(target.name, target.properties))
        if target.text:
            content += _element(target.name, SYSTEM_OUT, _block(target.text))
        if content:
            self._put_at_end(target.name, target.slash, content)

    def _put_at_end(self, name: str, slash: int | None, content: str) -> None:
        """Put content at the end of the element whose end is being reported."""
        if slash is None:
            self._window.insert(self._parser.offset, content)
            return
        # `<name/>` becomes `<name>content</name>` by insertions alone: its own slash and bracket serve in the
        # end tag.
        self._window.insert(slash, f">{content}<")
        self._window.insert(slash + 1, name)


_START_TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*+>""")


class _Window:
    """The blocks that are parsed but not passed on yet, and what is to be inserted into them."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._blocks: deque[Block] = deque()
        self._inserts: deque[tuple[int, bytes]] = deque()

    def add(self, block: Block) -> None:
        self._blocks.append(block)

    def slash(self, start: int) -> int | None:
        """Offset of the slash of the tag at `start` if that is `<name/>`, else None."""
        tag = self._tag(start)
        return start + len(tag) - 2 if tag.endswith(b"/>") else None

    def insert(self, offset: int, text: str) -> None:
        """Insert before the character at an offset; offsets come in ascending order."""
        self._inserts.append((offset, text.encode(self._encoding, "xmlcharrefreplace")))

    def take(self, limit: int | None) -> Iterator[bytes]:
        """The blocks into which nothing more can be inserted, when later offsets are `limit` or more."""
        while self._blocks and (limit is None or self._blocks[0].end < limit):
            yield from self._spliced(self._blocks.popleft())

    def _spliced(self, block: Block) -> Iterator[bytes]:
        done = 0
        while self._inserts and self._inserts[0][0] <= block.end:
            offset, added = self._inserts.popleft()
            if offset <= block.start:
                raise RuntimeError("an insertion comes after its block was passed on")
            at = block.raw_offset(offset)
            yield block.raw[done:at]
            yield added
            done = at
        yield block.raw[done:]

    def _tag(self, start: int) -> bytes:
        first = next(number for number, block in enumerate(self._blocks) if start < block.end)
        block = self._blocks[first]
        match = _START_TAG.match(block.utf8, start - block.start)
        if match is None:
            # It goes on in the following blocks.
            rest = b"".join(later.utf8 for later in list(self._blocks)[first:])
            match = _START_TAG.match(rest, start - block.start)
        if match is None:
            raise RuntimeError("a start tag was reported that is not in the window")
        return match[0]


def _element(sibling: str, tag: str, content: str) -> str:
    name = _named(sibling, tag)
    return f"<{name}>{content}</{name}>"


def _property_elements(sibling: str, properties: Properties) -> str:
    name = _named(sibling, PROPERTY)
    return "".join(
        f'<{name} name="{_attribute(key)}" value="{_attribute(value)}"/>' for key, value in properties
    )


def _named(sibling: str, tag: str) -> str:
    """`tag` with the namespace prefix of an element that it stands in or beside."""
    prefix, colon, _ = sibling.rpartition(":")
    return prefix + colon + tag


def _block(text: str) -> str:
    """The text block between its marks, within BLOCK_LIMIT, escaped."""
    text = "\n".join(text.splitlines())
    for mark in (BLOCK_START, BLOCK_END):
        text = text.replace(mark, mark.replace("===", "=="))
    return _escaped(f"\n{BLOCK_START}\n{shortened(text, BLOCK_LIMIT)}\n{BLOCK_END}\n")


_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# White space but the blank would be turned into blanks inside an attribute.
_QUOTED = str.maketrans({'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _escaped(text: str) -> str:
    return legal_text(text).translate(_MARKUP)


@lru_cache(maxsize=256)
def _attribute(text: str) -> str:
    return _escaped(text).translate(_QUOTED)
