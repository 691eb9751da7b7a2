"""Where the program begins: nothing is imported before Ctrl-C has its meaning."""

import signal

from rootcoz.cli.leaving import leave_on_interrupt


def run() -> None:
    """Run the command line of this process and leave it."""
    leave_on_interrupt()
    from rootcoz.cli.main import run as run_commands  # noqa: PLC0415 - see above

    try:
        run_commands()
    finally:
        # All is said and done. While Python takes itself down it would give the signal its deadly meaning back.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    run()
