"""Values that only the holder of a key can read, bound to the place they were sealed for.

AES-256-GCM (NIST SP 800-38D). A sealed value is: one byte of format, four bytes that name the key, a nonce of twelve
bytes, and the ciphertext with its tag. The place is associated data: a value moved to another row does not open.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = b"\x01"
_KEY_ID_SIZE = 4
_NONCE_SIZE = 12
_HEAD_SIZE = len(_FORMAT) + _KEY_ID_SIZE + _NONCE_SIZE


class Unreadable(Exception):
    """The value was sealed with another key, for another place, or is damaged."""


class Seal:
    """One key. Made from any secret text; equal texts make equal keys."""

    def __init__(self, secret: str) -> None:
        key = hashlib.sha256(secret.encode("utf-8")).digest()
        self._cipher = AESGCM(key)
        self._digest_key = hashlib.sha256(b"digest" + key).digest()
        self._key_id = hashlib.sha256(b"id" + key).digest()[:_KEY_ID_SIZE]

    @classmethod
    def from_file(cls, path: Path) -> "Seal":
        """The key of the file, which is made, readable by its owner alone, when it is not there."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_text(encoding="ascii").strip())
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        return cls(path.read_text(encoding="ascii").strip())

    def close(self, value: bytes, *, place: str) -> bytes:
        """Seal `value` for `place`, for example the identity of its row."""
        nonce = os.urandom(_NONCE_SIZE)
        return _FORMAT + self._key_id + nonce + self._cipher.encrypt(nonce, value, place.encode("utf-8"))

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """The value again. Raises Unreadable."""
        if sealed[: len(_FORMAT) + _KEY_ID_SIZE] != _FORMAT + self._key_id:
            raise Unreadable("the value was sealed with another key")
        nonce = sealed[_HEAD_SIZE - _NONCE_SIZE : _HEAD_SIZE]
        try:
            return self._cipher.decrypt(nonce, sealed[_HEAD_SIZE:], place.encode("utf-8"))
        except InvalidTag:
            raise Unreadable("the value is damaged or belongs elsewhere") from None

    def digest(self, value: str) -> str:
        """HMAC-SHA-256 in hexadecimal, by which a value can be recognised that must not be stored."""
        return hmac.new(self._digest_key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
