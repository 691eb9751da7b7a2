"""The real application in the process of the tests. The durable engine is global: one at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from tests.support.openapi import check_reply

from rootcoz.cli.application import build_app
from rootcoz.settings import Settings
from rootcoz.wiring import Services

ADMIN_KEY = "correct-horse-battery"
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}


class Api:
    """A client of the application; every reply it gets is held against the OpenAPI document."""

    def __init__(self, client: httpx2.AsyncClient, app: FastAPI, data_dir: Path) -> None:
        self.client = client
        self.app = app
        self.document = app.openapi()
        self.data_dir = data_dir

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:  # noqa: ANN401 - httpx2's own
        response = await self.client.request(method, path, **options)
        check_reply(self.document, response)
        return response

    async def get(self, path: str, **options: Any) -> httpx2.Response:  # noqa: ANN401 - as above
        return await self.request("GET", path, **options)

    async def analyze(self, body: object, **options: Any) -> httpx2.Response:  # noqa: ANN401 - as above
        return await self.request("POST", "/analyze-failures", json=body, **options)

    async def delete(self, path: str, **options: Any) -> httpx2.Response:  # noqa: ANN401 - as above
        return await self.request("DELETE", path, **options)

    async def post(self, path: str, **options: Any) -> httpx2.Response:  # noqa: ANN401 - as above
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> httpx2.Response:  # noqa: ANN401 - as above
        return await self.request("PUT", path, **options)

    def visitor(self, address: str = "127.0.0.1", **headers: str) -> "Api":
        """Somebody else at `address` with cookies of their own, over TLS, who sends these headers with each request.

        An underscore in a header's name stands for a dash.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 4000)),
            base_url="https://rootcoz.test",
            headers=named,
            timeout=60,
        )
        return Api(client, self.app, self.data_dir)

    def bearer(self, key: str, address: str = "127.0.0.1") -> "Api":
        """Somebody with that key."""
        return self.visitor(address, Authorization=f"Bearer {key}")

    @property
    def services(self) -> Services:
        services = self.app.state.services
        assert isinstance(services, Services)
        return services

    async def submit(self, body: object) -> str:
        """Start an analysis; its job id."""
        response = await self.analyze(body, headers={"Prefer": "respond-async"})
        assert response.status_code == 202, response.text
        return str(response.json()["job_id"])

    async def finished(self, job_id: str) -> dict[str, Any]:
        """The reply for the analysis once it is final."""
        async with asyncio.timeout(60):
            while (response := await self.get(f"/results/{job_id}")).status_code == 202:  # noqa: ASYNC110 - as users do
                await asyncio.sleep(0.05)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body


@asynccontextmanager
async def running_api(data_dir: Path, **settings: object) -> AsyncIterator[Api]:
    """The application with these settings, by their names in the environment or as fields.

    `short_lived`, which is none and yes by default: without what only a server does beside its requests.
    """
    short_lived = bool(settings.pop("short_lived", True))
    app = build_app(
        Settings.model_validate(
            {"ROOTCOZ_DATA_DIR": data_dir, "admin_key": ADMIN_KEY, "log_level": "ERROR", **settings}
        ),
        short_lived=short_lived,
    )
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://rootcoz.test", timeout=60
        ) as client:
            yield Api(client, app, data_dir)
