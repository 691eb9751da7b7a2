"""What providers say when something goes wrong: readable, bounded, and without secrets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rootcoz.domain.errors import OutsideError, RateLimited, Refused, Unavailable

REASON_LINES = 5
REASON_LIMIT = 600
"""Characters that an error message quotes: the end of the last REASON_LINES lines."""
READ_BACK = 4_000
"""Bytes of a program's standard error, from its end, that are looked at for it."""
SHORTEST_SECRET = 6
"""Characters from which on a known secret is removed wherever it occurs."""

_NAMED_SECRET = re.compile(
    r"(?i)((?:token|secret|passw(?:or)?d|api[-_]?key|authorization|credential)[\w-]{0,40}"
    r"[\"']?\s{0,9}[:=]\s{0,9}[\"']?(?:(?:bearer|basic)\s{1,9})?)[^\s\"',;]+"
)
_LONG_WORD = re.compile(r"[A-Za-z0-9_+=.~-]{20,}")
_ADDRESS_LOGIN = re.compile(r"(://)[^\s/@]+@")
_RETRY_IN = re.compile(r"(?i)(?:retry|try again) (?:in|after)\s{1,3}(\d{1,6}(?:\.\d{1,6})?) ?s")


# --- outcomes ------------------------------------------------------------------------------------

_TOO_LARGE = 413
_TOO_MANY_REQUESTS = 429
_BUSY = frozenset({_TOO_MANY_REQUESTS, 503, 529})
"""529 is Anthropic's "overloaded"."""
_SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whose words they are, and what the user can turn to put them right."""

    name: str
    """For people: `Claude Code`."""
    source: str
    """`provider claude`."""
    key_setting: str
    model: str = ""

    def refusal(self, status: int, said: str, *, retry_after_s: float | None = None) -> OutsideError:
        """The error for an HTTP status that the vendor's service answered with.

        `said` is the vendor's own text, already without secrets.
        """
        tail = f" It said: {said}" if said else ""
        if status in {401, 403} or (status == 400 and "api key" in said.lower()):  # noqa: PLR2004 - HTTP
            return self.refused(f"{self.name} was refused by its service: check {self.key_setting}.{tail}")
        if status == 404:  # noqa: PLR2004 - HTTP
            return self.unknown_model(said)
        if status in _BUSY:
            why = "its rate limit" if status == _TOO_MANY_REQUESTS else "overload"
            message = f"{self.name} was turned away for {why} (HTTP {status}); ask again later.{tail}"
            after = retry_after_s if retry_after_s is not None else retry_after(said)
            return RateLimited(message, source=self.source, retry_after_s=after)
        if status == _TOO_LARGE:
            return self.refused(f"{self.name}'s service found the question too large.{tail}")
        message = f"{self.name}'s service answered with HTTP {status}.{tail}"
        return self.unavailable(message) if status >= _SERVER_ERRORS else self.refused(message)

    def unknown_model(self, said: str = "") -> Refused:
        """The error for a model that the vendor does not have, or not for us."""
        tail = f" It said: {said}" if said else ""
        return self.refused(
            f"{self.name} has no model {self.model!r} for this key: choose another (GET /api/ai-models).{tail}"
        )

    def refused(self, message: str) -> Refused:
        """An answer that says no."""
        return Refused(message, source=self.source)

    def unavailable(self, message: str) -> Unavailable:
        """No answer."""
        return Unavailable(message, source=self.source)


def retry_after(said: str) -> float | None:
    """Seconds after which a text asks to be tried again, if it does."""
    match = _RETRY_IN.search(said)
    return float(match[1]) if match else None


# --- quoting -------------------------------------------------------------------------------------


def last_lines(output: bytes) -> str:
    """The last lines that say anything, unprintable characters replaced by spaces; bounded."""
    text = output[-READ_BACK:].decode(errors="replace")
    if len(output) > READ_BACK:
        text = text.partition(" ")[2]  # The first word may be the harmless-looking half of a secret.
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    text = "\n".join(lines[-REASON_LINES:])
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def without_secrets(text: str, known: Iterable[str]) -> str:
    """The end of `text`, at most REASON_LIMIT characters, with `***` for what looks like a secret.

    Replaced are, in this order: the given values (those of SHORTEST_SECRET characters or more); what follows a
    name like `token`, `password` or `api_key` and `:` or `=`; a login in an address; any word of 20 or more
    letters, digits and `_+=.~-` that has both letters and digits in it. Rather too much than too little: a person
    can run the program again to read on.
    """
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    text = _NAMED_SECRET.sub(r"\1***", text)
    text = _ADDRESS_LOGIN.sub(r"\1***@", text)
    text = _LONG_WORD.sub(lambda match: "***" if _is_mixed(match[0]) else match[0], text)
    return text if len(text) <= REASON_LIMIT else "…" + text[1 - REASON_LIMIT :]


def _is_mixed(word: str) -> bool:
    return any(char.isdigit() for char in word) and any(char.isalpha() for char in word)
