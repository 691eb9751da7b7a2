"""Issues of trackers that look like the findings of an analysis, as a document."""

from collections.abc import Mapping, Sequence

import orjson

from rootcoz.domain.issue import LinkedBy, MatchedIssue, ReopenedIssue
from rootcoz.kit.chunks import Chunk, open_chunks

ISSUES = "issues"
"""Kind of the document; it is there once the trackers have been asked, even if they had nothing."""

REOPENED = "reopened"
"""Kind of the document with the closed issues of failures that came again."""


def encode_issues(matches: Mapping[int, Sequence[MatchedIssue]]) -> bytes:
    """Matches by group number, for `kit.chunks.chunked`."""
    return orjson.dumps({str(number): list(found) for number, found in matches.items()})


def decode_issues(chunks: Sequence[Chunk]) -> dict[int, list[MatchedIssue]]:
    """The matches again; empty without a document."""
    if not chunks:
        return {}
    kept = orjson.loads(open_chunks(chunks).read())
    return {int(number): [MatchedIssue(**match) for match in found] for number, found in kept.items()}


def encode_reopened(issues: Mapping[int, Sequence[ReopenedIssue]]) -> bytes:
    """By group number, for `kit.chunks.chunked`."""
    return orjson.dumps({str(number): list(found) for number, found in issues.items()})


def decode_reopened(chunks: Sequence[Chunk]) -> dict[int, list[ReopenedIssue]]:
    """The reverse of encode_reopened; empty without a document."""
    if not chunks:
        return {}
    kept = orjson.loads(open_chunks(chunks).read())
    return {
        int(number): [ReopenedIssue(**{**one, "linked_by": LinkedBy(one["linked_by"])}) for one in found]
        for number, found in kept.items()
    }
