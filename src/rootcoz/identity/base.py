"""What is asked of an identity provider, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Challenge:
    """The secrets of one sign-in, which the browser that began it keeps sealed."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the provider vouches for. Issuer and subject together name them, for ever."""

    issuer: str
    subject: str
    claims: Mapping[str, object] = field(repr=False)


class IdentityProvider(Protocol):
    """A provider at which people sign in with a browser. Errors are NotSignedIn, Unavailable and Refused."""

    async def authorization_url(self, challenge: Challenge) -> str:
        """Where the browser is to go."""
        ...

    async def person(self, code: str, challenge: Challenge, *, said_issuer: str | None = None) -> Person:
        """Whom the code stands for that the browser came back with. It works once."""
        ...
