"""Where the report goes: standard output, a file, or a folder with a file for each report."""

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rootcoz.cli.report.finished import Document
from rootcoz.cli.streams import discard
from rootcoz.client.submission import ReportFile
from rootcoz.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Destination:
    """What the user said about where the report goes."""

    path: Path | None
    """None: standard output."""
    force: bool
    """Whether a report that was read may be overwritten."""


STANDARD_OUTPUT = Destination(path=None, force=False)


def check_destination(destination: Destination, reports: Sequence[ReportFile], *, one_each: bool) -> None:
    """Refuse before the work begins what would fail after it. Raises InvalidInput.

    `one_each` says that the format writes one document for each report.
    """
    path = destination.path
    if path is None:
        if one_each and len(reports) > 1:
            raise InvalidInput(f"{len(reports)} XML reports need a folder to go to: add --output FOLDER.")
        return
    if one_each and len(reports) > 1:
        if path.exists() and not path.is_dir():
            raise InvalidInput(
                f"{path} is a file, and {len(reports)} XML reports need a folder: choose another --output."
            )
    elif path.is_dir():
        if not one_each:
            raise InvalidInput(f"{path} is a folder; --output needs a file here.")
    elif not path.absolute().parent.is_dir():
        raise InvalidInput(f"There is no folder {path.absolute().parent} for --output.")
    if not destination.force:
        _keep_inputs(destination, reports, one_each=one_each)


def _keep_inputs(destination: Destination, reports: Sequence[ReportFile], *, one_each: bool) -> None:
    inputs = {report.path.resolve() for report in reports}
    names = [report.name for report in reports] if one_each else [""]
    for name in names:
        target = _target(destination, name, alone=len(names) == 1)
        if target.resolve() in inputs:
            raise InvalidInput(
                f"{target} is a report that is being read; choose another --output, or add --force."
            )


def _target(destination: Destination, name: str, *, alone: bool) -> Path:
    """The file for the document that is called `name`. Names that lead out of the folder are refused."""
    path = destination.path
    if path is None:
        raise ValueError("standard output is no file")
    if alone and not path.is_dir():
        return path
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute():
        raise InvalidInput(f"The report {name!r} has no name for a file in {path}.")
    if os.sep == "\\" and "\\" in name:
        raise InvalidInput(f"The report {name!r} has no name for a file in {path}.")
    return path.joinpath(*parts)


def write(documents: Sequence[Document], destination: Destination) -> None:
    """Write each document where it belongs. Raises InvalidInput when something cannot be written.

    A reader of standard output that goes away is no error.
    """
    if destination.path is None:
        for document in documents:
            _print(document.content)
        return
    for document in documents:
        target = _target(destination, document.name, alone=len(documents) == 1)
        try:
            _replace(target, document.content)
        except OSError as error:
            raise InvalidInput(f"{target} cannot be written: {error.strerror or error}.") from error


def _print(content: bytes) -> None:
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        discard(sys.stdout)
    except OSError as error:
        discard(sys.stdout)
        raise InvalidInput(f"Standard output cannot be written: {error.strerror or error}.") from error


def _replace(target: Path, content: bytes) -> None:
    """Write the file whole or not at all; what is no plain file (/dev/stdout, a pipe) is written as it is."""
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    file = target.resolve()  # a link stays one
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(temporary).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~_umask())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
