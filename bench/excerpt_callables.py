"""The console excerpt and the removal of secrets as plain callables, for programs that measure them."""

from rootcoz.evidence.excerpt import excerpt
from rootcoz.evidence.secrets import redact


def excerpt_lines(log: str) -> list[int]:
    """Line numbers of the excerpt (from 1), best first."""
    spans = excerpt(log.split("\n")).spans
    return [line.number for span in spans for line in span.lines]


def redact_text(text: str) -> str:
    """The text without its secrets."""
    return redact(text).text
