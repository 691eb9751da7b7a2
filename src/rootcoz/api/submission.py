"""Reading the body of an analysis request, which may be 50 MB, without ever holding it.

The body streams through a splitter: each report document goes to a file of its own, each raw failure is checked and
kept, and only the rest, a few fields, is read as a whole.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from fastapi import Request
from pydantic import ValidationError

from rootcoz.analysis.intake import ReportFile
from rootcoz.api.errors import InvalidFields, field_problems
from rootcoz.api.schemas.requests import (
    FAILURES_LIMIT,
    RAW_XML_LIMIT,
    AnalyzeFailuresRequest,
    RawFailure,
)
from rootcoz.domain.errors import InvalidInput, TooLarge
from rootcoz.domain.failure import Failure
from rootcoz.kit.json_split import (
    DuplicateKey,
    ItemsRule,
    JsonPath,
    JsonSplitError,
    JsonSplitter,
    Split,
    StringRule,
    TooLong,
    dotted,
)

BODY_LIMIT = 400_000_000
"""Bytes of a body. A document of 50,000,000 characters may take six times as many when it is escaped."""
FAILURE_LIMIT = 2_000_000
"""Bytes of one raw failure."""
_FEED_SIZE = 256 * 1024
_PROBLEMS_SHOWN = 20

_RAW_XML = ("raw_xml",)
_REPORT_XML = ("reports", "*", "xml")
_FAILURE = ("failures", "*")


@dataclass(slots=True)
class Body:
    """What the request holds."""

    fields: AnalyzeFailuresRequest
    """All but the long parts."""
    failures: list[Failure]
    reports: list[ReportFile]


@asynccontextmanager
async def read_body(request: Request, spool: Path) -> AsyncIterator[Body]:
    """Read the body; the report files live as long as the context.

    Raises InvalidFields, InvalidInput (no JSON) and TooLarge.
    """
    with TemporaryDirectory(dir=spool, ignore_cleanup_errors=True) as folder:
        reader = _Reader(Path(folder))
        try:
            await _feed(request, reader)
            split = await asyncio.to_thread(reader.splitter.close)
        except TooLong as error:
            raise _too_long(error) from error
        except DuplicateKey as error:
            raise InvalidInput(f"The body cannot be read: {error}.") from error
        except JsonSplitError as error:
            raise InvalidInput(f"The body is no JSON object that can be read: {error}.") from error
        finally:
            reader.close_files()
        yield reader.body(split)


async def _feed(request: Request, reader: "_Reader") -> None:
    pending = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise TooLarge(f"The body is larger than {BODY_LIMIT:,} bytes.")
        pending += chunk
        if len(pending) >= _FEED_SIZE:
            await asyncio.to_thread(reader.splitter.feed, bytes(pending))
            pending.clear()
    if pending:
        await asyncio.to_thread(reader.splitter.feed, bytes(pending))


@dataclass(slots=True)
class _Reader:
    folder: Path
    failures: list[Failure] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    files: dict[JsonPath, BinaryIO] = field(default_factory=dict)
    splitter: JsonSplitter = field(init=False)

    def __post_init__(self) -> None:
        self.splitter = JsonSplitter(
            (
                StringRule(_RAW_XML, self._open_file, RAW_XML_LIMIT),
                StringRule(_REPORT_XML, self._open_file, RAW_XML_LIMIT),
                ItemsRule(_FAILURE, self._take_failure, FAILURES_LIMIT, FAILURE_LIMIT),
            )
        )

    def close_files(self) -> None:
        """Flush and close the spooled documents."""
        for file in self.files.values():
            file.close()

    def body(self, split: Split) -> Body:
        """The checked body."""
        _fill_places(split)
        try:
            fields = AnalyzeFailuresRequest.model_validate(split.rest)
        except ValidationError as error:
            raise InvalidFields([*field_problems(error, within=("body",)), *self.problems]) from None
        if self.problems:
            raise InvalidFields(self.problems)
        reports = self._reports(fields, split)
        _check_exactly_one(
            failures=bool(self.failures),
            raw_xml=bool(split.strings.get(_RAW_XML)),
            reports=bool(fields.reports),
        )
        return Body(fields, self.failures, reports)

    def _open_file(self, path: JsonPath) -> BinaryIO:
        if self.files:  # one document comes after the other; thousands at once would be too many open files
            next(reversed(self.files.values())).close()
        file = (self.folder / str(len(self.files))).open("wb")
        self.files[path] = file
        return file

    def _take_failure(self, path: JsonPath, value: object) -> None:
        try:
            raw = RawFailure.model_validate(value)
        except ValidationError as error:
            if len(self.problems) < _PROBLEMS_SHOWN:
                self.problems += field_problems(error, within=("body", "failures", path[-1]))
            return
        self.failures.append(
            Failure(
                test_name=raw.test_name,
                error_message=raw.error_message,
                stack_trace=raw.stack_trace,
                duration=raw.duration,
                status=raw.status,
            )
        )

    def _reports(self, fields: AnalyzeFailuresRequest, split: Split) -> list[ReportFile]:
        if split.strings.get(_RAW_XML):
            return [ReportFile("", Path(self.files[_RAW_XML].name))]
        return [
            ReportFile(report.name, Path(self.files["reports", number, "xml"].name))
            for number, report in enumerate(fields.reports or ())
        ]


def _fill_places(split: Split) -> None:
    """Put an empty string where a streamed one stood, so that the model sees a value of the right type there."""
    for path in split.strings:
        place: Any = split.rest
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = ""


def _too_long(error: TooLong) -> Exception:
    if error.unit != "characters":
        what = (
            f"{dotted(error.path)} has"
            if error.path
            else "The request without its documents and failures has"
        )
        return TooLarge(f"{what} more than {error.limit:,} {error.unit}.")
    problem = {
        "type": "string_too_long",
        "loc": ["body", *error.path],
        "msg": f"String should have at most {error.limit} characters",
        "ctx": {"max_length": error.limit},
    }
    return InvalidFields([problem])


def _check_exactly_one(**given: bool) -> None:
    """Raise InvalidFields unless one of the three is there. Empty ones count as not sent."""
    if sum(given.values()) == 1:
        return
    sent = [name for name, there in given.items() if there]
    what = f"{' and '.join(sent)} were sent" if sent else "none of them was sent, or only empty ones"
    message = f"Send exactly one of failures, raw_xml and reports; {what}."
    raise InvalidFields([{"type": "value_error", "loc": ["body"], "msg": message}])
