"""Removes known shapes of secrets from text, so that no AI, page or file of ours shows them.

Enters: a text or its lines, of any length. Leaves: the same with each secret replaced by its kind, for example
`[secret: github token]`, and how many of each kind there were. The number of lines never changes, so that line
numbers stay right, and what was redacted once stays as it is.

`secret_rules.py` is the whole truth about what counts as a secret: shapes that vendors gave their tokens, values
that stand behind a telling name (`password=`, `--token`, `Authorization:`), user information in URLs; here private
keys over several lines are added. Digests, commit ids and UUIDs by themselves are none. A text is first searched
for the rules' needles with plain string search; only lines that hold one are matched. Every repetition in the
patterns is bounded or possessive: the time is linear in the text's length.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from rootcoz.evidence.secret_rules import EMAIL, MARK, RULES, SecretRule

_BATCH_LINES = 2_048


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its secrets."""

    text: str
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many of each kind were removed; kinds with none are absent."""


def redact(text: str, *, emails: bool = False) -> Redacted:
    """Remove the secrets from a text of any number of lines. E-mail addresses go only where asked."""
    redactor = Redactor(emails=emails)
    lines = text.split("\n")
    return Redacted("\n".join(redactor.lines(lines)), dict(redactor.counts))


class Redactor:
    """Removes secrets from a stream of lines and counts them. One for each stream: keys span lines."""

    def __init__(self, *, emails: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        self._rules = (*RULES, EMAIL) if emails else RULES
        self._key = _KeyBlock()

    def lines(self, lines: Iterable[str]) -> Iterator[str]:
        """Each line without its secrets, line feeds at ends kept. Reads up to 2,048 lines ahead."""
        rest = iter(lines)
        while batch := list(islice(rest, _BATCH_LINES)):
            self._redact_batch(batch)
            yield from batch

    def _redact_batch(self, batch: list[str]) -> None:
        single = batch if "\n" not in "".join(batch) else [line.replace("\n", " ") for line in batch]
        for index, rules in _suspects(single, self._rules).items():
            line = batch[index]
            for rule in rules:
                line = self._redact_line(line, rule)
            batch[index] = line
        if self._key.open or any("PRIVATE KEY" in line for line in batch):
            for index, line in enumerate(batch):
                batch[index] = self._key.redact(line, self.counts)

    def _redact_line(self, line: str, rule: SecretRule) -> str:
        parts: list[str] = []
        at = 0
        for match in _matches(line, rule):
            start, end = match.span("secret" if "secret" in rule.pattern.groupindex else 0)
            secret = line[start:end]
            if start < at or not secret or secret.startswith(MARK[:-1]):
                continue
            if rule.decide is None or rule.decide(match):
                self.counts[rule.kind] += 1
                parts.append(f"{line[at:start]}{MARK}{rule.kind}]")
                at = end
        return "".join(parts) + line[at:] if parts else line


def _matches(line: str, rule: SecretRule) -> Iterator[re.Match[str]]:
    if not rule.cores:
        yield from rule.pattern.finditer(line)
        return
    lowered = line.lower()
    if len(lowered) != len(line):  # a few letters become two; then only ASCII is lowered
        lowered = "".join(char.lower() if char.isascii() else char for char in line)
    places = {at for core in rule.cores for at in _places(lowered, core)}
    for place in sorted(places):
        match = rule.pattern.match(line, place)
        if match is not None:
            yield match


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


_LONG_WORD = re.compile(rb"[-_](?=[A-Za-z0-9_-]{18})")


def _suspects(batch: list[str], rules: Sequence[SecretRule]) -> dict[int, list[SecretRule]]:
    """Index of each line that holds a needle, with the rules to try, in their order."""
    # Bytes are searched at one speed, whatever letters the text holds.
    text = "\n".join(batch).encode("utf-8", "surrogatepass")
    found: dict[int, set[int]] = {}
    _search(text, rules, lambda index: index, found, worded=False)
    worded = sorted(set(_line_indices(text, (match.start() for match in _LONG_WORD.finditer(text)))))
    words = "\n".join(batch[index] for index in worded).encode("utf-8", "surrogatepass")
    _search(words, rules, worded.__getitem__, found, worded=True)
    return {index: [rules[number] for number in sorted(numbers)] for index, numbers in found.items()}


def _search(
    text: bytes,
    rules: Sequence[SecretRule],
    index_of: Callable[[int], int],
    found: dict[int, set[int]],
    *,
    worded: bool,
) -> None:
    lowered = text.lower()
    tried: dict[str | re.Pattern[bytes], list[int]] = {}
    for number, rule in enumerate(rules):
        if rule.worded is worded:
            for needle in rule.needles:
                tried.setdefault(needle, []).append(number)
    for needle, numbers in tried.items():
        if isinstance(needle, str):
            searched = lowered if needle == needle.lower() else text
            places = _line_hits(searched, needle.encode())
        else:
            searched = text
            places = (match.start() for match in needle.finditer(text))
        for index in _line_indices(searched, places):
            found.setdefault(index_of(index), set()).update(numbers)


def _line_hits(text: bytes, needle: bytes) -> Iterator[int]:
    """The needle's first place in each line that holds it."""
    at = text.find(needle)
    while at >= 0:
        yield at
        end = text.find(b"\n", at)
        if end < 0:
            return
        at = text.find(needle, end)


def _line_indices(text: bytes, places: Iterable[int]) -> Iterator[int]:
    """Number of the line, from 0, in which each of the ascending places stands."""
    index = counted = 0
    for place in places:
        index += text.count(b"\n", counted, place)
        counted = place
        yield index


# --- private keys over several lines -----------------------------------------------------------------

_KEY_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(
    r"(?P<before>.{0,80}?)(?<![\w+/=])(?P<body>[A-Za-z0-9+/]{4,}+={0,3})(?P<after>(?:\\n|[\"',\s]){0,8})$"
)
_KEY_HEADER = re.compile(r"(?:^|[\s|>])(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset): ")
_LONGEST_KEY = 400
"""Lines: an RSA key of 16384 bits has 200."""


class _KeyBlock:
    """Follows a private key from its first to its last line."""

    def __init__(self) -> None:
        self.open = False
        self._length = 0
        self._indent = 0

    def redact(self, line: str, counts: Counter[str]) -> str:
        begin = _KEY_BEGIN.search(line)
        if begin is not None:
            end = _KEY_END.search(line, begin.end())
            stop = end.start() if end is not None else len(line.rstrip("\r\n"))
            self.open, self._length, self._indent = end is None, 0, begin.start()
            body = line[begin.end() : stop].strip("\"', \\nr")
            if body.startswith(MARK) or len(body) < _LEAST_KEY_CHARS:
                return line
            counts["private key"] += 1
            return f"{line[: begin.end()]}{MARK}private key]{line[stop:]}"
        if not self.open:
            return line
        return self._inside(line, counts)

    def _inside(self, line: str, counts: Counter[str]) -> str:
        self._length += 1
        end = _KEY_END.search(line)
        text = line.rstrip("\r\n")
        if end is not None or self._length > _LONGEST_KEY:
            self.open = False
            return line
        if not text.strip() or MARK in text or _KEY_HEADER.search(text):
            return line
        match = _KEY_LINE.match(text)
        if match is None or not self._is_beside(match["before"]):
            self.open = False
            return line
        if self._length == 1:
            counts["private key"] += 1
        return f"{match['before']}{MARK}private key]{match['after']}{line[len(text) :]}"

    def _is_beside(self, before: str) -> bool:
        """Whether a line has no more in front of it than the key's first line had: a time stamp, a quotation mark."""
        return not before.strip() or abs(len(before) - self._indent) <= _UNEVEN_CHARS


_UNEVEN_CHARS = 2
_LEAST_KEY_CHARS = 16
"""Characters behind a key's first words that are taken for the key itself."""
