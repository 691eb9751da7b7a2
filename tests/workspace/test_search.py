import os
import time
from pathlib import Path

import pytest

from rootcoz.domain.errors import InvalidInput, NotFound
from rootcoz.workspace import search
from rootcoz.workspace.search import Entry, Match, WorkspaceFiles

BAD_PATHS = ["../secret", "a/../../secret", "/etc/passwd", "..", "a\0b"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    (root / "repos" / "tests" / ".git").mkdir(parents=True)
    (root / "repos" / "tests" / ".git" / "config").write_text("[core]\n")
    (root / "repos" / "tests" / "test_login.py").write_text(
        "def test_login():\n    assert user.name == 'x'\n"
    )
    (root / "build-artifacts").mkdir()
    (root / "build-artifacts" / "server.log").write_text("start\nERROR: no route\n   to host db-1\nend")
    (tmp_path / "secret").write_text("secret of the server")
    return root


@pytest.fixture
def files(root: Path) -> WorkspaceFiles:
    return WorkspaceFiles(root)


# --- staying inside ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_leads_out_is_refused(files: WorkspaceFiles, path: str) -> None:
    with pytest.raises(InvalidInput):
        files.read(path)
    with pytest.raises(InvalidInput):
        files.list(path)
    assert not files.has_line(path, 1)


@pytest.mark.parametrize("target", ["../../secret", "server.log", "/etc/passwd"])
def test_links_are_not_followed(files: WorkspaceFiles, root: Path, target: str) -> None:
    (root / "build-artifacts" / "link").symlink_to(target)
    with pytest.raises(NotFound):
        files.read("build-artifacts/link")

    assert not files.has_line("build-artifacts/link", 1)
    assert "build-artifacts/link" not in [entry.path for entry in files.list(deep=True).entries]


def test_folders_that_are_links_are_not_entered(files: WorkspaceFiles, root: Path, tmp_path: Path) -> None:
    (root / "out").symlink_to(tmp_path)
    with pytest.raises(NotFound):
        files.read("out/secret")

    assert files.search("secret of the server").found == ()
    assert [entry.path for entry in files.list().entries] == ["build-artifacts/", "repos/"]


def test_pipes_do_not_block(files: WorkspaceFiles, root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(NotFound):
        files.read("pipe")

    assert files.find_quotation("no such words here") is None


@pytest.mark.parametrize("path", ["repos/tests/.git/config", "repos/tests/.GIT/config"])
def test_git_s_own_data_is_hidden(files: WorkspaceFiles, path: str) -> None:
    with pytest.raises(NotFound):
        files.read(path)

    assert files.find_quotation("[core]") is None


def test_names_that_are_not_utf_8_are_passed_over(files: WorkspaceFiles, root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9")).write_text("x")

    assert [entry.path for entry in files.list().entries] == ["build-artifacts/", "repos/"]


# --- listing and reading -------------------------------------------------------------------------


def test_all_files_are_listed_in_order(files: WorkspaceFiles) -> None:
    assert files.list(deep=True).entries == (
        Entry("build-artifacts/server.log", 41),
        Entry("repos/tests/test_login.py", 46),
    )


def test_a_long_listing_says_that_there_is_more(files: WorkspaceFiles) -> None:
    listing = files.list(deep=True, limit=1)

    assert (len(listing.entries), listing.complete) == (1, False)


def test_a_missing_folder_is_said_to_be_missing(files: WorkspaceFiles) -> None:
    for deep in (True, False):
        with pytest.raises(NotFound, match="no folder `nowhere`"):
            files.list("nowhere", deep=deep)


def test_a_part_of_a_file_is_read_by_its_lines(files: WorkspaceFiles) -> None:
    excerpt = files.read("build-artifacts/server.log", first_line=2)

    assert excerpt.text == "ERROR: no route\n   to host db-1\nend"
    assert (excerpt.first_line, excerpt.last_line, excerpt.complete) == (2, 4, True)


def test_a_long_file_is_read_in_parts_of_whole_lines(files: WorkspaceFiles, root: Path) -> None:
    text = "".join(f"line {number} é\n" for number in range(1, 1_001))
    (root / "long").write_text(text)
    parts = []
    line = 1
    while True:
        excerpt = files.read("long", first_line=line, max_chars=700)
        parts.append(excerpt.text)
        if excerpt.complete:
            break
        line = excerpt.last_line + 1

    assert "".join(parts) == text
    assert max(len(part) for part in parts) <= 700


def test_a_line_behind_the_end_is_empty(files: WorkspaceFiles) -> None:
    excerpt = files.read("build-artifacts/server.log", first_line=9)

    assert (excerpt.text, excerpt.last_line, excerpt.complete) == ("", 3, True)


def test_what_is_no_text_is_refused(files: WorkspaceFiles, root: Path) -> None:
    (root / "picture").write_bytes(b"\x89PNG\0\0")

    with pytest.raises(InvalidInput, match="not a text file"):
        files.read("picture")


# --- searching -----------------------------------------------------------------------------------


def test_lines_that_hold_a_text_are_found(files: WorkspaceFiles) -> None:
    matches = files.search("error", ignore_case=True)

    assert matches.found == (Match("build-artifacts/server.log", 2, "ERROR: no route"),)
    assert matches.complete


def test_a_search_can_be_kept_to_a_folder(files: WorkspaceFiles) -> None:
    assert files.search("o", folder="repos").found[0].path == "repos/tests/test_login.py"


def test_many_matches_are_cut(files: WorkspaceFiles, root: Path) -> None:
    (root / "many").write_text("x\n" * 100)
    matches = files.search("x", limit=10)

    assert (len(matches.found), matches.complete) == (10, False)


@pytest.mark.parametrize("text", ["", "a\nb", "x" * 5_000])
def test_only_a_part_of_one_line_is_searched(files: WorkspaceFiles, text: str) -> None:
    with pytest.raises(InvalidInput):
        files.search(text)


def test_a_quotation_is_found_over_lines_and_white_space(files: WorkspaceFiles) -> None:
    found = files.find_quotation("no route to  host\tdb-1")

    assert found == Match("build-artifacts/server.log", 2, "ERROR: no route")


@pytest.mark.parametrize("quote", ["no route to host db-2", "noroute", "", "   ", "x" * 5_000])
def test_a_quotation_that_is_not_there_is_not_found(files: WorkspaceFiles, quote: str) -> None:
    assert files.find_quotation(quote) is None


def test_the_named_file_comes_first(files: WorkspaceFiles, root: Path) -> None:
    (root / "a.log").write_text("end")
    found = files.find_quotation("end", first="build-artifacts/server.log")

    assert found == Match("build-artifacts/server.log", 4, "end")


def test_a_bad_name_of_the_first_file_is_passed_over(files: WorkspaceFiles) -> None:
    found = files.find_quotation("end", first="../secret")

    assert found is not None
    assert found.path == "build-artifacts/server.log"


@pytest.mark.parametrize("offset", [-40, -9, -1, 0, 1])
@pytest.mark.parametrize("border", [262_144, 2 * 262_144, 131_072])
def test_a_quotation_is_found_across_the_pieces_of_a_long_file(
    files: WorkspaceFiles, root: Path, border: int, offset: int
) -> None:
    filling = ("0123456789abcde\n" * 40_000)[: border + offset]
    (root / "long.log").write_text(filling + "needle  in\nthe hay\n" + "x" * 400_000)
    found = files.find_quotation("needle in the hay")

    assert found is not None
    assert (found.path, found.line) == ("long.log", filling.count("\n") + 1)


def test_every_line_counts_once_in_a_long_file(files: WorkspaceFiles, root: Path) -> None:
    (root / "long.log").write_text("hit hit\n" + "x" * 300 + "\n" + ("y" * 99 + "\n") * 9_000 + "hit\n")

    assert [match.line for match in files.search("hit").found] == [1, 9_003]


def test_a_log_made_to_be_slow_is_not(files: WorkspaceFiles, root: Path) -> None:
    (root / "slow.log").write_text("a " * 1_000_000 + "b")
    began = time.process_time()
    found = files.find_quotation("a " * 1_900 + "b c")

    assert found is None
    assert time.process_time() - began < 3


def test_a_search_ends_at_its_limit(
    files: WorkspaceFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SEARCHED_BYTES", 10)
    (root / "zzz").mkdir()
    (root / "zzz" / "a").write_text("needle")

    assert files.search("needle") == search.Matches((), complete=False)


def test_a_long_line_is_shown_around_the_match(files: WorkspaceFiles, root: Path) -> None:
    (root / "long").write_text("a" * 5_000 + "needle" + "b" * 5_000)
    (match,) = files.search("needle").found

    assert "needle" in match.text
    assert len(match.text) <= search.LINE_CHARS


# --- claims about files --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "there"), [(1, True), (2, True), (3, False), (0, False), (-1, False), (10**12, False)]
)
def test_a_line_is_there_or_not(files: WorkspaceFiles, line: int, there: bool) -> None:  # noqa: FBT001 - a case
    assert files.has_line("repos/tests/test_login.py", line) is there


def test_a_last_line_without_an_end_counts(files: WorkspaceFiles) -> None:
    assert files.has_line("build-artifacts/server.log", 4)
    assert not files.has_line("build-artifacts/server.log", 5)


def test_a_missing_file_has_no_lines(files: WorkspaceFiles) -> None:
    assert not files.has_line("nothing", 1)


@pytest.mark.parametrize(
    "path", ["test_login.py", "tests/test_login.py", "./tests/test_login.py", "tests\\test_login.py"]
)
def test_a_file_is_located_by_the_end_of_its_path(files: WorkspaceFiles, path: str) -> None:
    assert files.locate(path) == ("repos/tests/test_login.py",)


def test_an_absolute_path_into_the_workspace_is_located(files: WorkspaceFiles, root: Path) -> None:
    assert files.locate(f"{root}/repos/tests/test_login.py") == ("repos/tests/test_login.py",)


@pytest.mark.parametrize("path", ["login.py", "/etc/passwd", "../secret", "", "x/test_login.py"])
def test_what_is_not_there_is_not_located(files: WorkspaceFiles, path: str) -> None:
    assert files.locate(path) == ()
