"""How many signatures a second one core makes, on traces of about 2 kB.

    python -m bench.bench_signature_speed

For each shape of trace two figures. *typical*: the failures of one build; each message is unique (time, ids, port,
address), the frames come from 200 places in the code. *cold*: every frame has a line number of its own too, so that no
line is ever met twice. The memory is emptied before each run; making the traces is not timed. Processor time, best of
RUNS, so that a busy machine blurs the figures least.
"""

import random
import time
from collections.abc import Callable

from rootcoz.domain.failure import Failure
from rootcoz.grouping.signature import error_signature, forget_lines

COUNT = 4_000
RUNS = 5
TRACE_CHARACTERS = 2_000
GOAL = 30_000


def _message(rng: random.Random) -> str:
    return (
        f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02} {rng.randint(0, 23):02}:{rng.randint(0, 59):02}:07,"
        f"{rng.randint(0, 999):03} ERROR [pool-{rng.randint(1, 90)}-thread-{rng.randint(1, 90)}] no answer from "
        f"10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.7:{rng.randint(32768, 60999)} for {rng.getrandbits(128):032x} "
        f"(com.acme.Order@{rng.getrandbits(32) | 1 << 31:x}) after {rng.randint(1, 99999)} ms"
    )


def _java_frame(place: int, line: int) -> str:
    return f"\tat com.acme.shop.orders.service{place % 20}.OrderService{place}.handle(OrderService{place}.java:{line})"


def _python_frame(place: int, line: int) -> str:
    return (
        f'  File "/builds/shop/src/orders/service{place}.py", line {line}, in handle_{place % 20}\n'
        f"    return self.orders.find(key{place}, retries=3)"
    )


def _javascript_frame(place: int, line: int) -> str:
    return f"    at OrderService{place}.handle (/builds/shop/src/orders/service{place}.ts:{line}:{place % 60 + 4})"


def _go_frame(place: int, line: int) -> str:
    return (
        f"github.com/acme/shop/orders.(*Service{place}).Handle(0xc{place:09x}, {{0x{place:x}, 0x2}})\n"
        f"\t/go/src/github.com/acme/shop/orders/service{place}.go:{line} +0x1d"
    )


def _frames(rng: random.Random, frame: Callable[[int, int], str], size: int, *, drifts: bool) -> str:
    lines: list[str] = []
    while size > 0:
        place = rng.randrange(200)
        lines.append(frame(place, rng.randint(1, 99_999) if drifts else place + 10))
        size -= len(lines[-1]) + 1
    return "\n".join(lines)


def _java(rng: random.Random, message: str, size: int, *, drifts: bool) -> str:
    return f"java.lang.IllegalStateException: {message}\n" + _frames(rng, _java_frame, size, drifts=drifts)


def _java_chained(rng: random.Random, message: str, size: int, *, drifts: bool) -> str:
    outer = _frames(rng, _java_frame, size // 2, drifts=drifts)
    inner = _frames(rng, _java_frame, size // 2, drifts=drifts)
    key = f"{rng.getrandbits(64):016x}"
    return (
        f"com.acme.OrderFailed: {message}\n{outer}\n"
        f"Caused by: java.io.IOException: connection {key} reset\n{inner}\n\t... {rng.randint(5, 60)} more"
    )


def _python(rng: random.Random, message: str, size: int, *, drifts: bool) -> str:
    frames = _frames(rng, _python_frame, size, drifts=drifts)
    return f"Traceback (most recent call last):\n{frames}\nacme.errors.OrderFailed: {message}"


def _javascript(rng: random.Random, message: str, size: int, *, drifts: bool) -> str:
    return f"Error: {message}\n" + _frames(rng, _javascript_frame, size, drifts=drifts)


def _go(rng: random.Random, message: str, size: int, *, drifts: bool) -> str:
    frames = _frames(rng, _go_frame, size, drifts=drifts)
    return f"panic: {message}\n\ngoroutine {rng.randint(5, 900)} [running]:\n{frames}"


SHAPES = {
    "Java": _java,
    "Java, caused by": _java_chained,
    "Python": _python,
    "JavaScript": _javascript,
    "Go": _go,
}


def make_failures(shape: str, *, drifts: bool) -> list[Failure]:
    """COUNT failures; with `drifts` no two frames share a line number."""
    rng = random.Random(7)  # noqa: S311 - the same figures each time
    failures = []
    for number in range(COUNT):
        message = _message(rng)
        stack = SHAPES[shape](rng, message, TRACE_CHARACTERS - len(message), drifts=drifts)
        failures.append(Failure(f"t{number}", message, stack))
    return failures


def measure(failures: list[Failure]) -> float:
    """Signatures a second, from an empty memory; the best of RUNS."""
    best = 0.0
    for _ in range(RUNS):
        forget_lines()
        start = time.process_time()
        for failure in failures:
            error_signature(failure)
        best = max(best, len(failures) / (time.process_time() - start))
    return best


def main() -> None:
    """Print both figures of each shape, their means and the goal."""
    print(f"{'signatures/s':<18}{'typical':>10}{'cold':>10}{'characters':>12}")
    totals = [0.0, 0.0]
    for shape in SHAPES:
        typical, cold = (make_failures(shape, drifts=drifts) for drifts in (False, True))
        figures = [measure(typical), measure(cold)]
        size = sum(len(failure.stack_trace) for failure in typical) / len(typical)
        print(f"{shape:<18}{figures[0]:>10,.0f}{figures[1]:>10,.0f}{size:>12,.0f}")
        totals = [total + 1 / figure for total, figure in zip(totals, figures, strict=True)]
    # The mean time decides how long a build of mixed traces takes, so this is the mean of times, not of rates.
    means = [len(SHAPES) / total for total in totals]
    print(f"{'mean':<18}{means[0]:>10,.0f}{means[1]:>10,.0f}")
    print(f"{'goal':<18}{GOAL:>10,}")


if __name__ == "__main__":
    main()
