"""The two ends of a text that may be too long to keep, collected piece by piece in bounded memory."""

NOTE_ROOM = 80
"""Characters of a limit that are set aside for the line that says how much was left out."""


class HeadTail:
    """Keeps the first `head` and the last `tail` characters of what is added, never much more in memory."""

    def __init__(self, *, head: int, tail: int) -> None:
        self._head_room = head
        self._tail_limit = tail
        self._head: list[str] = []
        self._tail: list[str] = []
        self._tail_length = 0
        self._dropped = 0

    def add(self, piece: str) -> None:
        """Append a piece of the text."""
        if self._head_room:
            taken = piece[: self._head_room]
            self._head.append(taken)
            self._head_room -= len(taken)
            piece = piece[len(taken) :]
        if piece:
            self._tail.append(piece)
            self._tail_length += len(piece)
            # Trimming only at twice the limit makes the cost of all trims linear in the text's length.
            if self._tail_length > 2 * self._tail_limit:
                self._trim()

    def text(self) -> str:
        """The whole text if it fitted, else both ends and, between them, a line with the number left out."""
        self._trim()
        head, tail = "".join(self._head), "".join(self._tail)
        if not self._dropped:
            return head + tail
        return f"{head}\n[… {self._dropped:,} characters left out …]\n{tail}"

    def tail(self) -> str:
        """The kept end alone, without a note."""
        self._trim()
        return "".join(self._tail)

    def _trim(self) -> None:
        excess = self._tail_length - self._tail_limit
        if excess <= 0:
            return
        kept = "".join(self._tail)[excess:]
        self._tail = [kept]
        self._tail_length = len(kept)
        self._dropped += excess


def bounded(limit: int) -> HeadTail:
    """A collector whose `text()` has at most `limit` characters, the note included; `limit` > NOTE_ROOM."""
    tail = (limit - NOTE_ROOM) // 2
    return HeadTail(head=limit - NOTE_ROOM - tail, tail=tail)


def shortened(text: str, limit: int) -> str:
    """`text` if it has at most `limit` characters, else its two ends and a note, within `limit`."""
    if len(text) <= limit:
        return text
    collector = bounded(limit)
    collector.add(text)
    return collector.text()
