"""Pieces of a long byte stream replaced while it passes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Splice:
    """A piece and what stands in its place."""

    start: int
    """Bytes of the stream before the piece."""
    size: int
    """Bytes of the piece."""
    replacement: bytes

    @property
    def growth(self) -> int:
        """Bytes by which the stream becomes longer."""
        return len(self.replacement) - self.size


class Splicer:
    """Takes the stream in pieces of any size and gives them back with the splices made.

    `splices` are in order and do not overlap; those beyond the end of the stream are never made.
    """

    def __init__(self, splices: Sequence[Splice]) -> None:
        self._splices = splices
        self._next = 0
        self._at = 0
        self._skip_to = 0

    def feed(self, piece: bytes) -> bytes:
        """The next piece as it is to be."""
        out: list[bytes] = []
        begin, end = self._at, self._at + len(piece)
        self._at = end
        at = min(max(begin, self._skip_to), end)
        while self._next < len(self._splices) and (splice := self._splices[self._next]).start < end:
            out += (piece[at - begin : splice.start - begin], splice.replacement)
            self._skip_to = splice.start + splice.size
            at = min(self._skip_to, end)
            self._next += 1
        out.append(piece[at - begin :])
        return b"".join(out)


def spliced(pieces: Iterable[bytes], splices: Sequence[Splice]) -> Iterator[bytes]:
    """`pieces` with the splices made."""
    splicer = Splicer(splices)
    return map(splicer.feed, pieces)
