"""What the user named on the command line, as the reports or failures to send."""

import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import orjson

from rootcoz.client.models import JsonObject
from rootcoz.client.submission import ReportFile
from rootcoz.domain.errors import InvalidInput
from rootcoz.kit.xml_encoding import decode_xml
from rootcoz.kit.xml_error import XmlError

STDIN = "<stdin>"
"""What `-` is called inside: the parser of the command line would take it for an option."""
_ROOTS = {"testsuites", "testsuite"}
"""Root elements of JUnit reports."""


@dataclass(slots=True)
class Inputs:
    """What to analyse: reports, or raw failures, never both."""

    reports: list[ReportFile] = field(default_factory=list)
    failures: list[JsonObject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences about what was left out."""


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    name: str
    explicit: bool
    """Whether the user named this very file: then it must be usable."""


def read_inputs(arguments: Sequence[str], spool: Path) -> Inputs:
    """The inputs that files, folders, patterns and standard input hold. Standard input is kept below `spool`.

    Raises InvalidInput when an argument leads nowhere, a file named by itself is no report, or nothing is
    left.
    """
    inputs = Inputs()
    for found in _named(_unique(_find(arguments, spool))):
        _take(found, inputs)
    if inputs.reports and inputs.failures:
        raise InvalidInput(
            "JUnit reports and lists of failures cannot be one analysis; analyse them one after the other."
        )
    if not inputs.reports and not inputs.failures:
        skipped = f" ({len(inputs.notes)} other XML files were skipped)" if inputs.notes else ""
        raise InvalidInput(f"There is no JUnit report in {', '.join(arguments)}{skipped}.")
    return inputs


def _find(arguments: Iterable[str], spool: Path) -> Iterator[_Found]:
    for argument in arguments:
        path = Path(argument)
        if argument == STDIN:
            yield _Found(_spooled(spool), "stdin", explicit=True)
        elif path.is_dir():
            yield from _in_folder(path)
        elif path.exists():
            yield _Found(path, "", explicit=True)
        elif glob.has_magic(argument):
            yield from _matching(argument)
        else:
            raise InvalidInput(f"There is no file or folder {argument}.")


def _spooled(spool: Path) -> Path:
    """Standard input as a file: it is read more than once."""
    with tempfile.NamedTemporaryFile(dir=spool, delete=False) as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        return Path(file.name)


def _in_folder(folder: Path) -> Iterator[_Found]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(".xml"):
                yield _Found(Path(parent, name), "", explicit=False)


def _matching(pattern: str) -> Iterator[_Found]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    if not matches:
        raise InvalidInput(f"Nothing matches {pattern}.")
    for match in matches:
        path = Path(match)
        if path.is_file():
            yield _Found(path, "", explicit=False)
        elif not pattern.endswith("**"):  # `**` lists the folders' contents itself
            yield from _in_folder(path)


def _unique(found: Iterable[_Found]) -> list[_Found]:
    """Each file once, in order; named by itself once makes it explicit."""
    files: dict[Path, _Found] = {}
    for one in found:
        real = one.path.resolve()
        if real not in files or (one.explicit and not files[real].explicit):
            files[real] = one
    return list(files.values())


def _named(found: Sequence[_Found]) -> Iterator[_Found]:
    """Names as the user knows the files: relative to the current folder, or to the one above all others."""
    here = Path.cwd()
    outside = [
        one.path.resolve() for one in found if not one.name and not one.path.resolve().is_relative_to(here)
    ]
    above = Path(os.path.commonpath([path.parent for path in outside])) if outside else here
    taken: set[str] = set()
    for one in found:
        real = one.path.resolve()
        base = here if real.is_relative_to(here) else above
        wanted = one.name or real.relative_to(base).as_posix()
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted} ({number})"
        taken.add(name)
        yield _Found(one.path, name, one.explicit)


def _take(found: _Found, inputs: Inputs) -> None:
    try:
        head = _first_character(found.path)
        if head in {b"[", b"{"}:
            if found.explicit:
                inputs.failures += _read_failures(found)
            return
        problem = _why_no_report(found, head)
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
    if problem is None:
        inputs.reports.append(ReportFile(found.name, found.path))
    elif found.explicit:
        raise InvalidInput(f"{found.name} {problem}.")
    else:
        inputs.notes.append(f"{found.name} {problem}; skipped.")


def _first_character(path: Path) -> bytes:
    """The first byte that is neither white space nor a UTF-8 byte order mark."""
    with path.open("rb") as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def _why_no_report(found: _Found, head: bytes) -> str | None:
    """What keeps the file from being a JUnit report, as the rest of a sentence; None if it is one."""
    if not head:
        return "is empty"
    try:
        root = _root_element(ReportFile(found.name, found.path))
    except XmlError as error:
        return f"cannot be read: {error}"
    except expat.ExpatError as error:
        what = f"{expat.ErrorString(error.code)}, line {error.lineno}"
        return f"is no JUnit report: it is not well-formed XML ({what})"
    if root is None:
        return "is no JUnit report: it has no element"
    if root.rpartition(":")[2] not in _ROOTS:
        return f"is no JUnit report: its root element is <{root[:60]}>"
    return None


class _RootFound(Exception):
    pass


def _root_element(report: ReportFile) -> str | None:
    """The name of the document's root element; only as much is read as that takes."""
    parser = expat.ParserCreate("utf-8")
    roots: list[str] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        roots.append(name)
        raise _RootFound

    parser.StartElementHandler = start
    chunks = report.chunks()
    try:
        for text in decode_xml(chunks):
            parser.Parse(text, False)  # noqa: FBT003 - pyexpat takes no keywords
        parser.Parse("", True)  # noqa: FBT003 - as above
    except _RootFound:
        return roots[0]
    return None


def _read_failures(found: _Found) -> list[JsonObject]:
    """The failures of a JSON document: a list, or an object with the list under `failures`."""
    try:
        content = orjson.loads(found.path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{found.name} is not valid JSON: {error}.") from error
    failures = content.get("failures") if isinstance(content, dict) else content
    if not isinstance(failures, list) or not all(isinstance(failure, dict) for failure in failures):
        raise InvalidInput(
            f'{found.name} holds no failures: expected a list of objects with "test_name", "error_message" '
            'and "stack_trace", or {"failures": [...]}.'
        )
    if not failures:
        raise InvalidInput(f"{found.name} holds an empty list of failures.")
    return failures
