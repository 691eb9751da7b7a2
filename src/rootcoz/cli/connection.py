"""Whom a command talks to: the server that was named or configured, or the application in this process."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rootcoz.client.api import Client
from rootcoz.domain.errors import DataDirectoryInUse, InvalidInput
from rootcoz.settings import Settings, load_settings

WAIT_FOR_PROCESS_S = 600.0
"""Seconds to wait for another process that works on the data directory and cannot be talked to."""
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Target:
    """What the user said about where to work."""

    server: str | None = None
    token: str | None = None
    data_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """A client, and where it leads."""

    client: Client
    server_url: str | None
    """None: the work is done in this process."""


@asynccontextmanager
async def connect(
    target: Target, say: Callable[[str], None], *, sends: bool = False
) -> AsyncIterator[Connection]:
    """A connection for as long as the context lasts; `say` gets a sentence when the user has to wait.

    Also when a server works on the data directory and is talked to instead. `sends`: work will be given to it.
    Raises InvalidInput for options that contradict each other, SettingsError, DataDirectoryInUse.
    """
    if target.server and target.data_dir:
        raise InvalidInput("--server and --data-dir exclude each other: a server has its own data directory.")
    settings = load_settings()
    # A data directory that is named asks for work in this process, whatever server is configured.
    server = target.server or ("" if target.data_dir else settings.server)
    async with AsyncExitStack() as stack:
        if server:
            yield await _remote(stack, server, _token(target, settings, server, say))
        else:
            yield await _local(stack, target, settings, say, sends=sends)


async def _remote(stack: AsyncExitStack, url: str, token: str | None) -> Connection:
    client = await stack.enter_async_context(Client(url, token=token))
    return Connection(client, client.base_url)


def _token(target: Target, settings: Settings, server: str, say: Callable[[str], None]) -> str | None:
    """The key for `server`. A configured key goes to the configured server only."""
    if target.token:
        return target.token
    if settings.api_key is None:
        return None
    if settings.server and settings.server != server.rstrip("/"):
        say(
            f"ROOTCOZ_API_KEY belongs to {settings.server} and is not sent to {server}; "
            "give its key with --token."
        )
        return None
    return settings.api_key.get_secret_value()


async def _local(
    stack: AsyncExitStack, target: Target, settings: Settings, say: Callable[[str], None], *, sends: bool
) -> Connection:
    # Loaded here: a command that talks to a server has no need of the whole application.
    local_client = import_module("rootcoz.cli.local").local_client
    give_up_at = time.monotonic() + WAIT_FOR_PROCESS_S
    told = False
    while True:
        try:
            client = await stack.enter_async_context(local_client(target.data_dir))
        except DataDirectoryInUse as error:
            if error.server_url:
                say(
                    f"Sent to the server that uses this data directory: {error.server_url}; its settings apply."
                    if sends
                    else f"Asking the server that uses this data directory: {error.server_url}."
                )
                return await _remote(stack, error.server_url, _token(target, settings, error.server_url, say))
            if time.monotonic() >= give_up_at:
                raise
            if not told:
                who = f" ({error.pid})" if error.pid else ""
                say(f"Waiting for the other rootcoz process{who} to finish ...")
                told = True
            await asyncio.sleep(_POLL_S)
        else:
            return Connection(client, None)
