"""How long it takes to recall what people decided, with very many decisions in the store.

Fills a store with decisions about invented failures, remembers them, then looks new failures up: some of which
came before, some that resemble one, some that are new. The store has a row of history for each failure of each group
that was judged. With --postgres, an address as in DATABASE_URL of an empty database, that one is used.

Usage: python -m bench.bench_memory [--decisions 10000] [--postgres postgresql://...]
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import insert

from rootcoz.analysis.memory import (
    NEAR_GROUPS,
    catch_up,
    exact_decisions,
    near_decisions,
    remember_everything,
)
from rootcoz.domain.failure import Failure, FailureGroup
from rootcoz.grouping.groups import group_failures
from rootcoz.kit.chunks import chunked
from rootcoz.store import builds
from rootcoz.store.documents import save_document
from rootcoz.store.engine import Database
from rootcoz.store.history import HistoryRow, save_history
from rootcoz.store.schema import analyses, overrides

PER_ANALYSIS = 200
WHEN = "2026-03-01T07:15:02.113Z"
T = TypeVar("T")


class Product:
    """Invented failures of one product: few classes, many functions, a stack trace each."""

    def __init__(self) -> None:
        self.random = random.Random(11)  # noqa: S311 - not a secret
        syllables = [a + b for a in "bcdfglmnprst" for b in "aeiou"]
        self.words = ["".join(self.random.choices(syllables, k=3)) for _ in range(3_000)]

    def failure(self) -> Failure:
        """A new one each time."""
        pick = self.random.choice
        owner, test = pick(self.words[:400]).title(), pick(self.words[:300]).title()
        error = f"java.lang.{pick(['IllegalState', 'NullPointer', 'Timeout'])}Exception: " + " ".join(
            self.random.choices(self.words, k=12)
        )
        name = f"com.acme.{test}Test.{pick(self.words)}{pick(self.words).title()}"
        frames = [
            f"com.acme.{owner}Service.{pick(self.words)}({owner}Service.java:{number})"
            for number in range(1, 9)
        ]
        own = f"{name}({test}Test.java:20)"
        runner = [f"org.junit.runners.Step{number}.run(Step.java:{number})" for number in range(12)]
        return Failure(name, error, "\n\tat ".join((error, *frames, own, *runner)))


async def fill(database: Database, product: Product, decisions: int) -> list[Failure]:
    """Completed analyses in which each failure was judged; the failures."""
    known: list[Failure] = []
    for number in range(1, decisions // PER_ANALYSIS + 1):
        failures = [product.failure() for _ in range(PER_ANALYSIS)]
        groups = group_failures(failures)
        async with database.write() as connection:
            await connection.execute(insert(analyses).values(_analysis(number)))
            packed = chunked(builds.encode_failures(failures))
            await save_document(connection, number, builds.FAILURES, packed)
            await save_history(connection, number, [_history(group) for group in groups], analyzed_at=WHEN)
            await connection.execute(insert(overrides), [_override(number, group) for group in groups])
        known += failures
    return known


def _analysis(number: int) -> dict[str, object]:
    return {
        "id": number,
        "job_id": f"bench-{number}",
        "status": "completed",
        "source": "jenkins",
        "job_name": "nightly",
        "build_number": number,
        "provider": "builtin",
        "options": {},
        "request_params": {},
        "build_facts": {"reports": [], "notes": []},
        "progress_log": [],
        "created_at": WHEN,
        "completed_at": WHEN,
    }


def _history(group: FailureGroup) -> HistoryRow:
    return HistoryRow(
        number=group.members[0],
        group_number=group.number,
        job_name="nightly",
        build_number=1,
        child_job_name="",
        child_build_number=0,
        test_name=group.representative.test_name,
        error_message=group.representative.error_message,
        error_signature=group.signature.value,
        signature_version=group.signature.version,
        classification="CODE ISSUE",
    )


def _override(number: int, group: FailureGroup) -> dict[str, object]:
    return {
        "analysis_id": number,
        "child_job_name": "",
        "child_build_number": 0,
        "group_number": group.number,
        "error_signature": group.signature.value,
        "signature_version": group.signature.version,
        "classification": "PRODUCT BUG",
        "replaced": "CODE ISSUE",
        "username": "carol",
        "created_at": WHEN,
    }


async def timed(what: str, work: Awaitable[T], per: int = 1) -> T:
    """One line of the table."""
    began, began_cpu = time.perf_counter(), time.process_time()
    result = await work
    wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    each = f"  {wall / per * 1000:7.2f} ms each, {cpu / per * 1000:.2f} ms of CPU here" if per > 1 else ""
    print(f"{what:44} {wall * 1000:9.1f} ms{each}", flush=True)
    return result


async def run(database: Database, decisions: int) -> None:
    """Fill, remember, recall."""
    product = Product()
    known = await timed(f"{decisions:,} decisions stored", fill(database, product, decisions), decisions)
    await timed("all remembered", remember_everything(database, pause_s=0), decisions)
    await timed("nothing left to remember", catch_up(database))
    again = group_failures(known[:NEAR_GROUPS])
    new = group_failures([product.failure() for _ in range(NEAR_GROUPS)])
    for name, groups in (("came before", again), ("new", new)):
        exact = await timed(
            f"exact, {len(groups)} groups that {name}", exact_decisions(database, groups, but=0), len(groups)
        )
        near = await timed(
            f"near, {len(groups)} groups that {name}", near_decisions(database, groups, but=0), len(groups)
        )
        print(f"{'':44} {len(exact)} have an exact decision, {len(near)} a near one")


async def start(decisions: int, address: str) -> None:
    """In a folder that is gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(Path(folder), address)
        try:
            await run(database, decisions)
        finally:
            await database.close()


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument("--postgres", default="", help="an address as in DATABASE_URL")
    given = parser.parse_args()
    asyncio.run(start(given.decisions, given.postgres))


if __name__ == "__main__":
    main()
