"""Key pairs by which push services know an application: RFC 8292, section 2. P-256, written as base64url."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

# The curves are imported where they are used: a server starts sooner without them (PLC0415 is why).

_PRIVATE_SIZE = 32


@dataclass(frozen=True, slots=True)
class VapidKeys:
    """A pair, without padding."""

    public: str
    """The uncompressed point, 65 bytes: what browsers call the application server key."""
    private: str = field(repr=False)
    """The number itself, 32 bytes."""


def new_vapid_keys() -> VapidKeys:
    """A random pair."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    number = key.private_numbers().private_value.to_bytes(_PRIVATE_SIZE, "big")
    return VapidKeys(_public_of(key), _text(number))


def read_vapid_keys(public: str, private: str) -> VapidKeys:
    """The pair, spelt without padding. Raises ValueError, with a sentence, unless the two belong together."""
    try:
        number = base64.urlsafe_b64decode(private + "=" * (-len(private) % 4))
    except (binascii.Error, ValueError):
        number = b""
    if len(number) != _PRIVATE_SIZE:
        raise ValueError("the private key must be 32 bytes in base64url")
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    try:
        key = ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP256R1())
    except ValueError:
        raise ValueError("the private key is none of P-256") from None
    if _public_of(key) != public.rstrip("="):
        raise ValueError("the public key does not belong to the private one")
    return VapidKeys(_public_of(key), _text(number))


def _public_of(key: "ec.EllipticCurvePrivateKey") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    return _text(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
