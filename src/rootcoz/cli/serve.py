"""The command `serve`: the whole application behind one address."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from rootcoz.cli.application import build_app
from rootcoz.cli.exit_codes import COULD_NOT_ANALYSE, INTERRUPTED, NOTHING_FAILED
from rootcoz.cli.leaving import leave_on_interrupt
from rootcoz.cli.messages import say
from rootcoz.domain.errors import InvalidInput
from rootcoz.kit.garbage import collect_little_at_a_time, collect_when_small, keep_what_is_loaded
from rootcoz.kit.loopback import is_loopback
from rootcoz.settings import AuthMode, Settings, load_settings
from rootcoz.wiring import check_default_provider, warm_up

GRACE_S = 5
"""Seconds that running requests get to end after Ctrl-C; analyses go on at the next start anyway."""
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the user wants otherwise than the settings; None leaves them."""

    host: str | None = None
    port: int | None = None
    data_dir: Path | None = None
    log_level: str | None = None
    allow_open: bool | None = None


def serve(options: ServeOptions) -> int:
    """Serve until SIGINT or SIGTERM; the exit code. Raises RootcozError when it cannot start."""
    settings = load_settings(
        project_files=True,
        host=options.host,
        port=options.port,
        data_dir=options.data_dir,
        log_level=options.log_level,
        allow_open=options.allow_open,
    )
    _check_openness(settings)
    check_default_provider(settings)
    with _listening(settings) as listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        with suppress(KeyboardInterrupt):
            return asyncio.run(_serve(settings, listener))
    return NOTHING_FAILED


def _check_openness(settings: Settings) -> None:
    """Decision: whoever opens the server to others without sign-in has to say so."""
    if settings.auth_mode is AuthMode.OPEN and not settings.allow_open and not is_loopback(settings.host):
        raise InvalidInput(
            f"Listening on {settings.host} would let everybody who reaches it read and analyse without a "
            "key; set AUTH_MODE=required, or add --allow-open if that is what you want."
        )


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket on the address of the settings, before anything else is started."""
    host, port = settings.host, settings.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except socket.gaierror as error:
        raise InvalidInput(
            f"{host} is no address of this machine: {error.strerror}; choose another --host."
        ) from error
    except OSError as error:
        hint = (
            "choose another --host"
            if port and _can_bind_port(port)
            else "choose another --port, or stop its user"
        )
        raise InvalidInput(f"Cannot listen on {host}:{port}: {error.strerror}; {hint}.") from error
    with listener:
        # The loop does this for sockets it makes; without it each reply waits 40 ms for the client's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


def _can_bind_port(port: int) -> bool:
    """Whether the port is free on this machine: then the trouble is with the address."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


async def _serve(settings: Settings, listener: socket.socket) -> int:
    app = build_app(settings)
    config = uvicorn.Config(
        app,
        # The lifespan is run here, so that what it raises is told in a sentence and ends the start.
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # they are read where TRUSTED_PROXIES says whose
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, app, settings)
    with _stopping_on_signals(server):
        async with app.router.lifespan_context(app):
            if not server.should_exit:
                keep_what_is_loaded()
                collect_little_at_a_time()
                await server.serve(sockets=[listener])
    if server.was_up:
        return NOTHING_FAILED
    if server.should_exit:
        say("Interrupted before the server was up.")
        return INTERRUPTED
    return COULD_NOT_ANALYSE


def server_address(settings: Settings) -> str:
    """Where this machine's programs reach the server. Listening everywhere includes the loopback address."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - nothing is bound here
    host = everywhere.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.port}"


def _load_thread_pool() -> None:
    """The web framework imports its thread pool when it first wants it, in the event loop: 40 ms for everybody."""
    asyncio.run(run_in_threadpool(int))


class _Server(uvicorn.Server):
    """Uvicorn that says when it is up and leaves the signals to us.

    Uvicorn raises a caught signal again when it has stopped, which would cut the application's own shutdown
    short.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, settings: Settings) -> None:
        super().__init__(config)
        self._app = app
        self._settings = settings
        self.was_up = False
        self._warming: asyncio.Task[None] | None = None
        self._collecting: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.was_up = True
            address = server_address(self._settings)
            # For commands that find the data directory in use: they talk to this server instead.
            self._app.state.services.directory.lock.leave_note({"pid": os.getpid(), "server_url": address})
            say(f"Serving {address} with data in {self._settings.data_dir}. Stop with Ctrl-C.")
            self._warming = asyncio.create_task(self._warm_up())
            self._collecting = asyncio.create_task(collect_when_small())

    async def _warm_up(self) -> None:
        """Load what the first analysis needs while nobody waits for it. One that comes meanwhile loads it as well."""
        await asyncio.to_thread(_load_thread_pool)
        await asyncio.to_thread(warm_up, self._app.state.services)
        keep_what_is_loaded()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Whoever watches or waits would keep the server from stopping.
        self._app.state.services.events.close()
        self._app.state.services.engine.send_away()
        await super().shutdown(sockets)
        if self._collecting is not None:
            self._collecting.cancel()
        if self._warming is not None:
            await self._warming

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _stopping_on_signals(server: _Server) -> Iterator[None]:
    """The first signal stops in order, the second drops open connections, the third ends the process at once."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        if server.should_exit:
            server.force_exit = True
            release()
            leave_on_interrupt()
        server.should_exit = True

    def release() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        release()
