import os
from pathlib import Path

import pytest

from rootcoz.providers.workspace_reader import (
    ANSWER_LIMIT,
    LINE_LIMIT,
    LINES,
    LIST_LIMIT,
    MATCH_LIMIT,
    WorkspaceReader,
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "src").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("[core]\n")
    (folder / "src" / "app.py").write_text("one\nTwo\nthree\n")
    (folder / "inner-link").symlink_to("src/app.py")
    (tmp_path / "secret").write_text("OUTSIDE-MARK\n")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder-link").symlink_to(tmp_path)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture
def reader(workspace: Path) -> WorkspaceReader:
    return WorkspaceReader(workspace)


def test_a_listing_names_ordinary_files_with_their_sizes(reader: WorkspaceReader) -> None:
    assert reader.list_files() == "src/app.py (14)"


def test_lines_are_numbered_from_one(reader: WorkspaceReader) -> None:
    assert reader.read_file("src/app.py", first_line=2) == "2: Two\n3: three"


def test_a_part_says_where_the_file_goes_on(reader: WorkspaceReader) -> None:
    assert reader.read_file("src/app.py", lines=1) == "1: one\n… the file goes on from line 2."


def test_a_link_inside_the_workspace_may_be_followed(reader: WorkspaceReader) -> None:
    assert reader.read_file("inner-link", lines=1).startswith("1: one")


@pytest.mark.parametrize(
    "path",
    [
        "link",
        "folder-link/secret",
        "../secret",
        "src/../../secret",
        "/etc/passwd",
        "loop",
        "pipe",
        "src",
        "missing",
        "no\x00pe",
        ".git/config",
        "~/.bashrc",
        "x" * 5000,
    ],
)
def test_what_must_not_be_read_is_refused_in_words(reader: WorkspaceReader, path: str) -> None:
    assert reader.read_file(path).startswith("error: ")
    assert reader.search("mark", path).startswith(("error: ", "No line"))


@pytest.mark.parametrize("path", ["..", "/", "folder-link", "link", "src/app.py"])
def test_what_must_not_be_listed_is_refused(reader: WorkspaceReader, path: str) -> None:
    assert reader.list_files(path).startswith("error: ")


def test_a_search_finds_lines_in_any_case_and_nothing_outside(reader: WorkspaceReader) -> None:
    assert reader.search("TWO") == "src/app.py:2: Two"
    assert reader.search("OUTSIDE") == "No line contains it."


def test_every_answer_is_bounded(workspace: Path) -> None:
    for number in range(LIST_LIMIT + 5):
        (workspace / f"file-{number}").write_text("needle\n" * 3)
    (workspace / "long").write_text("needle" + "x" * 1_000_000 + "\n" + "y\n" * 100_000)
    reader = WorkspaceReader(workspace)

    listing, matches, text = reader.list_files(), reader.search("needle"), reader.read_file("long")

    assert len(listing.splitlines()) == LIST_LIMIT + 1
    assert len(matches.splitlines()) <= MATCH_LIMIT + 1
    assert len(text.splitlines()) == LINES + 1
    assert len(text.splitlines()[0]) <= LINE_LIMIT + 10
    assert max(map(len, (listing, matches, text))) <= ANSWER_LIMIT + 100


def test_bytes_that_are_no_text_are_shown_as_such(workspace: Path) -> None:
    (workspace / "binary").write_bytes(b"\xff\x00\xfe\n")

    assert WorkspaceReader(workspace).read_file("binary") == "1: \ufffd\x00\ufffd"
