import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.kit.tar_stream import BLOCK, Member, MemberKind, TarDamaged, TarStream, is_header

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
LONG_NAME = "/".join(["a-rather-long-folder-name"] * 12) + "/é.txt"


def packed(members: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    stream = TarStream(io.BytesIO(data))
    content = {}
    for member in stream:
        pieces = []
        while piece := stream.read(700):
            pieces.append(piece)
        content[member.name] = b"".join(pieces)
    return content


@pytest.mark.parametrize("form", FORMATS)
def test_names_and_contents_are_read_in_every_format(form: int) -> None:
    members = {"a.txt": b"one", "b/empty": b"", "c/" + "n" * 90: bytes(range(256)) * 5}

    assert unpacked(packed(members, form)) == members


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_read(form: int) -> None:
    assert unpacked(packed({LONG_NAME: b"x", "after": b"y"}, form)) == {LONG_NAME: b"x", "after": b"y"}


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1), st.binary())
)
def test_whatever_python_packs_is_read(members: dict[str, bytes]) -> None:
    assert unpacked(packed(members)) == members


def test_kinds_are_told() -> None:
    target = io.BytesIO()
    kinds = {
        "folder": tarfile.DIRTYPE,
        "link": tarfile.SYMTYPE,
        "hard": tarfile.LNKTYPE,
        "pipe": tarfile.FIFOTYPE,
        "device": tarfile.CHRTYPE,
        "old": tarfile.AREGTYPE,
    }
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type = kind
            archive.addfile(info)
    found = [member.kind for member in TarStream(io.BytesIO(target.getvalue()))]

    assert found == [
        MemberKind.FOLDER,
        MemberKind.LINK,
        MemberKind.LINK,
        MemberKind.OTHER,
        MemberKind.OTHER,
        MemberKind.FILE,
    ]


def test_what_is_not_read_is_skipped() -> None:
    names = [member.name for member in TarStream(io.BytesIO(packed({"a": bytes(5_000), "b": b"x"})))]

    assert names == ["a", "b"]


def test_an_archive_without_its_last_blocks_or_padding_is_read() -> None:
    data = packed({"a": b"one"}, tarfile.USTAR_FORMAT)

    assert unpacked(data[: BLOCK * 2]) == {"a": b"one"}
    assert unpacked(data[: BLOCK + 3]) == {"a": b"one"}


@pytest.mark.parametrize("length", [100, BLOCK + 100, BLOCK * 3 + 10])
def test_a_cut_archive_is_damaged(length: int) -> None:
    data = packed({"a": bytes(600), "b": b"x"})

    with pytest.raises(TarDamaged):
        unpacked(data[:length])


def test_a_header_of_absurd_length_is_not_read_into_memory() -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type = tarfile.GNUTYPE_LONGNAME
    info.size = 8_000_000_000
    data = info.tobuf(tarfile.GNU_FORMAT)

    with pytest.raises(TarDamaged, match="longer than any"):
        next(iter(TarStream(io.BytesIO(data))))


def test_a_binary_size_is_understood() -> None:
    info = tarfile.TarInfo("big")
    info.size = 10_000_000_000
    data = info.tobuf(tarfile.GNU_FORMAT)

    assert next(iter(TarStream(io.BytesIO(data)))) == Member("big", MemberKind.FILE, 10_000_000_000)


@given(st.binary(max_size=3 * BLOCK))
def test_noise_is_either_read_or_damaged(data: bytes) -> None:
    if is_header(data[:BLOCK]):
        return
    try:
        found = list(TarStream(io.BytesIO(data)))
    except TarDamaged:
        return

    assert found == []
