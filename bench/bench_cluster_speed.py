"""How long it takes to find the clusters of a build with 20,000 failures.

    python -m bench.bench_cluster_speed

Shapes: *usual*: 3,000 groups, from 60 causes in 400 test classes. *distinct*: as many groups as failures, 20,000, each
with words of its own. *one place*: 20,000 groups, each with another message, all raised at one function. *one class*:
20,000 groups that are failed checks in one test class. The signatures are not timed. Processor time in seconds.
"""

import random
import time
from collections.abc import Callable

from rootcoz.domain.failure import Failure
from rootcoz.grouping.cluster import with_clusters
from rootcoz.grouping.groups import group_failures

COUNT = 20_000
GOAL_S = 10.0
_SUBJECTS = ("order", "cart", "stock", "mail", "user", "price", "tax", "ship", "audit", "log")
_EVENTS = ("Added", "Removed", "Counted", "Sorted", "Merged", "Split", "Closed", "Opened", "Sent", "Read")
_WORDS = [subject + event for subject in _SUBJECTS for event in _EVENTS]


def _java(test_class: str, test: str, error: str, frames: list[str]) -> Failure:
    lines = [error, *(f"\tat {frame}" for frame in frames)]
    lines += [f"\tat {test_class}.{test}({test_class.rpartition('.')[2]}.java:{len(test) + 40})"]
    lines += [f"\tat org.junit.runners.Runner{depth}.run(Runner{depth}.java:{depth})" for depth in range(25)]
    return Failure(
        test_name=f"{test_class}.{test}",
        class_name=test_class,
        error_message=error,
        stack_trace="\n".join(lines),
    )


def _words(rng: random.Random, count: int) -> str:
    return " ".join(
        rng.choice(_WORDS) + rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + rng.choice("abcdefghij")
        for _ in range(count)
    )


def _usual(rng: random.Random, number: int) -> Failure:
    group = rng.randrange(3_000)
    cause = group % 60
    test_class = f"com.acme.shop.part{cause % 20}.{_WORDS[cause]}{group % 400}Test"
    frames = [
        f"com.acme.shop.part{cause % 20}.Service{cause}.handle{step}(Service{cause}.java:{step + 20})"
        for step in range(6)
    ]
    return _java(
        test_class,
        f"test{_WORDS[group % 100]}{number % 7}",
        f"java.lang.IllegalStateException: no {_WORDS[group % 97]} {_WORDS[group // 30]}{group}",
        frames,
    )


def _distinct(rng: random.Random, number: int) -> Failure:
    test_class = f"com.acme.shop.part{number % 50}.{_words(rng, 1)}Test"
    frames = [
        f"com.acme.shop.part{number % 50}.{_words(rng, 1)}.{_words(rng, 1)}({number}.java:9)"
        for _ in range(3)
    ]
    return _java(
        test_class, f"test{_words(rng, 1)}", f"java.lang.IllegalStateException: {_words(rng, 8)}", frames
    )


def _one_place(rng: random.Random, number: int) -> Failure:
    test_class = f"com.acme.shop.{_words(rng, 1)}Test"
    frames = ["com.acme.shop.Client.send(Client.java:90)"]
    return _java(test_class, f"test{number}", f"com.acme.shop.ApiException: {_words(rng, 8)}", frames)


def _one_class(rng: random.Random, number: int) -> Failure:
    error = f"java.lang.AssertionError: {_words(rng, 8)}"
    return _java("com.acme.shop.AllTest", f"test{_words(rng, 1)}{number}", error, [])


def _measure(name: str, make: Callable[[random.Random, int], Failure]) -> bool:
    rng = random.Random(7)  # noqa: S311 - data that is the same in each run
    failures = [make(rng, number) for number in range(COUNT)]
    groups = group_failures(failures)
    started = time.process_time()
    clustered = with_clusters(groups, failures)
    seconds = time.process_time() - started
    clusters = len({group.cluster.id for group in clustered if group.cluster})
    print(f"{name:10} {len(groups):6,} groups  {clusters:6,} clusters  {seconds:6.2f} s", flush=True)
    return seconds <= GOAL_S


def main() -> int:
    """Print the figures; 1 when one misses the goal."""
    shapes = {"usual": _usual, "distinct": _distinct, "one place": _one_place, "one class": _one_class}
    return 0 if all(_measure(name, make) for name, make in shapes.items()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
