"""The encoding of an XML document, and its bytes as text: the way there and back.

An XML parser here only ever sees UTF-8. A document in another encoding is decoded block by block; each block
remembers the bytes it came from, so that a place in the UTF-8 text can be found again in the document. Whoever
wants the text alone takes `decode_xml`, and `encode_xml` makes the document's own bytes of it again.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from encodings.aliases import aliases
from itertools import chain
from typing import BinaryIO

from rootcoz.kit.xml_error import XmlError

READ_SIZE = 64 * 1024
"""Bytes read, and parsed, at a time: short enough that one call of the parser takes a millisecond or two."""

TRANSCODED_READ_SIZE = 8 * 1024
"""As READ_SIZE, for a document that is not in UTF-8: tracing a place back decodes its block several times."""

DECLARATION_LIMIT = 1024
"""The XML declaration must end within so many bytes, or the encoding it names is not seen."""

_UTF_8 = "utf_8"

# Text encodings in which every byte below 0x80 that XML's markup uses means what it means in ASCII, and which
# have no shift states. Stateful ones (ISO-2022, HZ, UTF-7) are left out: added text cannot be spliced into
# them safely, and they can hide markup from other readers.
_ASCII_COMPATIBLE = frozenset(
    {
        _UTF_8,
        "ascii",
        "latin_1",
        *(f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
        *(f"cp{page}" for page in range(1250, 1259)),
        *(
            f"cp{page}"
            for page in (437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 865, 866)
        ),
        *(f"cp{page}" for page in (874, 932, 949, 950)),
        *("koi8_r", "koi8_u", "kz1048", "mac_roman", "mac_cyrillic", "mac_latin2", "tis_620"),
        *("shift_jis", "euc_jp", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "euc_kr", "johab"),
    }
)
_WIDE = frozenset({"utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be"})

# What programs call by the name of the small standard is mostly the vendor's superset of it.
_DECODED_AS = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, _UTF_8),
    (codecs.BOM_UTF32_LE, "utf_32_le"),  # before UTF-16's, which it starts with
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)
_MARK = "\ufeff"
# The first character of a document without a byte order mark is "<", or white space before the root.
_FIRST_BYTES = (
    (re.compile(rb"[<\s]\0\0\0"), "utf_32_le"),
    (re.compile(rb"\0\0\0[<\s]"), "utf_32_be"),
    (re.compile(rb"[<\s]\0[^\0]\0"), "utf_16_le"),
    (re.compile(rb"\0[<\s]\0[^\0]"), "utf_16_be"),
)
_DECLARED = re.compile(rb"""<\?xml\s[^>]*?\sencoding\s*=\s*["']([^"'<>]{0,100})["']""")


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a document."""

    start: int
    """Offset of `utf8` within the whole document's UTF-8."""
    utf8: bytes
    raw: bytes
    """The document's own bytes of this stretch; a character's first bytes may be in the block before."""
    codec: str
    state: tuple[bytes, int] | None
    """State of the decoder before `raw`; None when `raw` is the UTF-8 itself."""

    @property
    def end(self) -> int:
        """Offset behind the block."""
        return self.start + len(self.utf8)

    def raw_offset(self, utf8_offset: int) -> int:
        """Where in `raw` the character that ends at an offset of the whole UTF-8 ends.

        The offset is in (start, end] and at a character's edge.
        """
        wanted = utf8_offset - self.start
        if self.state is None or wanted == 0:
            return wanted
        characters = len(self.utf8[:wanted].decode())
        low, high = 0, len(self.raw)
        while low < high:
            middle = (low + high) // 2
            decoder = codecs.getincrementaldecoder(self.codec)()
            decoder.setstate(self.state)
            if len(decoder.decode(self.raw[:middle])) < characters:
                low = middle + 1
            else:
                high = middle
        return low


@dataclass(frozen=True, slots=True)
class Document:
    """An opened document."""

    encoding: str
    """Name of Python's codec with which to encode text that is to be put into the document."""
    blocks: Iterator[Block]
    """All of it, in order; raises XmlError where the bytes are not of the encoding."""


def open_document(stream: BinaryIO, *, encoding: str | None = None) -> Document:
    """Find out the encoding and read the document lazily.

    A byte order mark says more than `encoding` (what the transport said), which says more than the pattern of
    the first bytes, which says more than the XML declaration (https://www.w3.org/TR/xml/#sec-guessing, RFC
    7303). XmlError for an empty document and for an encoding that cannot be read.
    """
    head = _head_of(iter(lambda: stream.read(READ_SIZE), b""))
    if not head:
        raise XmlError("it is empty")
    name = _encoding_of(head, encoding)
    return Document(encoding=name, blocks=_blocks(_chunks(head, stream, name), name))


def decode_xml(chunks: Iterable[bytes]) -> Iterator[str]:
    """The document's text, chunk by chunk, without a byte order mark. An empty document is empty text.

    XmlError as for `open_document`.
    """
    pieces = iter(chunks)
    head = _head_of(pieces)
    codec = _codec_of(head)
    decoder = codecs.getincrementaldecoder(codec)()
    done = 0
    for piece in chain([head], pieces):
        with _bytes_of(codec, done):
            text = decoder.decode(piece)
        yield text if done else text.removeprefix(_MARK)
        done += len(piece)
    with _bytes_of(codec, done):
        yield decoder.decode(b"", final=True)


def encode_xml(text: str, original: bytes) -> bytes:
    """`text` in the encoding, and with the byte order mark if any, of a document that begins with `original`.

    Of `original` DECLARATION_LIMIT bytes are enough. What the encoding lacks becomes a character reference. XmlError as
    for `open_document`.
    """
    mark = next((mark for mark, _ in _BYTE_ORDER_MARKS if original.startswith(mark)), b"")
    return mark + text.removeprefix(_MARK).encode(_codec_of(original), "xmlcharrefreplace")


def _head_of(pieces: Iterator[bytes]) -> bytes:
    head = b""
    while len(head) < DECLARATION_LIMIT and (more := next(pieces, b"")):
        head += more
    return head


def _codec_of(head: bytes) -> str:
    name = _encoding_of(head, None)
    return _DECODED_AS.get(name, name)


def _encoding_of(head: bytes, said: str | None) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    pattern = next((name for first, name in _FIRST_BYTES if first.match(head)), None)
    if said is not None:
        name = _known(said)
        # A name that leaves the order of the bytes open is settled by the bytes.
        return (pattern or f"{name}_le") if name in {"utf_16", "utf_32"} else name
    if pattern is not None:
        return pattern
    declared = _DECLARED.match(head[:DECLARATION_LIMIT])
    name = _known(declared[1].decode("latin-1")) if declared else _UTF_8
    # The declaration could be read byte by byte, so the document is not in a wide encoding whatever it says:
    # programs that print a UTF-16 string declaration into a UTF-8 file are common.
    return _UTF_8 if name in _WIDE else name


def _known(label: str) -> str:
    key = re.sub(r"[^a-z0-9]+", "_", label.strip().lower()).removesuffix("_sig")
    name = aliases.get(key, key)
    if name not in _ASCII_COMPATIBLE and name not in _WIDE:
        raise XmlError(f"its encoding {label[:40]!r} is not supported; save it as UTF-8")
    return name


def _chunks(head: bytes, stream: BinaryIO, name: str) -> Iterator[bytes]:
    size = READ_SIZE if name == _UTF_8 else TRANSCODED_READ_SIZE
    for at in range(0, len(head), size):
        yield head[at : at + size]
    while chunk := stream.read(size):
        yield chunk


def _blocks(chunks: Iterator[bytes], name: str) -> Iterator[Block]:
    if name == _UTF_8:
        return _utf8_blocks(chunks)
    return _decoded_blocks(chunks, _DECODED_AS.get(name, name))


def _utf8_blocks(chunks: Iterator[bytes]) -> Iterator[Block]:
    start = 0
    for chunk in chunks:
        yield Block(start=start, utf8=chunk, raw=chunk, codec=_UTF_8, state=None)
        start += len(chunk)


def _decoded_blocks(chunks: Iterator[bytes], codec: str) -> Iterator[Block]:
    decoder = codecs.getincrementaldecoder(codec)()
    start = raw_start = 0
    for chunk in chunks:
        state = decoder.getstate()
        with _bytes_of(codec, raw_start):
            utf8 = decoder.decode(chunk).encode()
        yield Block(start=start, utf8=utf8, raw=chunk, codec=codec, state=state)
        start += len(utf8)
        raw_start += len(chunk)
    with _bytes_of(codec, raw_start):
        decoder.decode(b"", final=True)


@contextmanager
def _bytes_of(codec: str, offset: int) -> Iterator[None]:
    """Raise XmlError for bytes, from `offset` of the document on, that are not text in `codec`."""
    try:
        yield
    except UnicodeError as error:
        # UnicodeEncodeError too: some decoders let lone surrogates through.
        near = offset + error.start if isinstance(error, UnicodeDecodeError) else offset
        raise XmlError(
            f"its bytes near offset {near} are not text in {codec.replace('_', '-')}, the encoding it"
            " is said to be in; correct the XML declaration or save it as UTF-8"
        ) from error
