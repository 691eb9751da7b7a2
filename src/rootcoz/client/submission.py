"""What is sent to start an analysis, as a stream of JSON that never holds a whole document."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from rootcoz.client.models import JsonObject
from rootcoz.domain.errors import InvalidInput, InvalidReport
from rootcoz.kit.regular_file import open_regular
from rootcoz.kit.xml_error import XmlError

CHUNK_SIZE = 128 * 1024
"""Bytes of a report that are in memory at once."""
REPORT_LIMIT = 50_000_000
"""Characters that the server takes in one report."""

Decode = Callable[[Iterable[bytes]], Iterator[str]]
"""Chunks of an XML document to its text; raises XmlError."""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report document on disk."""

    name: str
    """What the server and the reader call it."""
    path: Path
    given: str = ""
    """What the user called it, if that is something else."""

    @property
    def shown(self) -> str:
        """What messages for the user call it."""
        return self.given or self.name

    def chunks(self) -> Iterator[bytes]:
        """The document's bytes. Raises InvalidInput if it cannot be read."""
        try:
            with open_regular(self.path) as file:
                while chunk := file.read(CHUNK_SIZE):
                    yield chunk
        except OSError as error:
            raise InvalidInput(f"{self.shown} cannot be read: {error.strerror or error}.") from error


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """What the caller wants otherwise than the server's settings; None leaves them."""

    provider: str | None = None
    model: str | None = None
    max_concurrent: int | None = None
    timeout_minutes: int | None = None
    """Minutes that one question may take."""
    prompt: str | None = None

    def fields(self) -> dict[str, str | int]:
        """The request's fields, by their names on the wire."""
        named = {
            "ai_provider": self.provider,
            "ai_model": self.model,
            "max_concurrent_ai_calls": self.max_concurrent,
            "ai_cli_timeout": self.timeout_minutes,
            "raw_prompt": self.prompt,
        }
        return {name: value for name, value in named.items() if value is not None}


def reports_body(reports: Sequence[ReportFile], options: SubmitOptions, decode: Decode) -> Iterator[bytes]:
    """A request with report documents, about CHUNK_SIZE at a time. Raises InvalidInput while it is read."""
    yield b'{"reports":['
    for index, report in enumerate(reports):
        yield b"," if index else b""
        yield b'{"name":' + orjson.dumps(report.name) + b',"xml":"'
        yield from _escaped_text(report, decode)
        yield b'"}'
    yield b"]" + _closing(options)


def _escaped_text(report: ReportFile, decode: Decode) -> Iterator[bytes]:
    try:
        for text in decode(report.chunks()):
            yield orjson.dumps(text)[1:-1]
    except XmlError as error:
        raise InvalidReport(f"{report.shown} cannot be read: {error}.") from error
    except (
        orjson.JSONEncodeError
    ) as error:  # lone surrogates, which UTF-32 and some old encodings let through
        raise InvalidReport(f"{report.shown} cannot be read: it holds halves of characters.") from error


def failures_body(failures: Sequence[JsonObject], options: SubmitOptions) -> Iterator[bytes]:
    """A request with raw failures, one failure at a time."""
    yield b'{"failures":['
    for index, failure in enumerate(failures):
        yield (b"," if index else b"") + orjson.dumps(failure)
    yield b"]" + _closing(options)


def _closing(options: SubmitOptions) -> bytes:
    fields = orjson.dumps(options.fields())
    return b"}" if fields == b"{}" else b"," + fields[1:]
