"""What memory and built-in rules say of labelled failures that come one after the other, each known to those behind it.

DATA is a folder, read with the folders in it. Failures are taken from files named `cases.jsonl` or `failures.jsonl`,
plain or `.gz`, a JSON object a line: `test_name`, `test_class`, `error_message`, `stack_trace` (also inside `input`),
and what is known of it: `labels` or `label` (classifications that are right; memory learns from a single one) and
`group` (the root cause). `at` is when it happened, ISO 8601; without it the order of the lines is the order of time,
or with --shuffle a random one. A failure with a `group` and no label is taken for a product bug: of such files only
what is said of causes means anything.

Prints for each voice how much it answered, how much of that was right, and how right it was for how sure it was.

Usage: python -m bench.replay DATA [--shuffle SEED] [--only WORD]
"""

import argparse
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rootcoz.cli.backtest import replay_table
from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Classification
from rootcoz.features.backtest import Judged, replay

NAMES = ("cases.jsonl", "failures.jsonl", "cases.jsonl.gz", "failures.jsonl.gz")


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file."""
    with (
        gzip.open(file, "rt", encoding="utf-8")
        if file.suffix == ".gz"
        else file.open(encoding="utf-8") as lines
    ):
        for line in lines:
            if line.strip():
                yield json.loads(line)


def judged_of(case: dict[str, Any], number: int) -> Judged:
    """A case as the replay takes it."""
    given = case.get("input") or case
    test_class, name = given.get("test_class") or "", given.get("test_name") or ""
    if not test_class:
        test_class = name.rpartition(".")[0]
    elif not name.startswith(test_class):
        name = f"{test_class}.{name}"
    labels = case.get("labels") or ([case["label"]] if case.get("label") else [])
    cause = f"{case.get('project', '')} {case['group']}".strip() if case.get("group") else ""
    if cause and not labels:
        labels = [Classification.PRODUCT_BUG.value]
    at = case.get("at") or f"{number:012}"
    failure = Failure(
        test_name=name,
        class_name=test_class,
        error_message=given.get("error_message") or "",
        stack_trace=given.get("stack_trace") or "",
    )
    return Judged(failure, at, at, frozenset(labels), job_id=str(case.get("id", "")), cause=cause)


def main() -> None:
    """Read, replay and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--shuffle", type=int, help="a number: take cases without a time in this random order"
    )
    parser.add_argument("--only", default="", help="only files whose path has this word")
    given = parser.parse_args()
    files = sorted(file for name in NAMES for file in given.data.rglob(name) if given.only in str(file))
    for file in files:
        cases = list(read_lines(file))
        if given.shuffle is not None:
            random.Random(given.shuffle).shuffle(cases)  # noqa: S311 - not a secret
        judged = [judged_of(case, number) for number, case in enumerate(cases)]
        print(f"== {file.relative_to(given.data)}")
        print(replay_table(replay(judged)))
    if not files:
        raise SystemExit(f"{given.data} has none of the files {', '.join(NAMES)}.")


if __name__ == "__main__":
    main()
