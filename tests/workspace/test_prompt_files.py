import os
from pathlib import Path

import pytest

from rootcoz.workspace.prompt_files import MAX_ADVICE_BYTES, AdviceKind, read_prompt_files


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    clone = tmp_path / "clone"
    (clone / ".rootcoz").mkdir(parents=True)
    return clone


def test_a_repository_without_prompt_files_gives_none(clone: Path) -> None:
    read = read_prompt_files(clone)

    assert (read.advice, read.notes) == ((), ())
    assert read.text(AdviceKind.ANALYSIS) == ""


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (".rootcoz/ROOTCOZ_PROMPT.md", AdviceKind.ANALYSIS),
        ("JOB_INSIGHT_PROMPT.md", AdviceKind.ANALYSIS),
        ("JOB_INSIGHT_FAILURE_HISTORY_ANALYSIS_PROMPT.md", AdviceKind.HISTORY),
        (".rootcoz/ROOTCOZ_ISSUE_PROMPT.md", AdviceKind.ISSUE),
        ("JOB_INSIGHT_ISSUE_PROMPT.md", AdviceKind.ISSUE),
    ],
)
def test_each_file_is_read_under_its_kind(clone: Path, file: str, kind: AdviceKind) -> None:
    (clone / file).write_bytes(b"\xef\xbb\xbfLook at the\r\npods first.\n")
    (advice,) = read_prompt_files(clone).advice

    assert (advice.kind, advice.file, advice.text) == (kind, file, "Look at the\npods first.")
    assert not advice.cut


def test_the_newer_name_wins(clone: Path) -> None:
    (clone / ".rootcoz/ROOTCOZ_PROMPT.md").write_text("new")
    (clone / "JOB_INSIGHT_PROMPT.md").write_text("old")

    assert read_prompt_files(clone).text(AdviceKind.ANALYSIS) == "new"


@pytest.mark.parametrize("content", [b"", b" \n", b"a\0b", b"\xff\xfea\0"])
def test_the_older_name_is_used_when_the_newer_cannot_be(clone: Path, content: bytes) -> None:
    (clone / ".rootcoz/ROOTCOZ_PROMPT.md").write_bytes(content)
    (clone / "JOB_INSIGHT_PROMPT.md").write_text("old")

    assert read_prompt_files(clone).text(AdviceKind.ANALYSIS) == "old"


def test_what_is_no_text_is_noted(clone: Path) -> None:
    (clone / "JOB_INSIGHT_PROMPT.md").write_bytes(b"\xff\xfe")

    assert (
        "JOB_INSIGHT_PROMPT.md of the tests repository is not UTF-8 text" in read_prompt_files(clone).notes[0]
    )


@pytest.mark.parametrize("start", ["", "a", "ab"])
def test_a_long_file_is_cut_between_characters(clone: Path, start: str) -> None:
    (clone / "JOB_INSIGHT_PROMPT.md").write_text(start + "€" * MAX_ADVICE_BYTES)
    read = read_prompt_files(clone)
    (advice,) = read.advice

    assert advice.cut
    assert advice.text == (start + "€" * MAX_ADVICE_BYTES)[: len(advice.text)]
    assert MAX_ADVICE_BYTES - 3 <= len(advice.text.encode()) <= MAX_ADVICE_BYTES
    assert len(read.notes) == 1


def test_links_are_not_followed(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret of the server")
    (clone / "JOB_INSIGHT_PROMPT.md").symlink_to(tmp_path / "secret")
    (clone / ".rootcoz").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "ROOTCOZ_ISSUE_PROMPT.md").write_text("secret too")
    (clone / ".rootcoz").symlink_to(tmp_path / "elsewhere")

    assert read_prompt_files(clone).advice == ()


def test_folders_and_pipes_are_passed_over(clone: Path) -> None:
    (clone / "JOB_INSIGHT_PROMPT.md").mkdir()
    os.mkfifo(clone / "JOB_INSIGHT_ISSUE_PROMPT.md")

    assert read_prompt_files(clone).advice == ()
