"""The application that `serve` puts behind an address and `analyze` runs for itself: made here, once."""

import os
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI

from rootcoz.api.app import create_app
from rootcoz.settings import Settings


def make_application(settings: Settings) -> FastAPI:
    """The whole product; nothing is opened before `running`."""
    return create_app(settings)


def running(app: FastAPI) -> AbstractAsyncContextManager[object]:
    """The application's lifespan: data directory, worker. Raises DataDirectoryInUse, SettingsError."""
    return app.router.lifespan_context(app)


def announce(app: FastAPI, server_url: str) -> None:
    """Tell other processes that find the data directory in use where this one can be talked to."""
    services = app.state.services
    services.directory.lock.leave_note({"pid": os.getpid(), "server_url": server_url})
