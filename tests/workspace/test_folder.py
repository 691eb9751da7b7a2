import os
import stat
from pathlib import Path

import pytest

from rootcoz.domain.errors import InvalidInput
from rootcoz.workspace.folder import Size, make_workspace, measure, remove_abandoned


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_workspace_is_its_owner_s_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        workspace = make_workspace(tmp_path / "workspaces", "job-1")
        folders = [tmp_path / "workspaces", workspace.path, workspace.artifacts, workspace.group(3)]
    finally:
        os.umask(before)

    assert [mode(folder) for folder in folders] == [0o700] * 4
    assert workspace.group(3).name == "group-3"
    assert workspace.repository("tests") == workspace.path / "repos" / "tests"


def test_an_open_folder_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "workspaces").mkdir(mode=0o777)
    make_workspace(tmp_path / "workspaces", "job-1")

    assert mode(tmp_path / "workspaces") == 0o700


def test_making_it_again_keeps_what_is_there(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, "job-1")
    (workspace.group(1) / "trace.txt").write_text("x")
    make_workspace(tmp_path, "job-1")

    assert (workspace.path / "group-1" / "trace.txt").read_text() == "x"


@pytest.mark.parametrize("job_id", ["", "..", ".", "a/b", "/etc", "-rf", ".hidden", "a\0", "x" * 129])
def test_a_job_id_that_leads_elsewhere_is_refused(tmp_path: Path, job_id: str) -> None:
    with pytest.raises(InvalidInput):
        make_workspace(tmp_path, job_id)


@pytest.mark.parametrize("name", ["..", "a/b", "build-artifacts", ".git", ""])
def test_a_repository_s_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        make_workspace(tmp_path, "job-1").repository(name)


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "workspaces").mkdir()
    (tmp_path / "workspaces" / "job-1").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FileExistsError):
        make_workspace(tmp_path / "workspaces", "job-1")


def test_size_counts_files_and_folders_and_follows_no_link(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "workspaces", "job-1")
    (tmp_path / "big").write_bytes(bytes(10_000))
    (workspace.artifacts / "a").write_bytes(bytes(1_000))
    (workspace.artifacts / "link").symlink_to(tmp_path / "big")
    size = workspace.size()

    assert (size.files, size.folders, size.complete) == (2, 2, True)
    assert 1_000 <= size.total_bytes < 1_200


def test_counting_stops_at_a_limit(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "file").write_bytes(bytes(100))

    assert not measure(tmp_path, max_bytes=150).complete
    assert not measure(tmp_path, max_files=2).complete
    assert measure(tmp_path, max_bytes=500, max_files=5) == Size(500, 5, 5, complete=True)


def test_a_missing_folder_is_empty(tmp_path: Path) -> None:
    assert measure(tmp_path / "nothing") == Size(0, 0, 0, complete=True)


def test_removal_leaves_the_others(tmp_path: Path) -> None:
    one, other = make_workspace(tmp_path, "one"), make_workspace(tmp_path, "other")
    one.remove()

    assert not one.path.exists()
    assert other.path.exists()


def test_abandoned_workspaces_are_removed(tmp_path: Path) -> None:
    for job_id in ("one", "two", "three"):
        make_workspace(tmp_path, job_id)
    removed = remove_abandoned(tmp_path, {"two"})

    assert removed == ["one", "three"]
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_where_nothing_was_made_nothing_is_abandoned(tmp_path: Path) -> None:
    assert remove_abandoned(tmp_path / "nothing", set()) == []
