"""The OpenAPI document: what the framework finds out by itself, and the bodies that routes read by themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from rootcoz.api.auth import OPEN_PATHS
from rootcoz.api.schemas.errors import ErrorBody, ValidationBody, error_responses
from rootcoz.api.schemas.events import ProgressEvent
from rootcoz.api.schemas.requests import AnalyzeFailuresRequest

_REF = "#/components/schemas/{model}"
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
            ref_template=_REF,
        )
        document["components"]["schemas"].update(streamed["$defs"])
        document["components"]["securitySchemes"] = {
            KEY: {"type": "http", "scheme": "bearer", "description": "An administrator's key."}
        }
        document["security"] = [{}, {KEY: []}]  # with AUTH_MODE=required nothing answers without one
        _say_what_we_answer(document)
        app.openapi_schema = document
    return app.openapi_schema


def _say_what_we_answer(document: dict[str, Any]) -> None:
    """Put right what the framework assumes of every operation."""
    ours = error_responses(401, 422)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            if "422" in responses:
                responses["422"] = _documented(ours[422])
            if path not in OPEN_PATHS:
                responses.setdefault("401", _documented(ours[401]))
            for media_type in responses.get("200", {}).get("content", {}).values():
                if "itemSchema" in media_type:  # a word of OpenAPI 3.2, in a document of 3.1
                    media_type["x-item-schema"] = media_type.pop("itemSchema")
    schemas = document["components"]["schemas"]
    for theirs in ("HTTPValidationError", "ValidationError"):
        schemas.pop(theirs, None)
    _, added = models_json_schema(
        [(ValidationBody, "validation"), (ErrorBody, "validation")], ref_template=_REF
    )
    schemas.update(added["$defs"])


def _documented(response: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=response["model"].__name__)}
    return {
        "description": response["description"],
        "content": {"application/json": {"schema": schema}},
    }
