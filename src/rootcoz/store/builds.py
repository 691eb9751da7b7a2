"""What the sources read, and how it was grouped, as documents: decided once, the same after every restart."""

import sys
from array import array
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import asdict
from itertools import chain
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
from rootcoz.domain.verdicts import VerdictCounts
from rootcoz.kit.chunks import Chunk, open_chunks

FAILURES = "failures"
"""Kind of the document with the failures, a JSON object a line, in the build's order."""
GROUPS = "groups"
"""Kind of the document with the groups, a JSON object a line, in the order of their numbers."""

OUTLINE = "outline"
"""Kind of the document that says which failures are whose, for builds with children."""
RESULT = "result"
"""Kind of the document that is sent to whoever asks for the result."""


ANSWER_PLACES = "answer_places"
"""Kind of the document that says where in the result the answer for each failure stands: three numbers of eight bytes
each, the failure's index, the bytes before the answer and its bytes, in the order of the result."""
SUMMARY_PLACE = -1
"""In the place of a failure's index: the result's summary."""
VERDICTS = "verdicts"
"""Kind of the document with the counts that the result's summary tells."""


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


def encode_places(places: Iterable[tuple[int, int, int]]) -> bytes:
    """For `kit.chunks.chunked`."""
    numbers = array("q", chain.from_iterable(places))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def decode_places(chunks: Sequence[Chunk]) -> Iterator[tuple[int, int, int]]:
    """The reverse of encode_places: failure, start, size."""
    numbers = array("q", open_chunks(chunks).read())
    if sys.byteorder == "big":
        numbers.byteswap()
    return zip(*[iter(numbers)] * 3, strict=True)


def encode_verdicts(counts: VerdictCounts) -> bytes:
    """For `kit.chunks.chunked`."""
    return orjson.dumps(counts)


def decode_verdicts(chunks: Sequence[Chunk]) -> VerdictCounts | None:
    """The counts again; None where an older version kept none."""
    return VerdictCounts(**orjson.loads(open_chunks(chunks).read())) if chunks else None


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
