"""How long questions to the history take with very many failures in it.

Fills a store with failures of 250 jobs, skewed as in life (the busiest job has a sixth of them), then asks a real
server over HTTP, one request after the other. With --postgres, an address for SQLAlchemy, the same questions are asked
of the feature behind the routes, in this process: the figures then lack the 2 ms of HTTP. `first` is the time of the
very first request, before anything was counted; p50 and p95 are of the ones that follow. CPU is the server's processor
time for each of those, in milliseconds: on a busy machine it tells more than the others.

Usage: python -m bench.bench_history [--rows 1000000] [--keep FOLDER] [--postgres postgresql+psycopg://...]
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import httpx2
from bench.bench_big_request import server
from sqlalchemy import create_engine, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from rootcoz.domain.history import HistoryFilters
from rootcoz.features.history import History
from rootcoz.kit.text_key import text_key
from rootcoz.store.engine import APP_FILE, Database
from rootcoz.store.history import HistoryRow, save_history
from rootcoz.store.schema import analyses, failure_history, history_runs, metadata
from rootcoz.store.search import TextIndex

PER_ANALYSIS = 50
ANALYSES_AT_ONCE = 200
BIG_ID = 10_000_000
JOBS = 250
TESTS = 20_000
MESSAGES = 6_000
BIG_RESULT = 20_000
ASKED = 40
RARE, COMMON, ABSENT = "zqxneedle", "TimeoutException", "qqzzvvxx"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the goal for its median in milliseconds."""

    name: str
    goal_ms: float
    path: str
    params: Mapping[str, str | int]
    ask: Callable[[History], Awaitable[object]] | None


class Invented:
    """Names and messages that look like those of real runs; the same ones each time."""

    def __init__(self) -> None:
        self.random = random.Random(7)  # noqa: S311 - not a secret
        pick = self.random.choice
        syllables = [a + b for a in "bcdfglmnprst" for b in "aeiou"]
        self.words = [
            "".join(self.random.choices(syllables, k=self.random.randint(1, 4))) for _ in range(6000)
        ]
        self.jobs = [f"{pick(['nightly', 'release/4.18', 'pr'])}/{pick(self.words)}-{n}" for n in range(JOBS)]
        self.tests = [
            f"tests.{pick(self.words)}.Test{pick(self.words).title()}.test_{pick(self.words)}_{n}"
            for n in range(TESTS)
        ]
        self.messages = [self._message() for _ in range(MESSAGES)]

    def _message(self) -> str:
        kinds = ["AssertionError", COMMON, "NullPointerException", "KeyError", "ConnectionResetError"]
        words = self.random.choices
        return (
            f"{self.random.choice(kinds)}: {' '.join(words(self.words, k=18))} at "
            f"/srv/{self.random.choice(self.words)}.py:{self.random.randint(1, 999)} "
            f"{' '.join(words(self.words, k=14))}"
        )

    def skewed(self, count: int) -> int:
        """An index below `count`, the low ones far more often."""
        return int(count * self.random.random() ** 3)


def analysis_row(number: int, job: str) -> dict[str, object]:
    """A completed analysis."""
    moment = f"2026-{1 + number % 12:02}-{1 + number % 28:02}T07:15:02.113Z"
    return {
        "id": number,
        "job_id": f"bench-{number}",
        "status": "completed",
        "source": "jenkins",
        "job_name": job,
        "build_number": number,
        "provider": "builtin",
        "options": {},
        "request_params": {},
        "build_facts": {"reports": [], "notes": []},
        "progress_log": [],
        "failure_count": PER_ANALYSIS,
        "created_at": moment,
        "completed_at": moment,
    }


def run_row(analysis: Mapping[str, object]) -> dict[str, object]:
    """The run of such an analysis."""
    return {
        "analysis_id": analysis["id"],
        "job_key": text_key(str(analysis["job_name"])),
        "build_number": analysis["build_number"],
        "failures": PER_ANALYSIS,
        "completed_at": analysis["completed_at"],
    }


def invented_rows(
    invented: Invented, rows: int
) -> Iterator[tuple[dict[str, object], list[dict[str, object]]]]:
    """Analyses with their rows of history."""
    for number in range(1, rows // PER_ANALYSIS + 1):
        job = invented.jobs[invented.skewed(JOBS)]
        analysis = analysis_row(number, job)
        failures = []
        for index in range(PER_ANALYSIS):
            test = invented.tests[invented.skewed(TESTS)]
            message_number = invented.skewed(MESSAGES)
            message = invented.messages[message_number]
            if index == 0 and number % max(1, rows // PER_ANALYSIS // 10) == 0:
                message += f" {RARE}{number}"
            failures.append(
                {
                    "analysis_id": number,
                    "number": index,
                    "group_number": index + 1,
                    "job_key": text_key(job),
                    "job_name": job,
                    "build_number": number,
                    "child_job_name": "",
                    "child_build_number": 0,
                    "test_key": text_key(test),
                    "test_name": test,
                    "error_message": message,
                    "error_signature": f"{message_number:064x}",
                    "signature_version": 1,
                    "classification": invented.random.choice(
                        ["PRODUCT BUG", "CODE ISSUE", "INFRASTRUCTURE", ""]
                    ),
                    "analyzed_at": analysis["completed_at"],
                }
            )
        yield analysis, failures


def fill(url: str, rows: int) -> None:
    """Put the rows into the store."""
    began = time.perf_counter()
    engine = create_engine(url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP TABLE IF EXISTS history_text, history_text_filled"))
            metadata.drop_all(connection)
            metadata.create_all(connection)
        invented = invented_rows(Invented(), rows)
        while batch := list(islice(invented, ANALYSES_AT_ONCE)):
            connection.execute(insert(analyses), [analysis for analysis, _ in batch])
            connection.execute(insert(history_runs), [run_row(analysis) for analysis, _ in batch])
            connection.execute(insert(failure_history), [row for _, failures in batch for row in failures])
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT setval('analyses_id_seq', (SELECT max(id) FROM analyses))"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"))
    engine.dispose()
    print(f"filled with {rows:,} rows in {time.perf_counter() - began:.0f} s", flush=True)


async def make_index(database: Database) -> None:
    """Fill the text index at once, as hours of small batches would."""
    began = time.perf_counter()
    index = TextIndex(database)
    await index.make()
    while await index.fill(5_000):
        pass
    print(f"text index made in {time.perf_counter() - began:.0f} s", flush=True)


def questions() -> list[Question]:
    """All that is measured."""
    invented = Invented()
    job, test = invented.jobs[0], invented.tests[3]

    def of_signature(name: str, signature: str) -> Question:
        return Question(
            name,
            10,
            "/history/search",
            {"signature": signature},
            lambda history: history.signature(signature, exclude_job_id=""),
        )

    def page(name: str, goal: float, **filters: str) -> Question:
        return Question(
            name,
            goal,
            "/history/failures",
            filters,
            lambda history: history.failures(HistoryFilters(**filters), limit=50, offset=0),
        )

    return [
        Question("/results?limit=50", 5, "/results", {"limit": 50}, None),
        page("failures", 10),
        page("failures, busiest job", 10, job_name=job),
        page("failures, classification", 10, classification="CODE ISSUE"),
        page("failures, both", 10, job_name=job, classification="CODE ISSUE"),
        page("search, rare word", 50, search=RARE),
        page("search, common word", 50, search=COMMON),
        page("search, absent word", 50, search=ABSENT),
        page("search, two letters", 50, search="zq"),
        page("search, common in the busiest job", 50, search=COMMON, job_name=job),
        Question(
            "test",
            10,
            f"/history/test/{test}",
            {},
            lambda history: history.test(test, job_name="", exclude_job_id="", limit=20),
        ),
        Question(
            "test, busiest job",
            10,
            f"/history/test/{test}",
            {"job_name": job},
            lambda history: history.test(test, job_name=job, exclude_job_id="", limit=20),
        ),
        of_signature("signature", f"{MESSAGES // 3:064x}"),
        of_signature("signature of thousands of tests", f"{5:064x}"),
        Question(
            "stats, busiest job",
            20,
            f"/history/stats/{job}",
            {},
            lambda history: history.job(job, exclude_job_id=""),
        ),
    ]


def cpu_ms(pid: int) -> float:
    """Processor time of the process so far, in milliseconds; what others do on the machine does not count."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def report(question: Question, times: list[float], note: str) -> None:
    """One line of the table."""
    first, *others = times
    ordered = sorted(others)
    p50, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    verdict = "" if p50 <= question.goal_ms else "  MISSED"
    print(
        f"{question.name:36} first {first:8.1f}  p50 {p50:7.1f}  p95 {p95:7.1f}  goal {question.goal_ms:4.0f} ms"
        f"  {note}{verdict}",
        flush=True,
    )


def ask_over_http(url: str, pid: int) -> None:
    """Every question, ASKED times."""
    with httpx2.Client(base_url=url, trust_env=False, timeout=120) as client:
        for question in questions():
            times = []
            note = ""
            before = 0.0
            for number in range(ASKED + 1):
                if number == 1:
                    before = cpu_ms(pid)
                began = time.perf_counter()
                reply = client.get(question.path, params=dict(question.params))
                times.append((time.perf_counter() - began) * 1000)
                body = json.loads(reply.raise_for_status().content)
                if isinstance(body, dict):
                    note = str(
                        next(
                            (
                                f"{name} {body[name]}"
                                for name in ("total", "failures", "total_occurrences")
                                if name in body
                            ),
                            "",
                        )
                    )
            each = (cpu_ms(pid) - before) / ASKED
            report(question, times, f"CPU {each:5.1f}  {note}")


class Direct:
    """A database of PostgreSQL with as much of `store.engine.Database` as the history needs."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(url)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection."""
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction."""
        async with self._engine.begin() as connection:
            yield connection

    async def close(self) -> None:
        """Let go of the connections."""
        await self._engine.dispose()


async def ask_directly(database: Database) -> None:
    """Every question, ASKED times, without HTTP."""
    index = TextIndex(database)
    await index.make()
    history = History(database, index)
    for question in questions():
        if question.ask is None:
            continue
        times = []
        for _ in range(ASKED + 1):
            began = time.perf_counter()
            await question.ask(history)
            times.append((time.perf_counter() - began) * 1000)
        report(question, times, "")


async def write_big_result(database: Database) -> None:
    """What a result with very many failures costs to be written to the history."""
    invented = Invented()
    rows = [
        HistoryRow(
            number=number,
            group_number=1,
            job_name=invented.jobs[0],
            build_number=1,
            child_job_name="",
            child_build_number=0,
            test_name=invented.tests[number % TESTS],
            error_message=invented.messages[number % MESSAGES],
            error_signature=f"{number % MESSAGES:064x}",
            signature_version=1,
            classification="CODE ISSUE",
        )
        for number in range(BIG_RESULT)
    ]
    async with database.write() as connection:
        await connection.execute(insert(analyses).values(analysis_row(BIG_ID, invented.jobs[0])))
    began, began_cpu = time.perf_counter(), time.process_time()
    async with database.write() as connection:
        await save_history(connection, BIG_ID, rows, analyzed_at="2026-01-01T07:15:02.113Z")
    took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    print(
        f"{BIG_RESULT:,} rows of one result written in {took:.2f} s (goal 2 s), {cpu:.2f} s of CPU here",
        flush=True,
    )
    async with database.write() as connection:
        await connection.execute(delete(analyses).where(analyses.c.id == BIG_ID))


async def prepare(folder: Path, rows: int) -> None:
    """A data directory with the rows, unless it has some."""
    database = await Database.open(folder)
    try:
        async with database.read() as connection:
            known = await connection.scalar(select(func.count()).select_from(history_runs))
        if not known:
            await asyncio.to_thread(fill, f"sqlite:///{folder / APP_FILE}", rows)
        await make_index(database)
        await write_big_result(database)
        await make_index(database)
    finally:
        await database.close()


async def on_postgres(url: str, rows: int) -> None:
    """The same in PostgreSQL."""
    await asyncio.to_thread(fill, url, rows)
    direct = Direct(url)
    database = cast("Database", direct)
    await make_index(database)
    await write_big_result(database)
    await ask_directly(database)
    await direct.close()


def main() -> None:
    """Fill, ask and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="a data directory to make once and use again")
    parser.add_argument("--postgres", help="an address for SQLAlchemy; its tables of ours are made anew")
    given = parser.parse_args()
    if given.postgres:
        asyncio.run(on_postgres(given.postgres, given.rows))
        return
    with tempfile.TemporaryDirectory() as temporary:
        data = given.keep or Path(temporary, "data")
        data.mkdir(parents=True, exist_ok=True)
        asyncio.run(prepare(data, given.rows))
        with server(data) as (url, pid):
            ask_over_http(url, pid)


if __name__ == "__main__":
    main()
