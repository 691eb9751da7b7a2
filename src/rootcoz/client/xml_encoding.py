"""Which encoding an XML document is in, and the way there and back.

Follows appendix F of the XML 1.0 recommendation (https://www.w3.org/TR/xml/#sec-guessing): the byte order
mark first, then the shape of the first bytes, then the declaration, else UTF-8. Line ends are left alone.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rootcoz.domain.errors import InvalidReport

HEAD_SIZE = 1024
"""Bytes that are enough to tell the encoding: a declaration is far shorter."""

# UTF-32 first: its little-endian mark begins like that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SHAPES = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"))
_DECLARATION = re.compile(rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
# Python's own notations, which happen to be spelt like encodings.
_NOT_FOR_XML = {"unicode-escape", "raw-unicode-escape", "utf-7", "punycode", "idna"}


@dataclass(frozen=True, slots=True)
class XmlEncoding:
    """How a document's text became bytes."""

    codec: str
    mark: bytes = b""
    """The byte order mark the document starts with, if any; no part of the text."""


def detect_encoding(head: bytes) -> XmlEncoding:
    """The encoding of a document that starts with `head` (HEAD_SIZE bytes or all). Raises InvalidReport."""
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return XmlEncoding(codec, mark)
    for shape, codec in _SHAPES:
        if head.startswith(shape):
            return XmlEncoding(codec)
    declared = _DECLARATION.match(head)
    return XmlEncoding(_known(declared[1].decode("ascii")) if declared else "utf-8")


def _known(declared: str) -> str:
    """Python's name of an encoding that a document's ASCII bytes declare."""
    if declared.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        # The declaration was read byte by byte, so the bytes are not what it says: programs that print a text
        # made for UTF-16 into a UTF-8 file are common.
        return "utf-8"
    try:
        codec = codecs.lookup(declared).name
        fits = "<?xml".encode(codec) == b"<?xml" and codec not in _NOT_FOR_XML
    except LookupError:
        fits = False
        codec = ""
    if not fits:
        raise InvalidReport(f"it declares the encoding {declared!r}, which cannot be read; save it as UTF-8")
    return codec


def decode_xml(chunks: Iterable[bytes]) -> Iterator[str]:
    """The document's text, chunk by chunk, without a byte order mark. The first chunk holds the head."""
    pieces = iter(chunks)
    head = next(pieces, b"")
    encoding = detect_encoding(head[:HEAD_SIZE])
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    done = len(encoding.mark)
    try:
        yield decoder.decode(head[done:])
        done = len(head)
        for piece in pieces:
            yield decoder.decode(piece)
            done += len(piece)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise InvalidReport(
            f"it is not valid {encoding.codec.upper()} (near byte {done + error.start}: {error.reason}); "
            "declare the encoding it is really in, or save it as UTF-8"
        ) from error


def encode_xml(text: str, encoding: XmlEncoding) -> bytes:
    """The bytes of `text` as the original document had them; what the encoding lacks becomes a reference."""
    return encoding.mark + text.removeprefix("\ufeff").encode(encoding.codec, "xmlcharrefreplace")
