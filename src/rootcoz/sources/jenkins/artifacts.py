"""Downloads the files that a build keeps. Unpacking archives is the workspace's business."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rootcoz.domain.errors import OutsideError, TooLarge, Unavailable
from rootcoz.sources.jenkins.client import JenkinsClient
from rootcoz.sources.jenkins.names import BuildName

_NAMED = 5
"""Files of one kind of trouble that a note names."""
_SILENT = 3
"""So many files in a row for which the server has no answer end the download."""


@dataclass(frozen=True, slots=True)
class ArtifactLimits:
    """How much is downloaded of one build."""

    file_bytes: int
    total_bytes: int
    files: int = 2_000


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """A file on disk."""

    relative_path: str
    """As the build calls it."""
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Download:
    """What arrived."""

    files: tuple[DownloadedFile, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about files that are missing."""


async def download_artifacts(
    client: JenkinsClient,
    build: BuildName,
    relative_paths: Sequence[str],
    folder: Path,
    limits: ArtifactLimits,
) -> Download:
    """Write the artifacts below `folder`, which must be ours alone. Trouble becomes notes; nothing is raised for it."""
    session = _Session(client, build, folder, limits)
    for relative_path in relative_paths[: limits.files]:
        if session.is_over:
            break
        await session.fetch(relative_path)
    return session.result(len(relative_paths))


class _Session:
    def __init__(self, client: JenkinsClient, build: BuildName, folder: Path, limits: ArtifactLimits) -> None:
        self._client = client
        self._build = build
        self._folder = folder
        self._limits = limits
        self._files: list[DownloadedFile] = []
        self._too_large: list[str] = []
        self._unusable: list[str] = []
        self._failed: list[str] = []
        self._last_error = ""
        self._tried = 0
        self._silent = 0
        self._room = limits.total_bytes

    @property
    def is_over(self) -> bool:
        """Whether asking for more makes no sense."""
        return self._silent >= _SILENT or self._room <= 0

    async def fetch(self, relative_path: str) -> None:
        self._tried += 1
        target = target_below(self._folder, relative_path)
        if target is None:
            self._unusable.append(relative_path)
            return
        try:
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
            size = await self._client.download(
                self._build, relative_path, target, min(self._limits.file_bytes, self._room)
            )
        except TooLarge:
            self._too_large.append(relative_path)
        except OutsideError as error:
            self._failed.append(relative_path)
            self._last_error = str(error)
            self._silent = self._silent + 1 if isinstance(error, Unavailable) else 0
        except (OSError, ValueError):
            # A name that this file system cannot have, or one that is a file here and a folder there.
            self._unusable.append(relative_path)
        else:
            self._silent = 0
            self._room -= size
            self._files.append(DownloadedFile(relative_path, target, size))

    def result(self, listed: int) -> Download:
        left = listed - self._tried
        megabytes = f"{self._limits.total_bytes / 1_000_000:g} MB"
        limit = f"the {megabytes} that artifacts may have (jenkins_artifacts_max_size_mb)"
        last = f" The last error: {self._last_error}" if self._last_error else ""
        rest = f"{_artifacts(left)} not asked for: a limit was reached, or the server fell silent."
        notes = (
            _note(self._too_large, f"did not fit into {limit}"),
            _note(self._unusable, "have names that cannot be written safely"),
            _note(self._failed, "could not be downloaded") + (last if self._failed else ""),
            rest if left else "",
        )
        return Download(tuple(self._files), tuple(note for note in notes if note))


def target_below(folder: Path, relative_path: str) -> Path | None:
    """Where to write an artifact; None for a path that would lead out of the folder or cannot be one."""
    parts = relative_path.split("/")
    if any(part in {"", ".", ".."} or "\x00" in part or "\\" in part for part in parts):
        return None
    return folder.joinpath(*parts)


def _note(paths: Sequence[str], trouble: str) -> str:
    if not paths:
        return ""
    names = ", ".join(path[:100] for path in paths[:_NAMED])
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f"{_artifacts(len(paths))} {trouble}: {names}{more}."


def _artifacts(number: int) -> str:
    return f"{number:,} artifact{'' if number == 1 else 's'}"
