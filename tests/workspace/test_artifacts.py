import asyncio
import bz2
import gzip
import io
import lzma
import os
import resource
import signal
import stat
import struct
import tarfile
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard

from rootcoz.workspace.artifacts import UnpackReport, unpack, unpack_in_thread
from rootcoz.workspace.unpack_limits import UnpackLimits

Content = dict[str, bytes]


def zipped(content: Content, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target.getvalue()


def tarred(content: Content) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "outer" / "build-artifacts"


@pytest.fixture
def unpacking(tmp_path: Path, into: Path) -> Callable[..., UnpackReport]:
    def run(data: bytes, name: str = "archive", **limits: float) -> UnpackReport:
        archive = tmp_path / name
        archive.write_bytes(data)
        return unpack(archive, into, UnpackLimits(**limits))  # type: ignore[arg-type]

    return run


Unpacking = Callable[..., UnpackReport]


def found(folder: Path) -> Content:
    """Contents of all files below the folder, by relative path."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def notes(report: UnpackReport) -> str:
    return "\n".join(report.notes)


# --- formats -------------------------------------------------------------------------------------

CONTENT = {"a.txt": b"one", "sub/b.log": b"two\n" * 1000, "sub/empty": b""}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(zipped(CONTENT), id="zip"),
        pytest.param(zipped(CONTENT, zipfile.ZIP_BZIP2), id="zip with bzip2"),
        pytest.param(tarred(CONTENT), id="tar"),
        pytest.param(gzip.compress(tarred(CONTENT)), id="tar.gz"),
        pytest.param(bz2.compress(tarred(CONTENT)), id="tar.bz2"),
        pytest.param(lzma.compress(tarred(CONTENT)), id="tar.xz"),
        pytest.param(zstandard.compress(tarred(CONTENT)), id="tar.zst"),
    ],
)
def test_every_format_is_told_by_its_content(unpacking: Unpacking, into: Path, data: bytes) -> None:
    report = unpacking(data, "misnamed.html")

    assert found(into) == CONTENT
    assert (report.files, report.archives, report.complete, report.notes) == (3, 1, True, ())
    assert report.total_bytes == sum(len(part) for part in CONTENT.values())


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstandard.compress)],
)
def test_a_single_packed_file_loses_its_suffix(
    unpacking: Unpacking, into: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    unpacking(compress(b"line\n" * 50_000), f"console.log{suffix}")

    assert found(into) == {"console.log": b"line\n" * 50_000}


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_streams_one_after_the_other_are_one_file(
    unpacking: Unpacking, into: Path, compress: Callable[[bytes], bytes]
) -> None:
    unpacking(compress(b"one\n" * 700) + compress(b"two\n"), "log")

    assert found(into) == {"log.unpacked": b"one\n" * 700 + b"two\n"}


def test_what_is_no_archive_is_noted(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(b"<html>Sign in</html>", "archive.zip")

    assert report.files == 0
    assert "archive.zip: Left packed, in a format that is not read here" in notes(report)


def test_files_are_private_and_not_executable(unpacking: Unpacking, into: Path) -> None:
    info = tarfile.TarInfo("run.sh")
    info.mode = 0o6777
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(info)
    unpacking(target.getvalue())

    assert stat.S_IMODE((into / "run.sh").stat().st_mode) == 0o600


# --- nesting -------------------------------------------------------------------------------------


def test_nested_archives_become_folders_of_their_name(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(
        zipped(
            {
                "logs.zip": zipped({"x/a.log": b"a"}),
                "more.tar.gz": gzip.compress(tarred({"b.log": b"b"})),
                "sub/console.log.gz": gzip.compress(b"c"),
            }
        )
    )

    assert found(into) == {"logs.zip/x/a.log": b"a", "more.tar.gz/b.log": b"b", "sub/console.log": b"c"}
    assert (report.files, report.archives, report.total_bytes) == (3, 4, 3)


def test_ten_levels_are_opened_to_the_limit(unpacking: Unpacking, into: Path) -> None:
    data = zipped({"deep.txt": b"deep"})
    for _ in range(9):
        data = zipped({"n.zip": data, "beside.txt": b"x"})
    report = unpacking(data, max_depth=3)

    assert sorted(found(into)) == [
        "beside.txt",
        "n.zip/beside.txt",
        "n.zip/n.zip/beside.txt",
        "n.zip/n.zip/n.zip",
    ]
    assert "nested too deep: 1 (n.zip)" in notes(report)


def test_a_nested_archive_that_gives_nothing_stays_packed(unpacking: Unpacking, into: Path) -> None:
    damaged = b"PK\x03\x04 no more of it"
    report = unpacking(zipped({"bad.zip": damaged, "good.txt": b"good"}))

    assert found(into) == {"bad.zip": damaged, "good.txt": b"good"}
    assert "being damaged: 1 (bad.zip)" in notes(report)
    assert (report.files, report.complete) == (2, False)


def test_programs_stay_packed(unpacking: Unpacking, into: Path) -> None:
    jar = zipped({"A.class": b"\xca\xfe"})
    report = unpacking(zipped({"app.jar": jar}))

    assert found(into) == {"app.jar": jar}
    assert "programs or documents: 1 (app.jar)" in notes(report)


def test_nothing_is_left_of_the_archives_that_were_opened(unpacking: Unpacking, into: Path) -> None:
    unpacking(zipped({"a.zip": zipped({"b.zip": zipped({"c": b"c"})})}))

    assert [path.name for path in into.rglob("*")] == ["a.zip", "b.zip", "c"]


# --- hostile entries -----------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "..\\evil", "\\evil", "C:\\evil", "c:evil", "a/.."]
)
def test_paths_that_lead_out_are_left_out(
    unpacking: Unpacking, into: Path, tmp_path: Path, pack: Callable[[Content], bytes], name: str
) -> None:
    report = unpacking(pack({name: b"evil", "good": b"good"}))

    assert found(tmp_path / "outer") == {"build-artifacts/good": b"good"}
    assert "lead out of the archive: 1" in notes(report)


def test_links_and_devices_of_a_tar_are_left_out(unpacking: Unpacking, into: Path, tmp_path: Path) -> None:
    target = io.BytesIO()
    outside = tmp_path / "outside"
    outside.mkdir()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(special("to-outside", tarfile.SYMTYPE, str(outside)))
        info = tarfile.TarInfo("to-outside/evil")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))
        archive.addfile(special("hard", tarfile.LNKTYPE, "/etc/passwd"))
        archive.addfile(special("pipe", tarfile.FIFOTYPE))
        archive.addfile(special("device", tarfile.BLKTYPE))
    report = unpacking(target.getvalue())

    assert found(into) == {"to-outside/evil": b"evil"}
    assert list(outside.iterdir()) == []
    assert "being links: 2 (to-outside, hard)" in notes(report)
    assert "devices, pipes or files with holes: 2 (pipe, device)" in notes(report)


def test_links_of_a_zip_are_left_out(unpacking: Unpacking, into: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    report = unpacking(target.getvalue())

    assert found(into) == {}
    assert "being links: 1 (link)" in notes(report)


def test_a_link_that_stands_in_the_target_is_not_written_through(
    unpacking: Unpacking, into: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    into.mkdir(parents=True)
    (into / "folder").symlink_to(outside)
    (into / "file").symlink_to(outside / "file")
    unpacking(zipped({"folder/a": b"a", "file": b"b"}))

    assert list(outside.iterdir()) == []
    assert found(into) == {"folder~2/a": b"a", "file~2": b"b"}


def test_git_s_own_data_is_left_out(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(zipped({"r/.git/config": b"[core]\nfsmonitor = evil", "r/.GIT/x": b"x", "r/a": b"a"}))

    assert found(into) == {"r/a": b"a"}
    assert "git's own data: 2" in notes(report)


# --- odd names -----------------------------------------------------------------------------------


def test_names_that_differ_in_case_are_kept_apart(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(zipped({"Log.txt": b"1", "log.txt": b"2", "LOG.TXT": b"3"}))

    assert found(into) == {"Log.txt": b"1", "log~2.txt": b"2", "LOG~3.TXT": b"3"}
    assert "Renamed" in notes(report)
    assert report.left_out == 0


def test_a_name_that_comes_twice_is_kept_twice(unpacking: Unpacking, into: Path) -> None:
    data = tarred({"a": b"1"})[:1024] + tarred({"a": b"2"})
    unpacking(data)

    assert found(into) == {"a": b"1", "a~2": b"2"}


def test_a_file_and_a_folder_of_one_name_are_kept_apart(unpacking: Unpacking, into: Path) -> None:
    unpacking(tarred({"a": b"1", "a/b": b"2", "a/c": b"3"}))

    assert found(into) == {"a": b"1", "a~2/b": b"2", "a~2/c": b"3"}


def test_very_long_names_are_shortened(unpacking: Unpacking, into: Path) -> None:
    unpacking(tarred({"n" * 300 + ".xml": b"1", "n" * 301 + ".xml": b"2", "é" * 200: b"3"}))

    assert sorted(found(into).values()) == [b"1", b"2", b"3"]
    assert all(len(os.fsencode(name)) <= 200 for name in found(into))
    assert sum(name.endswith(".xml") for name in found(into)) == 2


def test_very_long_and_deep_paths_are_left_out(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(tarred({"d/" * 60 + "x": b"1", ("e" * 150 + "/") * 10 + "x": b"2", "ok": b"3"}))

    assert found(into) == {"ok": b"3"}
    assert "too long or too deep: 2" in notes(report)


def test_names_that_do_not_print_are_made_to(unpacking: Unpacking, into: Path) -> None:
    unpacking(tarred({"a\nb\x1b[31m\u202e.txt": b"1", "caf\udce9": b"2"}))

    assert found(into) == {"a_b_[31m_.txt": b"1", "caf_": b"2"}


def test_ten_thousand_files_are_unpacked(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(tarred({f"r/{number % 100}/{number}.txt": b"x" for number in range(10_000)}))

    assert (report.files, report.complete) == (10_000, True)
    assert sum(len(files) for _, _, files in os.walk(into)) == 10_000


# --- bombs and limits ----------------------------------------------------------------------------


def test_an_archive_that_grows_out_of_proportion_is_stopped(unpacking: Unpacking, into: Path) -> None:
    data = zipped({"zeros": bytes(60_000_000), "after": b"x"})
    report = unpacking(data, ratio_free_bytes=1_000_000)

    assert found(into) == {}
    assert "more than 200 times its own size" in notes(report)
    assert not report.complete


def test_nested_bombs_count_as_one(unpacking: Unpacking, into: Path) -> None:
    layer = zipped({f"{number}": bytes(4_000_000) for number in range(5)})
    report = unpacking(zipped({f"{number}.zip": layer for number in range(20)}), ratio_free_bytes=1_000_000)

    assert report.total_bytes < 200 * len(zipped({f"{number}.zip": layer for number in range(20)}))
    assert "more than 200 times its own size" in notes(report)


def test_the_total_size_is_bounded(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(tarred({"a": bytes(600_000), "b": bytes(600_000), "c": b"x"}), max_bytes=1_000_000)

    assert sorted(found(into)) == ["a"]
    assert "stopped at 1 MB" in notes(report)
    assert report.total_bytes == 600_000


def test_the_number_of_files_is_bounded(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(tarred({str(number): b"" for number in range(50)}), max_files=20)

    assert len(found(into)) == report.files == 20
    assert "stopped after 20 files" in notes(report)


def test_a_zip_with_too_long_a_directory_is_not_opened(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(zipped({f"{'n' * 50}{number}": b"" for number in range(1_000)}), max_files=20)

    assert report.files == 0
    assert "listing more files than are unpacked" in notes(report)


def test_the_time_is_bounded(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(zipped({"a": b"a"}), max_seconds=-1)

    assert "stopped after -1 seconds" in notes(report)


def test_memory_stays_small(unpacking: Unpacking, into: Path) -> None:
    data = gzip.compress(tarred({"noise": os.urandom(1_000) * 40_000}), 1)
    tracemalloc.start()
    try:
        unpacking(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (into / "noise").stat().st_size == 40_000_000
    assert peak < 4_000_000


def test_an_xz_file_cannot_claim_much_memory(unpacking: Unpacking, into: Path) -> None:
    filters = [
        {
            "id": lzma.FILTER_LZMA2,
            "dict_size": 1 << 28,
            "mode": lzma.MODE_FAST,
            "mf": lzma.MF_HC3,
            "nice_len": 8,
        }
    ]
    compressor = lzma.LZMACompressor(lzma.FORMAT_XZ, filters=filters)
    report = unpacking(compressor.compress(b"x" * 10) + compressor.flush(), "log.xz")

    assert "being damaged: 1 (log.xz)" in notes(report)


def test_a_file_with_holes_is_left_out(unpacking: Unpacking, into: Path) -> None:
    info = tarfile.TarInfo("sparse")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": "99999999999",
    }
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    report = unpacking(target.getvalue())

    assert found(into) == {}
    assert "files with holes: 1 (sparse)" in notes(report)


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_what_was_read_of_a_cut_file_is_kept_and_said_to_be_cut(
    unpacking: Unpacking, into: Path, compress: Callable[[bytes], bytes]
) -> None:
    whole = os.urandom(1_500_000)
    report = unpacking(compress(whole)[:1_200_000], "console.log.packed")
    (content,) = found(into).values()

    assert 200_000 < len(content) < 1_300_000
    assert whole.startswith(content)
    assert "cut off: 1" in notes(report)
    assert not report.complete


@pytest.mark.parametrize("pack", [tarred, lambda content: gzip.compress(tarred(content))])
def test_what_was_read_of_a_cut_tar_is_kept(
    unpacking: Unpacking, into: Path, pack: Callable[[Content], bytes]
) -> None:
    report = unpacking(pack({"a": b"whole", "b": os.urandom(1_000_000)})[:500_000], "cut.tar")

    assert found(into)["a"] == b"whole"
    assert 0 < len(found(into)["b"]) < 1_000_000
    assert (report.left_out, report.complete) == (1, False)


def test_a_cut_zip_is_noted(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(zipped({"a": os.urandom(10_000)})[:5_000], "cut.zip")

    assert "being damaged: 1 (cut.zip)" in notes(report)


def test_a_damaged_entry_does_not_sink_the_others(unpacking: Unpacking, into: Path) -> None:
    data = bytearray(zipped({"bad": b"b" * 1_000, "good": b"good"}, zipfile.ZIP_STORED))
    data[data.index(b"bbbb") + 500] ^= 1
    report = unpacking(bytes(data))

    assert found(into)["good"] == b"good"
    assert (report.left_out, report.complete) == (1, False)


def test_an_encrypted_entry_is_noted(unpacking: Unpacking, into: Path) -> None:
    data = bytearray(zipped({"secret": b"x", "plain": b"y"}))
    flags = data.index(b"PK\x01\x02") + 8
    struct.pack_into("<H", data, flags, 1)
    report = unpacking(bytes(data))

    assert found(into) == {"plain": b"y"}
    assert "being encrypted: 1 (secret)" in notes(report)


def test_a_method_that_is_not_read_is_noted(unpacking: Unpacking, into: Path) -> None:
    report = unpacking(zipped({"a": b"a"}, zipfile.ZIP_LZMA))

    assert "in a format that is not read here: 1 (a)" in notes(report)


def test_a_full_disk_is_noted(unpacking: Unpacking, into: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        data = tarred({"small": b"x", "big": os.urandom(3_000_000)})
        archive = into.parent.parent / "a.tar"
        archive.write_bytes(data)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limit[1]))
        report = unpack(archive, into)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)

    assert found(into) == {"small": b"x"}
    assert "nothing more can be written" in notes(report)


def test_a_folder_of_an_earlier_archive_is_added_to(unpacking: Unpacking, into: Path) -> None:
    unpacking(zipped({"logs/a": b"first"}))
    unpacking(zipped({"logs/a": b"second", "logs/b": b"third"}))

    assert found(into) == {"logs/a": b"first", "logs/a~2": b"second", "logs/b": b"third"}


def _flips(data: bytes) -> Iterable[bytes]:
    for position in range(0, len(data), 7):
        yield data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


@pytest.mark.parametrize(
    "pack",
    [
        zipped,
        tarred,
        lambda content: gzip.compress(tarred(content)),
        lambda content: lzma.compress(tarred(content)),
        lambda content: zstandard.compress(tarred(content)),
        lambda content: bz2.compress(tarred(content)),
    ],
)
def test_no_flipped_byte_raises_or_leads_out(tmp_path: Path, pack: Callable[[Content], bytes]) -> None:
    archive = tmp_path / "archive"
    for number, data in enumerate(_flips(pack({"a/b.txt": b"some text", "c.txt": b"other text"})[:2_000])):
        archive.write_bytes(data)
        unpack(archive, tmp_path / "outer" / str(number))

    assert {path.name for path in tmp_path.iterdir()} == {"archive", "outer"}


# --- threads -------------------------------------------------------------------------------------


async def test_the_event_loop_goes_on_meanwhile(tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(tarred({str(number): b"x" for number in range(2_000)}))
    work = asyncio.ensure_future(unpack_in_thread(archive, into))
    turns = 0
    while not work.done():
        turns += 1
        await asyncio.sleep(0)

    assert work.result().files == 2_000
    assert turns > 10


async def test_after_a_cancellation_nothing_is_written_any_more(tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(tarred({str(number): b"x" for number in range(20_000)}))
    work = asyncio.ensure_future(unpack_in_thread(archive, into))
    await asyncio.sleep(0.05)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    count = len(found(into))
    await asyncio.sleep(0.05)

    assert count < 20_000
    assert len(found(into)) == count


def test_a_set_event_ends_it(tmp_path: Path, into: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped({"a": b"a"}))
    stopped = threading.Event()
    stopped.set()
    began = time.monotonic()
    report = unpack(archive, into, stopped=stopped)

    assert report.notes == ("a.zip: Unpacking was stopped.",)
    assert time.monotonic() - began < 1
