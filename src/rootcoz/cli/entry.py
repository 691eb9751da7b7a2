"""Where the program begins: nothing is imported before Ctrl-C has its meaning."""

from rootcoz.cli.leaving import leave_on_interrupt


def run() -> None:
    """Run the command line of this process and leave it."""
    leave_on_interrupt()
    from rootcoz.cli.main import run as run_commands  # noqa: PLC0415 - see above

    run_commands()


if __name__ == "__main__":
    run()
