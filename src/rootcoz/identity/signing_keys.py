"""The keys a provider signs with, and tokens that were signed with them.

Only signatures that whoever can check them cannot make count: neither `none` nor those with a shared secret.
https://datatracker.ietf.org/doc/html/rfc8725 says why.
"""

from collections.abc import Iterable, Mapping, Sequence

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
LONGEST_TOKEN = 100_000
"""Characters of a token that is looked at."""


class UnknownKey(Exception):
    """None of the keys made the signature: the provider may have new ones."""


class BadToken(Exception):
    """It is no signed token; the message says what it lacks."""


def signing_keys(entries: Iterable[object]) -> Sequence[tuple[Mapping[str, object], Key]]:
    """The public keys for signatures among the entries of a key set (RFC 7517); what is of no use is left out."""
    found = []
    for entry in entries:
        if isinstance(entry, dict) and entry.get("use", "sig") == "sig" and entry.get("kty") != "oct":
            try:
                found.append((entry, import_key(entry)))
            except (JoseError, ValueError, KeyError, TypeError):
                continue
    return found


def signed_claims(
    token: str, keys: Sequence[tuple[Mapping[str, object], Key]], algorithms: Sequence[str]
) -> dict[str, object]:
    """What the token says, once its signature is checked. Raises UnknownKey and BadToken."""
    if len(token) > LONGEST_TOKEN:
        raise BadToken("it is too long")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError) as error:
        raise BadToken("it is no signed token") from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadToken(f"it is signed with {str(algorithm)[:20]}, which is not accepted")
    for entry, key in keys:
        if key_id is not None and entry.get("kid") != key_id:
            continue
        if entry.get("alg", algorithm) != algorithm:
            continue
        try:
            claims = jwt.decode(token, key, algorithms=[algorithm]).claims
        except (JoseError, ValueError):
            continue
        if isinstance(claims, dict):
            return dict(claims)
        raise BadToken("it holds no claims")
    raise UnknownKey
