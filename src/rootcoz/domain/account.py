"""People and programs that the server knows by name.

Two names are one when they differ in case or width only: who could be `Alice` beside `alice` could pass for her.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from rootcoz.domain.errors import InvalidInput

ADMIN = "admin"
"""The administrator of the setting ADMIN_KEY. Nobody else may be called so."""
NAME_LIMIT = 200
"""Characters of a name that comes from a cookie, a proxy or an identity provider."""
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,49}")


class Role(StrEnum):
    """What a user may do."""

    ADMIN = "admin"
    USER = "user"


class Proof(StrEnum):
    """How it is known who asks."""

    NONE = "none"
    """Not at all: nobody is named, or a plain cookie says so."""
    SESSION = "session"
    KEY = "key"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Account:
    """A user in the store."""

    id: int
    username: str
    role: Role
    created_at: str
    last_seen: str | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, for the rules about oneself and for the audit log."""

    name: str
    address: str = ""
    """Network address the request came from."""
    account_id: int | None = None
    """None for `admin` and for those who have proven nothing."""
    is_granted: bool = False
    """Whether they are an administrator by a group at an identity provider, which the store does not know of."""


def name_key(name: str) -> str:
    """What two names have in common that mean the same user."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def is_reserved(name: str) -> bool:
    """Whether the name is `admin`, however it is written."""
    return name_key(name) == ADMIN


def outside_name(text: str) -> str:
    """A name that was not given by an administrator; empty if it is reserved or nobody could be called so."""
    name = text.strip()
    if len(name) > NAME_LIMIT or not name.isprintable() or is_reserved(name):
        return ""
    return name


def checked_username(name: str) -> str:
    """The name, if an administrator may give it. Raises InvalidInput."""
    name = name.strip()
    if not name:
        raise InvalidInput("A username is needed.")
    if is_reserved(name):
        raise InvalidInput("The username admin belongs to the administrator of ADMIN_KEY; choose another.")
    if not _USERNAME.fullmatch(name):
        raise InvalidInput(
            "A username has 2 to 50 characters: letters, digits, dot, underscore or dash; the first is a "
            "letter or a digit."
        )
    return name
