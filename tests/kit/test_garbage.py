import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress

import pytest

from rootcoz.kit.garbage import collect_little_at_a_time, collect_when_small


class Knot:
    """Refers to itself, so that only a collection frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thresholds_as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def old_garbage() -> "weakref.ref[Knot]":
    """Garbage that has outlived the younger generations."""
    knot = Knot()
    gc.collect()
    return weakref.ref(knot)


async def freed_within(knot: "weakref.ref[Knot]", *, small: int, patience: int) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            await collect_when_small(look_s=0.001, small=small, patience=patience)
    return knot() is None


def test_old_garbage_is_not_looked_for_on_the_way() -> None:
    collect_little_at_a_time()
    knot = old_garbage()
    kept = [[] for _ in range(200_000)]  # type: ignore[var-annotated]

    assert knot() is not None
    assert len(kept) == 200_000


async def test_old_garbage_is_freed_when_there_is_little_to_go_through() -> None:
    collect_little_at_a_time()

    assert await freed_within(old_garbage(), small=1_000_000_000, patience=1_000_000)


async def test_old_garbage_is_freed_in_the_end_when_there_is_always_much_to_go_through() -> None:
    collect_little_at_a_time()

    assert await freed_within(old_garbage(), small=0, patience=3)


async def test_a_full_collection_is_put_off_while_there_is_much_to_go_through() -> None:
    collect_little_at_a_time()

    assert not await freed_within(old_garbage(), small=0, patience=1_000_000)
