"""The OpenAPI document: what the framework finds out by itself, and the bodies that routes read by themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from rootcoz.api.schemas.events import ProgressEvent
from rootcoz.api.schemas.requests import AnalyzeFailuresRequest

KEY = "key"
NEEDS_KEY: dict[str, Any] = {"security": [{KEY: []}]}
"""The entry of an operation that only an administrator may use."""


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            license_info=app.license_info,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        _, streamed = models_json_schema(
            [(AnalyzeFailuresRequest, "validation"), (ProgressEvent, "serialization")],
            ref_template="#/components/schemas/{model}",
        )
        document["components"]["schemas"].update(streamed["$defs"])
        document["components"]["securitySchemes"] = {
            KEY: {"type": "http", "scheme": "bearer", "description": "An administrator's key."}
        }
        document["security"] = [{}, {KEY: []}]  # with AUTH_MODE=required nothing answers without one
        app.openapi_schema = document
    return app.openapi_schema
