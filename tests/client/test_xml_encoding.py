import codecs

import pytest

from rootcoz.client.xml_encoding import decode_xml, detect_encoding, encode_xml
from rootcoz.domain.errors import InvalidReport

TEXT = '<?xml version="1.0" encoding="{}"?>\r\n<testsuite name="Größe €">\n</testsuite>\r\n'
LATIN = '<?xml version="1.0" encoding="{}"?>\r\n<testsuite name="Größe">\n</testsuite>\r\n'
DOCUMENTS = [
    ("utf-8 without declaration", "<testsuite name='Größe €'/>", "utf-8", b""),
    ("utf-8", TEXT.format("UTF-8"), "utf-8", b""),
    ("utf-8 with mark", TEXT.format("utf-8"), "utf-8", codecs.BOM_UTF8),
    ("utf-16 little endian", TEXT.format("UTF-16"), "utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16 big endian", TEXT.format("UTF-16"), "utf-16-be", codecs.BOM_UTF16_BE),
    ("utf-16 without mark", TEXT.format("UTF-16LE"), "utf-16-le", b""),
    ("utf-32", TEXT.format("UTF-32"), "utf-32-le", codecs.BOM_UTF32_LE),
    ("latin-1", LATIN.format("ISO-8859-1"), "iso-8859-1", b""),
    ("windows-1252", TEXT.format("windows-1252"), "cp1252", b""),
    ("shift_jis", '<?xml version="1.0" encoding="Shift_JIS"?><testsuite name="試験"/>', "shift_jis", b""),
]


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("text", "codec", "mark"), [row[1:] for row in DOCUMENTS], ids=[row[0] for row in DOCUMENTS]
)
def test_a_document_is_the_same_bytes_again_after_there_and_back(
    text: str, codec: str, mark: bytes, size: int
) -> None:
    raw = mark + text.encode(codec)
    head = max(size, 200)  # the first chunk holds the head

    decoded = "".join(decode_xml([raw[:head], *(raw[at : at + size] for at in range(head, len(raw), size))]))

    assert decoded == text
    assert encode_xml(decoded, detect_encoding(raw)) == raw


def test_what_the_encoding_cannot_hold_becomes_a_character_reference() -> None:
    encoding = detect_encoding(b'<?xml version="1.0" encoding="ascii"?>')

    assert encode_xml("<a>→</a>", encoding) == b"<a>&#8594;</a>"


def test_a_mark_that_came_back_in_the_text_is_not_doubled() -> None:
    encoding = detect_encoding(codecs.BOM_UTF8 + b"<a/>")

    assert encode_xml("\ufeff<a/>", encoding) == codecs.BOM_UTF8 + b"<a/>"


@pytest.mark.parametrize("name", ["klingon", "rot13", "unicode_escape", "utf-7", "hex"])
def test_an_encoding_that_no_document_can_be_in_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidReport) as caught:
        detect_encoding(f'<?xml version="1.0" encoding="{name}"?>'.encode())

    assert repr(name) in str(caught.value)


def test_bytes_that_are_not_of_the_encoding_are_refused_with_their_place() -> None:
    with pytest.raises(InvalidReport) as caught:
        list(decode_xml([b"<testsuite>1234", b"1234\xff</testsuite>"]))

    assert "not valid UTF-8 (near byte 19:" in str(caught.value)


def test_a_wide_encoding_declared_in_single_bytes_is_read_as_utf_8() -> None:
    assert detect_encoding(b'<?xml version="1.0" encoding="utf-16"?><a/>').codec == "utf-8"


def test_an_empty_document_is_empty_text() -> None:
    assert "".join(decode_xml([])) == ""
