"""Whom a comment speaks to: `@name` outside of code, and not inside of e-mail addresses.

Code is what CommonMark calls a code span or a fenced code block (https://spec.commonmark.org/0.31.2/, sections 6.1 and
4.5): people quote decorators and shell lines there.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rootcoz.domain.account import NAME_LIMIT, name_key

MENTIONS_LIMIT = 50
"""Names that one comment can speak to; further ones are text."""
TEXT_LIMIT = 300
"""Characters of a comment that a notification quotes."""

_FENCE = re.compile(r"(?:[ ]{0,3}>)*[ ]{0,3}(?P<fence>`{3,}|~{3,})(?P<rest>.*)")
_TICKS = re.compile(r"(?<!\\)`+|(?<=\\)`(?P<more>`+)")
# What may stand in an address before its `@`, and what makes `@` part of something else: a path, an escaped sign.
_MENTION = re.compile(r"(?<![\w.+\-/@\\%!#$&=?^{|}~])(?<!\w\")@(?P<name>\w[\w.-]*+(?:@\w[\w.-]*+)?)")
_TRAILING = ".-"


@dataclass(frozen=True, slots=True)
class Mention:
    """One person a comment spoke to, as that person reads it."""

    id: int
    """Of the comment."""
    job_id: str
    test_name: str
    child_job_name: str
    child_build_number: int
    comment: str
    username: str
    """The author; empty when nobody was named."""
    created_at: str
    is_read: bool


@dataclass(frozen=True, slots=True)
class SpokenTo:
    """A new comment that speaks to people."""

    analysis_id: int
    job_id: str
    comment_id: int
    comment: str
    author: str
    names: tuple[str, ...]
    """Of those it speaks to, by `name_key`; its author is not among them."""


def spoken_to(text: str) -> list[tuple[str, ...]]:
    """The name keys that each mention may mean, the longest first, in the order of the text; each mention once.

    More than one where the end may be punctuation: `@carol.` means `carol.` if there is such a user, else `carol`.
    """
    found: dict[tuple[str, ...], None] = {}
    for piece in _prose(text):
        for match in _MENTION.finditer(piece):
            if choices := _choices(match["name"]):
                found.setdefault(choices)
                if len(found) == MENTIONS_LIMIT:
                    return list(found)
    return list(found)


def _choices(name: str) -> tuple[str, ...]:
    """`name` and what is left of it without punctuation at its end."""
    shortest = name.rstrip(_TRAILING)
    if len(name) - len(shortest) > 3:  # noqa: PLR2004 - an ellipsis; more is decoration
        name = shortest
    names = [name[:end] for end in range(len(name), len(shortest) - 1, -1)]
    return tuple(dict.fromkeys(name_key(one) for one in names if len(one) <= NAME_LIMIT))


def _prose(text: str) -> Iterator[str]:
    """The text outside of code, in pieces that no mention spans."""
    for paragraph in _paragraphs(text.splitlines()):
        yield from _outside_spans(paragraph)


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Runs of lines between blank ones, fenced blocks left out. A fence that is never closed lasts to the end."""
    closing = ""
    run: list[str] = []
    for line in lines:
        fence = _FENCE.fullmatch(line)
        if closing:
            if fence and fence["fence"].startswith(closing) and not fence["rest"].strip():
                closing = ""
            continue
        if fence and not (fence["fence"][0] == "`" and "`" in fence["rest"]):
            closing = fence["fence"]
        elif line.strip():
            run.append(line)
            continue
        yield "\n".join(run)
        run = []
    yield "\n".join(run)


def _outside_spans(paragraph: str) -> Iterator[str]:
    """What is left when code spans are taken out: from some backticks to the next as many."""
    ticks = [match.span("more") if match["more"] else match.span() for match in _TICKS.finditer(paragraph)]
    later: dict[int, list[int]] = defaultdict(list)
    for number in range(len(ticks) - 1, -1, -1):
        later[ticks[number][1] - ticks[number][0]].append(number)
    at = number = 0
    while number < len(ticks):
        start, end = ticks[number]
        same = later[end - start]
        while same and same[-1] <= number:
            same.pop()
        if same:
            number = same[-1]
            yield paragraph[at:start]
            at = ticks[number][1]
        number += 1
    yield paragraph[at:]
