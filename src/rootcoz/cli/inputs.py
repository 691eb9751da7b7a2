"""What the user named on the command line, as the reports or failures to send."""

import glob
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

import orjson

from rootcoz.client.models import JsonObject
from rootcoz.client.submission import REPORT_LIMIT, ReportFile
from rootcoz.domain.errors import InvalidInput, InvalidReport
from rootcoz.kit.regular_file import kind_of, open_regular
from rootcoz.kit.xml_encoding import decode_xml
from rootcoz.kit.xml_error import XmlError
from rootcoz.sources.junit_xml import read_junit

STDIN = "<stdin>"
"""What `-` is called inside: the parser of the command line would take it for an option."""
_HANDED_DOWN = re.compile(r"/dev/stdin|(/dev|/proc/self)/fd/[0-9]+")
"""Streams that whoever started us left open for us."""
_ROOTS = {"testsuites", "testsuite"}
"""Root elements of JUnit reports."""


@dataclass(slots=True)
class Inputs:
    """What to analyse: reports, or raw failures, never both."""

    reports: list[ReportFile] = field(default_factory=list)
    failures: list[JsonObject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences about what was left out because it is no report."""
    broken: list[str] = field(default_factory=list)
    """Sentences about what was left out although it may be a report: the analysis is not whole without it."""


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    given: str
    """The path as the user wrote it, or as it follows from that."""
    name: str
    explicit: bool
    """Whether the user named this very file: then it must be usable."""
    problem: str = ""
    """Why it is not to be opened, as the rest of a sentence."""


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
        raise InvalidInput(_nothing_found(arguments, inputs))
    return inputs


def _nothing_found(arguments: Sequence[str], inputs: Inputs) -> str:
    where = ", ".join(arguments)
    if inputs.broken:
        more = f" ({len(inputs.broken) - 1} more are broken)" if len(inputs.broken) > 1 else ""
        return f"There is no JUnit report in {where} that can be read: {inputs.broken[0].rstrip('.')}{more}."
    skipped = f" ({len(inputs.notes)} other files were skipped)" if inputs.notes else ""
    return f"There is no JUnit report in {where}{skipped}."


def _find(arguments: Iterable[str], spool: Path) -> Iterator[_Found]:
    for argument in arguments:
        path = Path(argument)
        if argument == STDIN:
            yield _standard_input(spool)
        elif path.is_dir():
            yield from _in_folder(path)
        elif path.exists():
            yield _named_file(argument, spool)
        elif glob.has_magic(argument):
            yield from _matching(argument)
        else:
            raise InvalidInput(f"There is no file or folder {argument}.")


def _standard_input(spool: Path) -> _Found:
    if sys.stdin is None:  # closed by whoever started us
        raise InvalidInput("There is no standard input to read a report from.")
    try:
        return _Found(_spooled(sys.stdin.buffer, spool), "standard input", "stdin", explicit=True)
    except OSError as error:
        raise InvalidInput(f"Standard input cannot be read: {error.strerror or error}.") from error


def _named_file(argument: str, spool: Path) -> _Found:
    """What the user named. Pipes that a shell makes (`<(command)`) are read as standard input is."""
    path = Path(argument)
    kind = kind_of(path.stat().st_mode)
    if not kind:
        return _Found(path, argument, "", explicit=True)
    if not _HANDED_DOWN.fullmatch(argument):
        raise InvalidInput(
            f"{argument} is {kind}; name a file or a folder, or send the report to standard input (-)."
        )
    try:
        with path.open("rb") as stream:
            return _Found(_spooled(stream, spool), argument, path.name, explicit=True)
    except OSError as error:
        raise InvalidInput(f"{argument} cannot be read: {error.strerror or error}.") from error


def _spooled(stream: BinaryIO, spool: Path) -> Path:
    """What the stream holds, as a file: it is read more than once."""
    with tempfile.NamedTemporaryFile(dir=spool, delete=False) as file:
        shutil.copyfileobj(stream, file)
        return Path(file.name)


def _in_folder(folder: Path) -> Iterator[_Found]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(".xml"):
                yield _without_name(str(Path(parent, name)))


def _without_name(given: str) -> _Found:
    """A file that was come upon. What is no file is not opened: it could keep us waiting for ever."""
    path = Path(given)
    try:
        kind = kind_of(path.stat().st_mode)
    except OSError:
        kind = ""  # reading it will say what is wrong
    return _Found(path, given, "", explicit=False, problem=f"is {kind}" if kind else "")


def _matching(pattern: str) -> Iterator[_Found]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    if not matches:
        raise InvalidInput(f"Nothing matches {pattern}.")
    for match in matches:
        path = Path(match)
        if not path.is_dir():
            yield _without_name(match)
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
        # Names on the wire are Unicode; bytes of a file name that are none stay readable (`bad\\xff.xml`).
        wanted = os.fsencode(wanted).decode("utf-8", "backslashreplace")
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted} ({number})"
        taken.add(name)
        yield replace(one, name=name)


def _take(found: _Found, inputs: Inputs) -> None:
    """Add what the file holds to the inputs, or say why it is left out; raise that for a file named by itself."""
    try:
        _add(found, inputs)
    except _NoReport as error:
        if found.explicit:
            raise InvalidInput(f"{found.given} {error}.") from error
        inputs.notes.append(f"{found.given} {error}; skipped.")
    except InvalidInput as error:
        if found.explicit:
            raise
        inputs.broken.append(f"{str(error).rstrip('.')}; left out.")
    except OSError as error:
        problem = f"{found.given} cannot be read: {error.strerror or error}"
        if found.explicit:
            raise InvalidInput(f"{problem}.") from error
        inputs.broken.append(f"{problem}; left out.")


def _add(found: _Found, inputs: Inputs) -> None:
    if found.problem:
        raise _NoReport(found.problem)
    report = ReportFile(found.name, found.path, found.given)
    head = _first_character(found.path)
    if head in {b"[", b"{"}:
        if found.explicit:
            inputs.failures += _read_failures(found)
        return
    _check_root(report, head)
    _check_size(report)
    if not found.explicit:
        check_report(report)
    inputs.reports.append(report)


class _NoReport(Exception):
    """The file is something else; the text is the rest of a sentence about it."""


def _first_character(path: Path) -> bytes:
    """The first byte that is neither white space nor a UTF-8 byte order mark."""
    with open_regular(path) as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def _check_root(report: ReportFile, head: bytes) -> None:
    """Raise _NoReport for what is no JUnit report, InvalidReport for what cannot be told."""
    if not head:
        raise _NoReport("is empty")
    try:
        root = _root_element(report)
    except XmlError as error:
        raise InvalidReport(f"{report.shown} cannot be read: {error}.") from error
    except expat.ExpatError as error:
        what = f"{expat.ErrorString(error.code)}, line {error.lineno}"
        raise InvalidReport(
            f"{report.shown} is no JUnit report: it is not well-formed XML ({what})."
        ) from error
    if root is None:
        raise _NoReport("is no JUnit report: it has no element")
    if root.rpartition(":")[2] not in _ROOTS:
        raise _NoReport(f"is no JUnit report: its root element is <{root[:60]}>")


def _check_size(report: ReportFile) -> None:
    """Refuse what the server would refuse after all of it was sent. Raises InvalidInput."""
    size = report.path.stat().st_size
    if size <= REPORT_LIMIT:
        return  # no encoding has more characters than bytes
    if size <= 4 * REPORT_LIMIT:  # no encoding has characters of more bytes
        try:
            size = sum(len(text) for text in decode_xml(report.chunks()))
        except XmlError as error:
            raise InvalidReport(f"{report.shown} cannot be read: {error}.") from error
    if size > REPORT_LIMIT:
        raise InvalidInput(
            f"{report.shown} is larger than {REPORT_LIMIT // 1_000_000} MB ({REPORT_LIMIT:,} characters); "
            "split it, or leave the tests' output out of it."
        )


def check_report(report: ReportFile) -> None:
    """Read the report as the server will. Raises InvalidReport that names it as the user does."""
    try:
        read_junit(_Utf8Stream(report), name=report.name, encoding="utf-8")
    except (InvalidReport, XmlError) as error:
        raise InvalidReport(
            f"{report.shown} cannot be read: {str(error.__cause__ or error).rstrip('.')}."
        ) from error


class _Utf8Stream(io.BytesIO):
    """The report's text in UTF-8, as it is sent; read forwards only."""

    def __init__(self, report: ReportFile) -> None:
        super().__init__()
        self._pieces = (text.encode() for text in decode_xml(report.chunks()))

    def read(self, _size: int | None = -1, /) -> bytes:
        """The next piece, of about the size of a chunk."""
        return next((piece for piece in self._pieces if piece), b"")


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


def _bytes_of(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read()


def _read_failures(found: _Found) -> list[JsonObject]:
    """The failures of a JSON document: a list, or an object with the list under `failures`."""
    try:
        content = orjson.loads(_bytes_of(found.path).removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{found.given} is not valid JSON: {error}.") from error
    failures = content.get("failures") if isinstance(content, dict) else content
    if not isinstance(failures, list) or not all(isinstance(failure, dict) for failure in failures):
        raise InvalidInput(
            f'{found.given} holds no failures: expected a list of objects with "test_name", "error_message" '
            'and "stack_trace", or {"failures": [...]}.'
        )
    if not failures:
        raise InvalidInput(f"{found.given} holds an empty list of failures.")
    return failures
