"""Values that only the holder of a key can read, bound to the place they were sealed for.

AES-256-GCM (NIST SP 800-38D). A sealed value is: one byte of format, four bytes that name the key, a nonce of twelve
bytes, and the ciphertext with its tag. The place is associated data: a value moved to another row does not open.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = b"\x01"
_KEY_ID_SIZE = 4
_NONCE_SIZE = 12
NAME_SIZE = len(_FORMAT) + _KEY_ID_SIZE
"""First bytes of a sealed value, which say how and with which key it was sealed."""
_HEAD_SIZE = NAME_SIZE + _NONCE_SIZE


class Unreadable(Exception):
    """The value was sealed with another key, for another place, or is damaged."""


class _Key:
    """One key. Made from any secret text; equal texts make equal keys."""

    def __init__(self, secret: str) -> None:
        key = hashlib.sha256(secret.encode("utf-8")).digest()
        self.secret = secret
        self.cipher = AESGCM(key)
        self.digest_key = hashlib.sha256(b"digest" + key).digest()
        self.id = hashlib.sha256(b"id" + key).digest()[:_KEY_ID_SIZE].hex()


class Seal:
    """A ring of keys: values are sealed with one of them and opened with whichever they name.

    Keys can be added while it is in use. The key of digests is one for all: a digest cannot be made anew when keys
    change.
    """

    def __init__(self, secret: str, more: Callable[[], Iterable[str]] = tuple) -> None:
        """`more`: further secrets, asked for when a value names a key that is not known yet."""
        first = _Key(secret)
        self._keys = {first.id: first}
        self._more = more
        self._digest_key = first.digest_key
        self.first_id = first.id
        """The key that the ring was made with."""
        self.key_id = first.id
        """The key that values are sealed with from now on."""

    @classmethod
    def from_file(cls, path: Path) -> "Seal":
        """The key of the file, which is made, readable by its owner alone, when it is not there.

        It is read again when a value names a key that is not known: it may have been replaced.
        """

        def stored() -> str:
            return path.read_text(encoding="ascii").strip()

        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(stored(), lambda: (stored(),))
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(new_secret())
            file.flush()
            os.fsync(file.fileno())
        return cls(stored(), lambda: (stored(),))

    def add(self, secret: str) -> str:
        """Have one more key to open values with; its id."""
        key = _Key(secret)
        self._keys.setdefault(key.id, key)
        return key.id

    def look_again(self) -> None:
        """Take up the secrets that there are by now."""
        for secret in self._more():
            if secret:
                self.add(secret)

    def knows(self, key_id: str) -> bool:
        """Whether values sealed with that key can be opened."""
        return key_id in self._keys

    def key_ids(self) -> Sequence[str]:
        """All keys that values can be opened with."""
        return tuple(self._keys)

    def secret_of(self, key_id: str) -> str:
        """The secret that the key was made from."""
        return self._keys[key_id].secret

    def digest_key_of(self, key_id: str) -> bytes:
        """The key of digests that a ring of that key alone has."""
        return self._keys[key_id].digest_key

    def digest_with(self, digest_key: bytes) -> None:
        """Make digests with that key from now on."""
        self._digest_key = digest_key

    def close(self, value: bytes, *, place: str, key_id: str | None = None) -> bytes:
        """Seal `value` for `place`, for example the identity of its row; with the current key unless one is named."""
        key = self._keys[key_id or self.key_id]
        nonce = os.urandom(_NONCE_SIZE)
        return name_of(key.id) + nonce + key.cipher.encrypt(nonce, value, place.encode("utf-8"))

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """The value again. Raises Unreadable."""
        key = self._keys.get(key_id_of(sealed))
        if key is None or not sealed.startswith(_FORMAT):
            raise Unreadable("the value was sealed with another key")
        nonce = sealed[NAME_SIZE:_HEAD_SIZE]
        try:
            return key.cipher.decrypt(nonce, sealed[_HEAD_SIZE:], place.encode("utf-8"))
        except (InvalidTag, ValueError):  # a nonce that was cut off is a ValueError
            raise Unreadable("the value is damaged or belongs elsewhere") from None

    def digest(self, value: str) -> str:
        """HMAC-SHA-256 in hexadecimal, by which a value can be recognised that must not be stored."""
        return hmac.new(self._digest_key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def new_secret() -> str:
    """A secret that nobody can guess."""
    return secrets.token_urlsafe(32)


def key_id_of(sealed: bytes) -> str:
    """Which key the value was sealed with."""
    return sealed[len(_FORMAT) : NAME_SIZE].hex()


def name_of(key_id: str) -> bytes:
    """What a value begins with that was sealed with that key."""
    return _FORMAT + bytes.fromhex(key_id)


def replace_file(path: Path, secret: str) -> None:
    """Put the secret in the place of the one in the file, all or nothing, readable by its owner alone."""
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
