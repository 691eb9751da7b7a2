"""What a report is made of, and what it becomes."""

from collections.abc import Callable
from dataclasses import dataclass

from rootcoz.client.models import ResultResponse
from rootcoz.client.submission import ReportFile


@dataclass(frozen=True, slots=True)
class FinishedAnalysis:
    """The server's answer, with the documents that were sent."""

    response: ResultResponse
    reports: tuple[ReportFile, ...] = ()
    """In the order in which they were sent; empty when they are not at hand."""


@dataclass(frozen=True, slots=True)
class Page:
    """Where a report will be read."""

    width: int = 100
    """Columns."""
    color: bool = False
    encoding: str = "utf-8"
    interactive: bool = False
    """Whether a person reads it in a terminal."""

    @property
    def is_unicode(self) -> bool:
        """Whether the marks and lines of the report can be written as they are."""
        try:
            "✓·─".encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Document:
    """Something to write out."""

    name: str
    """The report's name when there is one document for each; empty when it is about all of them."""
    content: bytes


Format = Callable[[FinishedAnalysis, Page], list[Document]]
"""One document, or one for each report (`xml`). Raises RootcozError if it cannot be made."""
