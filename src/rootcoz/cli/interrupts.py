"""What Ctrl-C does: a sentence and exit code 130, whatever the program is busy with.

An exception raised just anywhere cannot promise that: in the middle of an import it comes out as a trace or as
another error. So outside of the places that have something to put in order, the program leaves at once.
"""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rootcoz.cli.leaving import leave_at_once

Result = TypeVar("Result")


@contextmanager
def raising_interrupts() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt in here: for what has files to put in order."""
    before = signal.getsignal(signal.SIGINT)
    if before is leave_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run_until_interrupted(work: Coroutine[None, None, Result]) -> Result:
    """As asyncio.run. The first Ctrl-C cancels the work and raises KeyboardInterrupt once it has ended; the second
    leaves at once.
    """  # noqa: D205 - one sentence for each
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return asyncio.run(work)
    interrupted = False

    async def interruptible() -> Result:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)

        def interrupt() -> None:
            nonlocal interrupted
            interrupted = True
            task.cancel()
            signal.signal(signal.SIGINT, leave_at_once)

        loop.add_signal_handler(signal.SIGINT, interrupt)
        return await task

    before = signal.getsignal(signal.SIGINT)
    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        if interrupted:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
