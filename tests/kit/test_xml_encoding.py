import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.kit.xml_encoding import decode_xml, encode_xml, open_document
from rootcoz.kit.xml_error import XmlError

TEXT = '<?xml version="1.0" encoding="{}"?>\n<a>"Straße"</a>'


def utf8_of(data: bytes, encoding: str | None = None) -> str:
    return b"".join(
        block.utf8 for block in open_document(io.BytesIO(data), encoding=encoding).blocks
    ).decode()


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("ISO-8859-15", "iso8859-15"),
        ("GB18030", "gb18030"),
        ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"),
        ("UTF-32", "utf-32-le"),
        ("UTF-32", "utf-32-be"),
        # What the bytes show counts more than what the declaration says.
        ("UTF-16", "utf-8"),
        ("UTF-8", "utf-16-le"),
    ],
)
def test_a_declared_or_visible_encoding_is_found(label: str, codec: str) -> None:
    text = TEXT.format(label)

    assert utf8_of(text.encode(codec)) == text


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_decides(mark: bytes, codec: str) -> None:
    text = TEXT.format("ISO-8859-1")

    assert utf8_of(mark + text.encode(codec), encoding="windows-1252") == "\ufeff" + text


def test_what_the_transport_says_counts_more_than_the_declaration() -> None:
    text = TEXT.format("ISO-8859-1")

    assert utf8_of(text.encode(), encoding="utf-8") == text


@pytest.mark.parametrize(
    "label", ["UTF-7", "ISO-2022-JP", "cp500", "rot13", "unicode_escape", "no-such-thing", ""]
)
def test_other_encodings_are_refused_by_name(label: str) -> None:
    with pytest.raises(XmlError, match="is not supported; save it as UTF-8"):
        open_document(io.BytesIO(TEXT.format(label).encode()))


def test_bytes_that_are_not_of_the_encoding_are_refused() -> None:
    document = open_document(io.BytesIO(TEXT.format("ascii").encode("latin-1")))

    with pytest.raises(XmlError, match="not text in ascii"):
        list(document.blocks)


def test_a_character_cut_off_at_the_end_is_refused() -> None:
    document = open_document(io.BytesIO("<a>日".encode("utf-16-le")[:-1]))

    with pytest.raises(XmlError, match="not text in utf-16-le"):
        list(document.blocks)


class Trickle(io.BytesIO):
    """Hands out a few bytes at a time, as sockets do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3 if size is None or size < 0 else min(size, 3))


@given(
    text=st.text(alphabet="<>ab ÿ日本語한ä", min_size=1, max_size=400),
    codec=st.sampled_from(["shift_jis", "gbk", "gb18030", "utf-16-le", "utf-32-be", "utf-8", "latin-1"]),
)
def test_every_place_in_the_text_is_found_again_in_the_bytes(text: str, codec: str) -> None:
    text = "<?xml?>" + text.encode(codec, "ignore").decode(codec)
    block_of = {}
    raw_start = 0
    for block in open_document(Trickle(text.encode(codec) + b""), encoding=codec).blocks:
        for offset in range(block.start + 1, block.end + 1):
            block_of[offset] = (block, raw_start)
        raw_start += len(block.raw)

    for count in range(1, len(text) + 1):
        offset = len(text[:count].encode())
        block, before = block_of[offset]
        assert before + block.raw_offset(offset) == len(text[:count].encode(codec))


ROUND_TRIPS = [
    ("utf-8 without declaration", "<testsuite name='Größe €'/>", "utf-8", b""),
    ("utf-8 with a mark", TEXT.format("utf-8"), "utf-8", codecs.BOM_UTF8),
    ("utf-16 little endian", TEXT.format("UTF-16"), "utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16 big endian", TEXT.format("UTF-16"), "utf-16-be", codecs.BOM_UTF16_BE),
    ("utf-16 without a mark", TEXT.format("UTF-16LE"), "utf-16-le", b""),
    ("utf-32", TEXT.format("UTF-32"), "utf-32-le", codecs.BOM_UTF32_LE),
    ("latin-1, line ends of Windows", TEXT.format("ISO-8859-1").replace("\n", "\r\n"), "latin-1", b""),
    ("windows-1252", TEXT.format("windows-1252"), "cp1252", b""),
    ("shift_jis", '<?xml version="1.0" encoding="Shift_JIS"?><a>試験</a>', "shift_jis", b""),
]


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("text", "codec", "mark"), [row[1:] for row in ROUND_TRIPS], ids=[row[0] for row in ROUND_TRIPS]
)
def test_a_document_is_the_same_bytes_again_after_there_and_back(
    text: str, codec: str, mark: bytes, size: int
) -> None:
    raw = mark + text.encode(codec)

    decoded = "".join(decode_xml(raw[at : at + size] for at in range(0, len(raw), size)))

    assert decoded == text
    assert encode_xml(decoded, raw) == raw


def test_what_the_encoding_cannot_hold_becomes_a_character_reference() -> None:
    assert encode_xml("<a>→</a>", b'<?xml version="1.0" encoding="ascii"?>') == b"<a>&#8594;</a>"


def test_a_mark_that_came_back_in_the_text_is_not_doubled() -> None:
    assert encode_xml("\ufeff<a/>", codecs.BOM_UTF8 + b"<a/>") == codecs.BOM_UTF8 + b"<a/>"


def test_bytes_that_are_no_text_are_refused_with_their_place() -> None:
    with pytest.raises(XmlError, match=r"near offset 2004 are not text in utf-8"):
        list(decode_xml([b" " * 2000, b"1234\xff"]))


def test_an_empty_document_is_empty_text() -> None:
    assert "".join(decode_xml([])) == ""
