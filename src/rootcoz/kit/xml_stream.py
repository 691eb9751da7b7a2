"""Python's expat fed piece by piece, with refusals of our own that do not depend on expat's version.

No DTD means no entity but the five built-in ones, so a document is never more text than its bytes.
"""

import re
from collections.abc import Callable
from xml.parsers import expat

from rootcoz.kit.xml_encoding import Block
from rootcoz.kit.xml_error import XmlError

DEPTH_LIMIT = 200
"""Elements inside one another."""

TOKEN_LIMIT = 1024 * 1024
"""Bytes of one tag, comment or processing instruction. Expat holds all of it, and old versions of expat scan
it again from its start for every piece that arrives."""

ATTRIBUTE_LIMIT = 256
"""Attributes of one element."""

NAME_LIMIT = 10_000
"""Different names of elements and attributes; expat and Python remember each until the document ends."""

TEXT_PIECE = 16 * 1024
"""Bytes of text handed over at a time, at most."""

_CUT_OFF = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)

StartElement = Callable[[str, dict[str, str]], None]
EndElement = Callable[[str], None]
Text = Callable[[str], None]


class GuardedParser:
    """Calls back for elements, and for text while `listen` says so.

    Raises XmlError and nothing else of its own; what a callback raises goes through. Names come as written,
    with their prefix: namespaces are not resolved (`local_name`).
    """

    def __init__(self, *, start: StartElement, end: EndElement) -> None:
        self._start = start
        self._depth = 0
        self._fed = 0
        self._end = end
        # The name given here overrides what the declaration says: the blocks are UTF-8 always.
        parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        parser.buffer_size = TEXT_PIECE
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        # Called before the first entity could be declared.
        parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser = parser

    @property
    def depth(self) -> int:
        """Elements open, the one being reported included."""
        return self._depth

    @property
    def offset(self) -> int:
        """Offset in the UTF-8 of what is being reported; between blocks, of what has not been reported yet.

        Of a tag it is that of its `<`. The end of an element without an end tag (`<a/>`) is behind the tag.
        """
        return self._parser.CurrentByteIndex

    def listen(self, text: Text | None) -> None:
        """Have text reported to `text` from here on, or to nobody."""
        self._parser.CharacterDataHandler = text

    def feed(self, block: Block) -> None:
        """Parse the next block."""
        self._fed += len(block.utf8)
        self._parse(block.utf8, final=False)
        if self._fed - self._parser.CurrentByteIndex > TOKEN_LIMIT:
            raise XmlError(
                f"it has a tag or comment longer than {TOKEN_LIMIT:,} bytes"
                f" (line {self._parser.CurrentLineNumber}); move long texts from attributes into elements"
            )
        if len(self._parser.intern) > NAME_LIMIT:
            raise XmlError(f"it has more than {NAME_LIMIT:,} different element and attribute names")

    def close(self) -> None:
        """Say that the last block was fed."""
        self._parse(b"", final=True)

    def _parse(self, data: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            where = f"line {error.lineno}, column {error.offset + 1}"
            if final and error.code in _CUT_OFF:
                raise XmlError(f"it ends too early ({where}); send the whole document") from error
            what = expat.ErrorString(error.code)
            raise XmlError(f"it is not well-formed XML: {what} ({where}); correct it there") from error

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise XmlError(f"its elements are nested deeper than {DEPTH_LIMIT}")
        if len(attributes) > ATTRIBUTE_LIMIT:
            raise XmlError(f"one of its elements has more than {ATTRIBUTE_LIMIT} attributes")
        self._start(name, attributes)

    def _on_end(self, name: str) -> None:
        self._end(name)
        self._depth -= 1


def local_name(name: str) -> str:
    """The name without its namespace prefix."""
    return name.rpartition(":")[2]


_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal_text(text: str) -> str:
    """`text` with each character that XML 1.0 cannot hold replaced by U+FFFD, one for one."""
    return _ILLEGAL.sub("\ufffd", text)


def _refuse_doctype(*_: object) -> None:
    raise XmlError("it has a document type declaration (<!DOCTYPE …>), which is never read; remove it")
