"""Reading the body of an analysis request, which may be 50 MB, without ever holding it.

The body streams through a splitter: each report document goes to a file of its own, each raw failure is checked and
kept, and only the rest, a few fields, is read as a whole.
"""

import asyncio
import json
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
from rootcoz.kit.json_split import JsonSplitter, MalformedJson, TooLong

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
            skeleton = await asyncio.to_thread(reader.close)
        except MalformedJson as error:
            raise InvalidInput(f"The body is not valid JSON: {error}.") from error
        finally:
            reader.close_files()
        yield reader.body(skeleton)


async def _feed(request: Request, reader: "_Reader") -> None:
    pending = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise TooLarge(f"The body is larger than {BODY_LIMIT:,} bytes.")
        pending += chunk
        if len(pending) >= _FEED_SIZE:
            await asyncio.to_thread(reader.feed, bytes(pending))
            pending.clear()
    if pending:
        await asyncio.to_thread(reader.feed, bytes(pending))


@dataclass(slots=True)
class _Reader:
    folder: Path
    failures: list[Failure] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    files: dict[tuple[str | int, ...], BinaryIO] = field(default_factory=dict)
    splitter: JsonSplitter = field(init=False)

    def __post_init__(self) -> None:
        self.splitter = JsonSplitter(
            strings={_RAW_XML: self._open_file, _REPORT_XML: self._open_file},
            items={_FAILURE: self._take_failure},
            max_string_chars=RAW_XML_LIMIT,
            max_item_bytes=FAILURE_LIMIT,
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Blocks: call it in a thread."""
        try:
            self.splitter.feed(chunk)
        except TooLong as error:
            raise InvalidFields([_too_long(error)]) from error

    def close(self) -> dict[str, Any]:
        """The rest of the object, with an empty string in the place of each document and [] of the failures."""
        return self.splitter.close()

    def close_files(self) -> None:
        """Flush and close the spooled documents."""
        for file in self.files.values():
            file.close()

    def body(self, skeleton: dict[str, Any]) -> Body:
        """The checked body."""
        try:
            fields = AnalyzeFailuresRequest.model_validate(skeleton)
        except ValidationError as error:
            raise InvalidFields([*field_problems(error, within=("body",)), *self.problems]) from None
        if self.problems:
            raise InvalidFields(self.problems)
        reports = self._reports(fields)
        if bool(self.failures) + bool(reports) != 1:
            raise InvalidFields([_not_exactly_one(len(self.failures), bool(reports), fields)])
        return Body(fields, self.failures, reports)

    def _open_file(self, path: tuple[str | int, ...]) -> BinaryIO:
        file = (self.folder / str(len(self.files))).open("wb")
        self.files[path] = file
        return file

    def _take_failure(self, path: tuple[str | int, ...], value: object) -> None:
        number = path[-1]
        if len(self.failures) >= FAILURES_LIMIT:
            raise TooLarge(f"More than {FAILURES_LIMIT:,} failures in one request; send them in several.")
        try:
            raw = RawFailure.model_validate(value)
        except ValidationError as error:
            if len(self.problems) < _PROBLEMS_SHOWN:
                self.problems += field_problems(error, within=("body", "failures", number))
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

    def _reports(self, fields: AnalyzeFailuresRequest) -> list[ReportFile]:
        found = []
        for path, file in self.files.items():
            file_path = Path(file.name)
            if path == _RAW_XML:
                if file_path.stat().st_size:
                    found.append(ReportFile("", file_path))
            else:
                number = path[1]
                reports = fields.reports or []
                if isinstance(number, int) and number < len(reports):
                    found.append(ReportFile(reports[number].name, file_path))
        return found


def _too_long(error: TooLong) -> dict[str, Any]:
    return {
        "type": "string_too_long",
        "loc": ["body", *error.path],
        "msg": f"String should have at most {error.limit} characters",
        "ctx": {"max_length": error.limit},
    }


def _not_exactly_one(failures: int, reports: bool, fields: AnalyzeFailuresRequest) -> dict[str, Any]:  # noqa: FBT001 - said by name below
    both = failures and (reports or fields.raw_xml is not None)
    return {
        "type": "value_error",
        "loc": ["body"],
        "msg": (
            "Send exactly one of failures, raw_xml and reports, not several."
            if both
            else "Send exactly one of failures, raw_xml and reports; an empty one counts as not sent."
        ),
    }


def request_params(fields: AnalyzeFailuresRequest) -> dict[str, Any]:
    """The request for the record: what was set, without the long parts and without credentials."""
    kept = fields.model_dump(mode="python", exclude_unset=True, exclude={"failures", "raw_xml", "reports"})
    cleaned: dict[str, Any] = json.loads(json.dumps(_without_secrets(kept)))
    return cleaned


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    from pydantic import SecretStr  # noqa: PLC0415

    if isinstance(value, dict):
        return {key: _without_secrets(item) for key, item in value.items() if not isinstance(item, SecretStr)}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value
