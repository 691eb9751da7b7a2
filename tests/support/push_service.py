"""A push service that others wrote, behind TLS, and a browser that is subscribed there."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import trustme
from tests.support.npm_packages import NODE, TESTS, installed

from rootcoz.domain.notification import PushSubscription


@dataclass(frozen=True, slots=True)
class Browser:
    """One that is subscribed."""

    endpoint: str
    p256dh_key: str
    auth_key: str
    hash: str
    """By which the service knows it."""

    def subscription(self, number: int = 1) -> PushSubscription:
        return PushSubscription(number, self.endpoint, self.p256dh_key, self.auth_key)


class PushService:
    """The running service."""

    def __init__(self, port: int, authority: Path) -> None:
        self.url = f"https://localhost:{port}"
        self._trust = str(authority)

    async def browser(self, vapid_public_key: str) -> Browser:
        """A new one, which takes messages from the holder of that key alone."""
        form = {"userVisibleOnly": "true", "applicationServerKey": vapid_public_key}
        data = (await self._post("/subscribe", data=form)).json()["data"]
        return Browser(data["endpoint"], data["keys"]["p256dh"], data["keys"]["auth"], data["clientHash"])

    async def shown(self, browser: Browser) -> list[str]:
        """The messages that the browser got, decrypted."""
        reply = await self._post("/get-notifications", json={"clientHash": browser.hash})
        messages: list[str] = reply.json()["data"]["messages"]
        return messages

    async def expire(self, browser: Browser) -> None:
        """Let the service answer 410 to what is sent to the browser from now on."""
        await self._post(f"/expire-subscription/{browser.hash}")

    async def _post(self, path: str, **options: Any) -> httpx2.Response:  # noqa: ANN401 - httpx2's own
        context = await asyncio.to_thread(ssl.create_default_context, cafile=self._trust)
        async with httpx2.AsyncClient(verify=context, timeout=30) as client:
            return await client.post(self.url + path, **options)


@contextmanager
def push_service(folder: Path) -> Iterator[PushService]:
    """The service; who is to trust it trusts `authority.pem` of the folder."""
    packages = installed("web_push")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "server.pem")
    )
    with subprocess.Popen(
        [NODE / "bin" / "node", TESTS / "web_push" / "push_service.js", folder / "server.pem"],
        env={"PATH": "/usr/bin:/bin", "NODE_PATH": str(packages)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline()
        assert port.strip(), "the push service did not start"
        yield PushService(int(port), folder / "authority.pem")
        assert process.stdin is not None
        process.stdin.close()
