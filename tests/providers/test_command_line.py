import time
from pathlib import Path

import pytest
from tests.support.provider_stand_ins import question

from rootcoz.domain.errors import RateLimited, Refused
from rootcoz.providers.base import Reply
from rootcoz.providers.command_line import PROMPT_LIMIT, Program, patiently

CAT = Program(what="Cat", source="provider cat", setting="CAT", names=("no-such-cat", "cat"))


class Vendor:
    """Turns away so many tries and then answers."""

    def __init__(self, refusals: int, retry_after_s: float | None) -> None:
        self.refusals = refusals
        self.retry_after_s = retry_after_s
        self.left: list[float] = []

    async def attempt(self, left_s: float) -> Reply:
        self.left.append(left_s)
        if len(self.left) <= self.refusals:
            raise RateLimited("slow down", source="provider x", retry_after_s=self.retry_after_s)
        return Reply("answer")


async def test_without_a_wait_of_the_vendor_s_the_planned_one_is_taken() -> None:
    vendor = Vendor(2, None)
    began = time.monotonic()

    await patiently(question(None), vendor.attempt, backoff_s=(0.05, 0.1))

    assert 0.15 <= time.monotonic() - began < 1
    assert vendor.left == sorted(vendor.left, reverse=True)


async def test_the_vendor_s_wait_goes_first() -> None:
    vendor = Vendor(1, 0.01)
    began = time.monotonic()

    await patiently(question(None), vendor.attempt, backoff_s=(5, 5))

    assert time.monotonic() - began < 1


async def test_the_tries_are_bounded() -> None:
    vendor = Vendor(99, 0)

    with pytest.raises(RateLimited):
        await patiently(question(None), vendor.attempt, backoff_s=(0, 0, 0))

    assert len(vendor.left) == 4


async def test_a_wait_beyond_the_time_is_not_begun() -> None:
    vendor = Vendor(1, 3600)

    with pytest.raises(RateLimited):
        await patiently(question(None, timeout_s=10), vendor.attempt)

    assert len(vendor.left) == 1


async def test_a_question_that_no_program_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="more than 8,000,000 bytes"):
        await CAT.run([], prompt="x" * (PROMPT_LIMIT + 1), workspace=None, extra={}, timeout_s=5)


async def test_a_long_question_arrives_whole() -> None:
    ended = await CAT.run([], prompt="x" * PROMPT_LIMIT, workspace=None, extra={}, timeout_s=20)

    assert len(ended.stdout) == PROMPT_LIMIT
