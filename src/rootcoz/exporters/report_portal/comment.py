"""What is written to an item: one block of our own, beside whatever people wrote there.

The block has a first and a last line by which it is found again, so that the next push puts a new one in its place
and touches nothing else.
"""

import re
from dataclasses import dataclass

FIRST = "--- rootcoz ---"
LAST = "--- end of rootcoz ---"
COMMENT_LIMIT = 65_536
"""Characters of a comment, by Report Portal's own description of its API."""
SUMMARY_LIMIT = 1_000
"""Characters of the finding's own words: a comment is for a glance, the report has the rest."""

_BLOCK = re.compile(
    rf"^{re.escape(FIRST)}\r?\n(?P<said>.*?)\n{re.escape(LAST)}[ \t]*(?=\r?$)", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Remark:
    """What there is to say of a finding."""

    classification: str
    decided_by: str = ""
    """Who decided it, where a person did: `alice`; `somebody` when nobody was named."""
    summary: str = ""
    report_url: str = ""
    """Where the whole of it is."""


def block(remark: Remark) -> str:
    """Our part of the comment."""
    by = f" (decided by {remark.decided_by})" if remark.decided_by else ""
    lines = [FIRST, f"{remark.classification}{by}"]
    if summary := _plain(remark.summary):
        lines.append(summary)
    if remark.report_url:
        lines.append(f"Report: {remark.report_url}")
    return "\n".join((*lines, LAST))


def with_block(existing: str, ours: str) -> str:
    """The comment with our block in it: in the place of an earlier one, else below what people wrote.

    Existing text that leaves no room for it stays as it is.
    """
    if _BLOCK.search(existing):
        blocks = iter((ours,))
        changed = _BLOCK.sub(lambda _: next(blocks, ""), existing)
        if _unix(changed) == _unix(existing):
            return existing
    else:
        changed = f"{existing.rstrip()}\n\n{ours}" if existing.strip() else ours
    return changed if len(changed) <= COMMENT_LIMIT else existing


def pushed_classification(existing: str) -> str:
    """What an earlier push wrote in the first line of its block; empty when there is none."""
    found = _BLOCK.search(_unix(existing))
    return found["said"].partition("\n")[0].partition(" (decided by ")[0] if found else ""


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def _plain(text: str) -> str:
    """Bounded, and without a line that would be taken for the end of the block."""
    text = "\n".join(line.rstrip() for line in text.strip().splitlines() if line.strip() not in {FIRST, LAST})
    return text if len(text) <= SUMMARY_LIMIT else text[: SUMMARY_LIMIT - 1].rstrip() + "…"
