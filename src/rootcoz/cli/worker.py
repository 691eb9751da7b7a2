"""The command `worker`: a server's half that analyses, without the half that listens."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rootcoz.cli.exit_codes import NOTHING_FAILED
from rootcoz.cli.leaving import leave_on_interrupt
from rootcoz.cli.messages import say
from rootcoz.domain.errors import InvalidInput
from rootcoz.kit.logs import configure_logs
from rootcoz.settings import Settings, load_settings
from rootcoz.wiring import check_default_provider
from rootcoz.worker.service import open_services


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What the user wants otherwise than the settings; None leaves them."""

    data_dir: Path | None = None
    log_level: str | None = None


def work(options: WorkerOptions) -> int:
    """Work until SIGINT or SIGTERM; the exit code. Raises RootcozError when it cannot start."""
    settings = load_settings(project_files=True, data_dir=options.data_dir, log_level=options.log_level)
    if settings.database_url is None:
        raise InvalidInput(
            "A worker takes its work from the PostgreSQL that servers share: set DATABASE_URL to it. On SQLite the "
            "server does the work itself."
        )
    check_default_provider(settings)
    with suppress(KeyboardInterrupt):
        asyncio.run(_work(settings))
    return NOTHING_FAILED


async def _work(settings: Settings) -> None:
    configure_logs(settings.log_level)
    stop = asyncio.Event()
    with _set_by_signals(stop):
        async with open_services(settings):
            say(f"Working on what servers accept, with workspaces in {settings.data_dir}. Stop with Ctrl-C.")
            await stop.wait()


@contextmanager
def _set_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """The first signal stops in order, a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def note() -> None:
        stop.set()
        release()
        leave_on_interrupt()

    def release() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, note)
    try:
        yield
    finally:
        release()
