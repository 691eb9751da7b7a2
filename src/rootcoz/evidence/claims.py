"""Looking up what an answer claims: its quotations, and the file and line of its code fix."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rootcoz.domain.finding import Answer, CodeFix, Evidence, NoVerdict

MIN_SIGNIFICANT_CHARS = 6
"""Letters and digits a quotation needs before finding it within a longer line means anything."""


def check_claims(answer: Answer, sources: Mapping[str, str]) -> Answer:
    """Mark each claim of the answer as found in `sources` (name to text) or not. Nothing is dropped.

    `sources` are the failure's own texts, named as `Evidence.source` does; a prompt or another test's text
    is none.

    A quotation counts when it stands in a source letter by letter, or with runs of white space taken as one
    space; never when it is merely similar. One of few letters must be a whole line of the source, such as the
    message `boom`. One found in another source than named gets that source. A code
    fix counts when its file and line appear together in a source, as they do in a stack frame.
    """
    folded: dict[str, str] = {}
    evidence = tuple(_check_quote(item, sources, folded) for item in answer.evidence)
    if isinstance(answer, NoVerdict):
        return replace(answer, evidence=evidence)
    fix = answer.code_fix
    if fix is not None:
        fix = replace(fix, verified=_is_in_frames(fix, sources))
    return replace(answer, evidence=evidence, code_fix=fix)


# --- quotations ----------------------------------------------------------------------------------


def is_significant(quote: str) -> bool:
    """Whether a quotation has enough letters and digits for it to mean something that it was found."""
    return sum(char.isalnum() for char in quote[:_COUNTED_CHARS]) >= MIN_SIGNIFICANT_CHARS


def _check_quote(evidence: Evidence, sources: Mapping[str, str], folded: dict[str, str]) -> Evidence:
    quote = evidence.quote.strip()
    order = sorted(sources, key=lambda name: name != evidence.source)
    if not is_significant(quote):
        return _check_short_quote(
            replace(evidence, verified=False), quote, {name: sources[name] for name in order}
        )
    for name in order:
        found = sources[name].find(quote)
        if found >= 0:
            return replace(evidence, source=name, line=_line_of(sources[name], found), verified=True)
    words = " ".join(quote.split())
    for name in order:
        if name not in folded:
            folded[name] = " ".join(sources[name].split())
        found = folded[name].find(words)
        if found >= 0:
            at = _unfolded(sources[name], folded[name].count(" ", 0, found))
            return replace(evidence, source=name, line=_line_of(sources[name], at), verified=True)
    return replace(evidence, verified=False)


def _check_short_quote(evidence: Evidence, quote: str, sources: Mapping[str, str]) -> Evidence:
    """A few letters stand somewhere in most texts; as a whole line, or a whole source, they still say something."""
    if not quote:
        return evidence
    for name, text in sources.items():
        if text.strip() == quote:
            start = len(text) - len(text.lstrip())
            return replace(evidence, source=name, line=_line_of(text, start), verified=True)
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip() == quote:
                return replace(evidence, source=name, line=number, verified=True)
    return evidence


_COUNTED_CHARS = 1_000
"""Characters of a quotation that are counted; a long one need not be read to its end."""


def _line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _unfolded(text: str, word: int) -> int:
    """Offset of the word with that number, from 0, in the text before its white space was folded."""
    for number, match in enumerate(re.finditer(r"\S+", text)):
        if number == word:
            return match.start()
    return 0


# --- code fixes ----------------------------------------------------------------------------------

_LINES = re.compile(r"\s*(\d{1,9})(?:\s*(?:-|\u2013)\s*(\d{1,9}))?\s*$")
_BEFORE_LINE = r"(?:[\"'],? line |:line |:| on line |\()"
"""What stands between file and line in the traces of the languages we read."""


def _is_in_frames(fix: CodeFix, sources: Mapping[str, str]) -> bool:
    wanted = _LINES.match(fix.line)
    parts = _path_parts(fix.file)
    if wanted is None or not parts:
        return False
    first, last = int(wanted[1]), int(wanted[2] or wanted[1])
    return any(
        first <= line <= last and _may_be_same(parts, path)
        for text in sources.values()
        for path, line in _framed(parts[-1], text)
    )


def _framed(file_name: str, text: str) -> Iterator[tuple[list[str], int]]:
    """Each place in the text that names the file with a line: the path's parts and the line."""
    if file_name not in text:
        return
    pattern = re.compile(rf"(?<![\w.-]){re.escape(file_name)}{_BEFORE_LINE}(\d{{1,9}})\b")
    for match in pattern.finditer(text):
        before = re.search(r"[^\s\"'()]{0,400}$", text[max(0, match.start() - 400) : match.start()])
        yield _path_parts((before[0] if before else "") + file_name), int(match[1])


def _path_parts(path: str) -> list[str]:
    return [part for part in re.split(r"[/\\]", path.strip()) if part not in {"", ".", ".."}]


def _may_be_same(one: list[str], other: list[str]) -> bool:
    """Whether two paths may name one file: the shorter ends the longer. Java's frames give names alone."""
    length = min(len(one), len(other))
    return one[-length:] == other[-length:]
