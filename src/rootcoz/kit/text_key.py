"""Long texts as small numbers that a database can index.

PostgreSQL refuses index entries of more than about 2,700 bytes, and an index of numbers is a fraction of the size of
one of names. Equal texts have equal keys; different ones nearly always have different keys, so a query compares the
text, too.
"""

from hashlib import blake2b


def text_key(*parts: str | int) -> int:
    """64 bits, signed, of the parts in their order; the same in every process and version."""
    digest = blake2b(digest_size=8)
    for part in parts:
        raw = str(part).encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return int.from_bytes(digest.digest(), "big", signed=True)
