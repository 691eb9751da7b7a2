"""Ctrl-C as the end of the process, from its first moment: this module must import next to nothing."""

import os
import signal

from rootcoz.cli.exit_codes import INTERRUPTED


def leave_at_once(_number: int = signal.SIGINT, _frame: object = None) -> None:
    """Say so and end the process; nothing is put in order."""
    try:
        os.write(2, b"rootcoz: Interrupted.\n")
    except OSError:
        os._exit(INTERRUPTED)
    os._exit(INTERRUPTED)


def leave_on_interrupt() -> None:
    """From now on Ctrl-C ends the process at once. One that is to ignore it goes on ignoring it."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, leave_at_once)
