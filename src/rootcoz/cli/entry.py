"""Where the program begins: nothing is imported before Ctrl-C has its meaning."""

import gc
import signal

from rootcoz.cli.leaving import leave_on_interrupt

_COLLECT_AFTER = 100_000
"""New objects between two quick collections. What a start makes stays; looking for garbage in it took a fifth of it."""


def run() -> None:
    """Run the command line of this process and leave it."""
    leave_on_interrupt()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
    from rootcoz.cli.main import run as run_commands  # noqa: PLC0415 - see above

    try:
        run_commands()
    finally:
        # All is said and done. While Python takes itself down it would give the signal its deadly meaning back.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    run()
