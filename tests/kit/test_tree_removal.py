import os
import subprocess
import sys
from pathlib import Path

import pytest

from rootcoz.kit.tree_removal import remove_tree

NOBODY = 65_534


def test_everything_below_is_removed(tmp_path: Path) -> None:
    for number in range(20):
        folder = tmp_path / "tree" / f"{number % 3}" / f"{number}"
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    remove_tree(tmp_path / "tree")

    assert list(tmp_path.iterdir()) == []


def test_a_missing_tree_is_fine(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing")
    remove_tree(tmp_path / "no" / "thing")

    assert list(tmp_path.iterdir()) == []


def test_a_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    remove_tree(tmp_path / "file")

    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    tree = tmp_path / "tree"
    (tree / "sub" / "sub").mkdir(parents=True)
    for place in (tree, tree / "sub", tree / "sub" / "sub"):
        (place / "link").symlink_to(outside)
    remove_tree(tree)
    (tmp_path / "to-tree").symlink_to(outside)
    remove_tree(tmp_path / "to-tree")

    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (outside / "kept").read_text() == "kept"


def test_a_very_deep_tree_is_removed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    folder = os.open(tree, os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("down", dir_fd=folder)
        inner = os.open("down", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    remove_tree(tree)

    assert not tree.exists()


PROGRAM = """
import os
from pathlib import Path
from rootcoz.kit.tree_removal import remove_tree
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
root = Path("tree")
for mode in (0o000, 0o500, 0o400, 0o300):
    folder = root / f"{{mode:o}}" / "inner"
    folder.mkdir(parents=True)
    (folder / "file").write_text("x")
    (folder / "file").chmod(0)
    (folder / "link").symlink_to("/etc")
    folder.chmod(mode)
    folder.parent.chmod(mode)
root.chmod(0o500)
remove_tree(root)
assert not root.exists()
"""


def test_folders_without_any_permission_are_removed(tmp_path: Path) -> None:
    """In a program of its own, since permissions mean nothing to root, as whom tests may run."""
    place = tmp_path / "place"
    place.mkdir()
    if os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(nobody=NOBODY)],
        cwd=place,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_what_cannot_be_removed_does_not_keep_the_rest(tmp_path: Path) -> None:
    (tmp_path / "tree").write_text("a file where a folder should be")

    with pytest.raises(NotADirectoryError):
        remove_tree(tmp_path / "tree" / "inner")
