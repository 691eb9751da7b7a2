"""How many signatures a second one core makes, on traces of about 2 kB.

    python -m bench.bench_signature_speed

Two figures. *typical*: 20,000 failures of one build; each message is unique (time, ids, port, address), the frames come
from 200 places in the code. *cold*: every frame has a line number of its own too, so that nothing can be remembered.
The memory is emptied before each run; making the traces is not timed. Processor time, so that a busy machine does not
blur the figures.
"""

import random
import time

from rootcoz.domain.failure import Failure
from rootcoz.grouping.signature import error_signature, forget_lines

COUNT = 20_000
TRACE_CHARACTERS = 2_000
GOAL = 30_000


def _message(rng: random.Random) -> str:
    return (
        f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02} {rng.randint(0, 23):02}:{rng.randint(0, 59):02}:07,"
        f"{rng.randint(0, 999):03} ERROR [pool-{rng.randint(1, 90)}-thread-{rng.randint(1, 90)}] no answer from "
        f"10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.7:{rng.randint(32768, 60999)} for {rng.getrandbits(128):032x} "
        f"(com.acme.Order@{rng.getrandbits(32) | 1 << 31:x}) after {rng.randint(1, 99999)} ms"
    )


def _frame(rng: random.Random, *, drifts: bool) -> str:
    place = rng.randrange(200)
    line = rng.randint(1, 99_999) if drifts else place + 10
    return f"\tat com.acme.shop.orders.service{place % 20}.OrderService{place}.handle(OrderService{place}.java:{line})"


def make_failures(*, drifts: bool) -> list[Failure]:
    """COUNT failures; with `drifts` no two frames share a line number."""
    rng = random.Random(7)  # noqa: S311 - the same figures each time
    failures = []
    for number in range(COUNT):
        message = _message(rng)
        lines = [f"java.lang.IllegalStateException: {message}"]
        size = len(lines[0])
        while size < TRACE_CHARACTERS:
            lines.append(_frame(rng, drifts=drifts))
            size += len(lines[-1]) + 1
        failures.append(Failure(f"t{number}", message, "\n".join(lines)))
    return failures


def measure(failures: list[Failure]) -> float:
    """Signatures a second, from an empty memory; the best of three runs."""
    best = 0.0
    for _ in range(3):
        forget_lines()
        start = time.process_time()
        for failure in failures:
            error_signature(failure)
        best = max(best, len(failures) / (time.process_time() - start))
    return best


def main() -> None:
    """Print both figures and the goal."""
    for name, drifts in (("typical", False), ("cold", True)):
        failures = make_failures(drifts=drifts)
        size = sum(len(failure.stack_trace) for failure in failures) / len(failures)
        print(f"{name:<8} {measure(failures):>9,.0f} signatures/s   traces of {size:,.0f} characters")
    print(f"goal     {GOAL:>9,} signatures/s (typical)")


if __name__ == "__main__":
    main()
