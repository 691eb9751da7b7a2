"""The application in this process, as a client sees it: what `analyze` uses when there is no server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from rootcoz.cli.application import build_app
from rootcoz.client.api import Client
from rootcoz.settings import AuthMode, load_settings

BASE_URL = "http://rootcoz.local"
# Who runs a command reads what it prints. A mistake in settings for servers is no reason for it to fail, either.
_TELLS_NOBODY = {
    "notifications": (),
    "slack_webhook_url": None,
    "alert_email_to": (),
    "enable_web_push": False,
}


@asynccontextmanager
async def local_client(data_dir: Path | None) -> AsyncIterator[Client]:
    """A client of an application that lives as long as the context. Raises DataDirectoryInUse, SettingsError.

    Whoever can write the data directory needs no key for it: the application asks for none here.
    """
    settings = load_settings(
        data_dir=data_dir, auth_mode=AuthMode.OPEN, allowed_users=(), host="127.0.0.1", log_level="ERROR"
    )
    # DATABASE_URL belongs to whatever is tested here more often than to us; a shared database has servers to ask.
    settings = settings.model_copy(update={"database_url": None, **_TELLS_NOBODY})
    app = build_app(settings, short_lived=True)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with Client(BASE_URL, name="", transport=transport) as client:
            yield client
