"""Python's garbage collection as a server wants it: everybody waits while it looks, so it looks at little at a time.

Almost everything is freed by its count of references at once; only cycles wait for a collection. A full one takes a
fifth of a millisecond for a thousand objects, and a report of 20,000 failures is some hundred thousand of them.
"""

import asyncio
import gc

COLLECT_AFTER = 5_000
"""New objects between two quick collections: one to two milliseconds each."""
COLLECT_MIDDLE_AFTER = 10
"""Quick ones between two that look at all that was new since the last of their kind: some ten milliseconds."""
NEVER = 1_000_000_000
SMALL = 50_000
"""Objects that a full collection gets through in ten milliseconds or so."""
LOOK_S = 30.0
PATIENCE = 20
"""Looks after which a full collection is made though there is much to go through."""


def keep_what_is_loaded() -> None:
    """Leave all that exists now out of every later collection. The little garbage among it stays too."""
    gc.freeze()


def collect_little_at_a_time() -> None:
    """From now on full collections are made by `collect_when_small` alone."""
    gc.set_threshold(COLLECT_AFTER, COLLECT_MIDDLE_AFTER, NEVER)


async def collect_when_small(*, look_s: float = LOOK_S, small: int = SMALL, patience: int = PATIENCE) -> None:
    """Make full collections for as long as this runs, when there is little to go through or it was put off often."""
    put_off = 0
    while True:
        await asyncio.sleep(look_s)
        if len(gc.get_objects(generation=2)) <= small or put_off >= patience:
            gc.collect()
            put_off = 0
        else:
            put_off += 1
