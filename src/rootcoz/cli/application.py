"""The application with its worker in one process: what `serve` listens with and `analyze` talks to."""

from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI

from rootcoz.api.app import create_app
from rootcoz.kit.logs import configure_logs
from rootcoz.settings import Settings
from rootcoz.wiring import Services
from rootcoz.worker.service import open_services


def build_app(settings: Settings, *, short_lived: bool = False) -> FastAPI:
    """The ASGI application. `short_lived`: it ends with the one command that it serves."""
    configure_logs(settings.log_level)

    def services(given: Settings) -> AbstractAsyncContextManager[Services]:
        return open_services(given, short_lived=short_lived)

    return create_app(settings, services)
