"""The application: routes, guards and errors put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from rootcoz import __version__
from rootcoz.api.body_limit import LimitBodies
from rootcoz.api.errors import add_error_handlers
from rootcoz.api.gate import Gate
from rootcoz.api.openapi import openapi_document
from rootcoz.api.routes import (
    admin,
    ai_models,
    analysis,
    auth,
    events,
    health,
    history,
    job_metadata,
    mentions,
    notifications,
    report_portal,
    results,
    review,
    signatures,
    token_usage,
    trackers,
)
from rootcoz.settings import Settings
from rootcoz.wiring import Services

OpenServices = Callable[[Settings], AbstractAsyncContextManager[Services]]

ROUTERS = tuple(
    section.router
    for section in (
        analysis,
        results,
        report_portal,
        review,
        trackers,
        history,
        events,
        ai_models,
        signatures,
        job_metadata,
        notifications,
        mentions,
        auth,
        admin,
        token_usage,
        health,
    )
)

DESCRIPTION = """\
Reads failed CI runs and says why they failed: failures grouped by what broke, and for each group a root cause with
checked evidence.

Times are UTC, ISO 8601. Errors are `{"detail": text}`; a request with fields that cannot be accepted answers 422 with
a list of the fields. `result_url` values are relative unless the server sets `PUBLIC_BASE_URL`.
"""


def create_app(settings: Settings, open_services: OpenServices) -> FastAPI:
    """The ASGI application. Its lifespan opens the services and closes them."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="rootcoz",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_tags=[
            {"name": "Analysis", "description": "Send failures and get them explained."},
            {"name": "Results", "description": "Read and delete what was found."},
            {"name": "Comments and Review", "description": "Say what people think of them."},
            {
                "name": "Trackers",
                "description": "File issues in Jira and GitHub; see what a credential shows there.",
            },
            {"name": "History", "description": "What failed before, and what people said of it."},
            {"name": "Metadata", "description": "Whose a job is, and what it is for."},
            {"name": "Notifications and Mentions", "description": "Who spoke to you, and how you are told."},
            {"name": "Events", "description": "Watch analyses while they go on."},
            {"name": "Auth", "description": "Sign in; your sessions, keys and saved tokens."},
            {"name": "Admin", "description": "Users, the audit log, and what the AI cost."},
            {"name": "Health", "description": "Is the server there."},
        ],
    )
    add_error_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    _add_docs(app)
    app.openapi = lambda: openapi_document(app)  # type: ignore[method-assign]  # the framework's documented way
    app.add_middleware(LimitBodies, streaming_paths=analysis.STREAMING_PATHS)
    app.add_middleware(Gate, settings=settings)
    return app


def _add_docs(app: FastAPI) -> None:
    """/docs from our own files: it must work where there is no internet."""
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_swagger", "resources")]), name="docs-assets")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="rootcoz API",
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon-32x32.png",
        )

    @app.get("/", include_in_schema=False)
    async def front() -> RedirectResponse:
        return RedirectResponse("/docs")
