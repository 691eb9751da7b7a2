"""The folder of one analysis: who may enter it, what lies where, how big it is, and its end.

    workspaces/                 0700, one for the data directory
      <job_id>/                 0700, the working folder of providers; holds folders only
        repos/<name>/           clones
        build-artifacts/        what the build left, unpacked
        consoles/               consoles of the build and its children
        group-<n>/              files for the question about group n

Repositories lie two levels deep, so that no settings file of theirs stands in a provider's working folder.
"""

import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rootcoz.domain.errors import InvalidInput
from rootcoz.kit.tree_removal import remove_tree
from rootcoz.workspace.addresses import checked_name

PRIVATE = 0o700
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True, slots=True)
class Size:
    """What a folder holds, links counted as entries and never followed."""

    total_bytes: int
    """Lengths of the files added up."""
    files: int
    """Files, links and the rest, folders left out."""
    folders: int
    complete: bool
    """False when a limit or an unreadable folder ended the counting early; the truth is higher."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one analysis. Make it with `make_workspace`."""

    path: Path

    @property
    def artifacts(self) -> Path:
        """Where the build's artifacts lie."""
        return self.path / "build-artifacts"

    @property
    def consoles(self) -> Path:
        """Where the consoles lie, if there are any."""
        return self.path / "consoles"

    def repository(self, name: str) -> Path:
        """Where the clone of that name lies or will lie. Raises InvalidInput for a name that is no folder's."""
        return self.path / "repos" / checked_name(name)

    def group(self, number: int) -> Path:
        """The folder of that group's files, made if it is missing."""
        folder = self.path / f"group-{number:d}"
        _make_private(folder)
        return folder

    def size(self) -> Size:
        """All of it."""
        return measure(self.path)

    def remove(self) -> None:
        """Remove all of it. Raises OSError for what could not be removed."""
        remove_tree(self.path)


def make_workspace(root: Path, job_id: str) -> Workspace:
    """The analysis's workspace below `root`, made if it is missing; what is there already stays.

    Raises InvalidInput for a `job_id` that could lead elsewhere, and OSError when the folder cannot be made or
    something that is no folder of ours stands in its place.
    """
    if not _JOB_ID.fullmatch(job_id):
        raise InvalidInput("A job id consists of letters, digits, `-` and `_`.")
    root.parent.mkdir(parents=True, exist_ok=True)
    path = root / job_id
    for folder in (root, path, path / "repos", path / "build-artifacts"):
        _make_private(folder)
    return Workspace(path)


def remove_abandoned(root: Path, keep: Collection[str]) -> list[str]:
    """Remove every workspace below `root` but those of the analyses in `keep`; the names of the removed ones.

    For the start of the process that owns `root`. Raises OSError for the first that could not be removed, after
    trying them all.
    """
    try:
        names = sorted({entry.name for entry in root.iterdir()} - set(keep))
    except FileNotFoundError:
        return []
    removed: list[str] = []
    trouble: OSError | None = None
    for name in names:
        try:
            remove_tree(root / name)
            removed.append(name)
        except OSError as error:
            trouble = trouble or error
    if trouble is not None:
        raise trouble
    return removed


def measure(folder: Path, *, max_bytes: int | None = None, max_files: int | None = None) -> Size:
    """Count what the folder holds; stop as soon as a limit is passed. A missing folder is empty."""
    total = files = folders = 0
    complete = True
    waiting = [str(folder)]
    while waiting:
        if (max_bytes is not None and total > max_bytes) or (max_files is not None and files > max_files):
            return Size(total, files, folders, complete=False)
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders += 1
                        waiting.append(entry.path)
                        continue
                    files += 1
                    try:
                        total += entry.stat(follow_symlinks=False).st_size
                    except FileNotFoundError:  # Gone since; a clone that runs has such files.
                        files -= 1
        except FileNotFoundError:
            continue
        except OSError:
            complete = False
    return Size(total, files, folders, complete)


def _make_private(folder: Path) -> None:
    """Make the folder for its owner alone. Raises OSError if something else or another's folder is there."""
    try:
        folder.mkdir(mode=PRIVATE)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise
    # The mode of mkdir is cut by the umask, and a folder that was there may be open to others.
    folder.chmod(PRIVATE)
