"""Sentences for the user, beside the report."""

import sys

from rootcoz.cli.report.safe_text import visible
from rootcoz.cli.streams import discard


def say(sentence: str) -> None:
    """A line on standard error. A message that nobody can receive is no reason to fail."""
    try:
        print(f"rootcoz: {visible(sentence)}", file=sys.stderr, flush=True)  # noqa: T201 - a command line speaks
    except OSError:
        discard(sys.stderr)
    except ValueError:
        return
