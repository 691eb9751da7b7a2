"""What the sources read, and how it was grouped, as documents: decided once, the same after every restart."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import asdict
from typing import Any

import orjson

from rootcoz.domain.failure import (
    BuildOutline,
    Cluster,
    ErrorSignature,
    Failure,
    FailureGroup,
    ReportPosition,
)
from rootcoz.kit.chunks import Chunk, open_chunks

FAILURES = "failures"
"""Kind of the document with the failures, a JSON object a line, in the build's order."""
GROUPS = "groups"
"""Kind of the document with the groups, a JSON object a line, in the order of their numbers."""

OUTLINE = "outline"
"""Kind of the document that says which failures are whose, for builds with children."""
RESULT = "result"
"""Kind of the document that is sent to whoever asks for the result."""


def report_kind(number: int) -> str:
    """Kind of the document with report `number` (from 0) as it came, in UTF-8."""
    return f"report:{number}"


def encode_failures(failures: Iterable[Failure]) -> Iterator[bytes]:
    """Pieces for `kit.chunks.chunked`."""
    for failure in failures:
        yield orjson.dumps(asdict(failure), option=orjson.OPT_APPEND_NEWLINE)


def decode_failures(chunks: Sequence[Chunk]) -> tuple[Failure, ...]:
    """The failures again."""
    return tuple(_failure(line) for line in open_chunks(chunks))


def pick_failures(chunks: Sequence[Chunk], wanted: Container[int]) -> Iterator[tuple[int, Failure]]:
    """The failures with the wanted indices; the others are not taken apart."""
    for index, line in enumerate(open_chunks(chunks)):
        if index in wanted:
            yield index, _failure(line)


def encode_groups(groups: Iterable[FailureGroup]) -> Iterator[bytes]:
    """Pieces for `kit.chunks.chunked`. The representative is the first member, so it is not repeated."""
    for group in groups:
        fields = {
            "signature": group.signature.value,
            "version": group.signature.version,
            "members": group.members,
            "cluster": group.cluster and {"id": group.cluster.id, "reason": group.cluster.reason},
        }
        yield orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def decode_groups(chunks: Sequence[Chunk], failures: Sequence[Failure]) -> tuple[FailureGroup, ...]:
    """The groups again; `failures` are those of the same build."""
    return tuple(_group(number, line, failures) for number, line in enumerate(open_chunks(chunks), start=1))


def decode_group_members(chunks: Sequence[Chunk]) -> tuple[FailureGroup, ...]:
    """The groups without their representatives, for those who have not read the failures."""
    unread = Failure(test_name="")
    return tuple(
        _group(number, line, defaultdict(lambda: unread))
        for number, line in enumerate(open_chunks(chunks), start=1)
    )


def encode_outline(outline: BuildOutline) -> bytes:
    """For `kit.chunks.chunked`."""
    return orjson.dumps(outline)


def decode_outline(chunks: Sequence[Chunk], failures: Sized) -> BuildOutline:
    """The outline again; without one, all failures are the build's own."""
    if not chunks:
        return BuildOutline(count=len(failures))
    return _outline(orjson.loads(open_chunks(chunks).read()))


def _outline(fields: dict[str, Any]) -> BuildOutline:
    children = tuple(_outline(child) for child in fields.pop("children"))
    return BuildOutline(**fields, children=children)


def _failure(line: bytes) -> Failure:
    fields = orjson.loads(line)
    position = fields.pop("position")
    others = tuple(fields.pop("other_messages", ()))
    return Failure(**fields, other_messages=others, position=ReportPosition(**position) if position else None)


def _group(number: int, line: bytes, failures: Sequence[Failure] | Mapping[int, Failure]) -> FailureGroup:
    fields = orjson.loads(line)
    members = tuple(fields["members"])
    cluster = fields.get("cluster")  # Analyses that were grouped before there were clusters have none.
    return FailureGroup(
        number=number,
        signature=ErrorSignature(fields["signature"], fields["version"]),
        representative=failures[members[0]],
        members=members,
        cluster=Cluster(**cluster) if cluster else None,
    )
