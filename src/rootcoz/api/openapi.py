"""The OpenAPI document: what the framework finds out by itself, and the bodies that routes read by themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from rootcoz.api.auth import OPEN_PATHS, SESSION_COOKIE
from rootcoz.api.schemas.accounts import (
    ChangeRoleRequest,
    CreateUserRequest,
    LoginRequest,
    RotateKeyRequest,
    UserTokensUpdate,
)
from rootcoz.api.schemas.errors import ErrorBody, ValidationBody, error_responses
from rootcoz.api.schemas.events import ProgressEvent
from rootcoz.api.schemas.mentions import MarkReadRequest
from rootcoz.api.schemas.requests import AnalyzeFailuresRequest

_REF = "#/components/schemas/{model}"
KEY = "key"
SESSION = "session"
NEEDS_PROOF: dict[str, Any] = {"security": [{KEY: []}, {SESSION: []}]}
"""The entry of an operation for those who have proven who they are."""
NEEDS_KEY = NEEDS_PROOF
"""The entry of an operation that only an administrator may use."""
_HAND_READ = (
    AnalyzeFailuresRequest,
    LoginRequest,
    UserTokensUpdate,
    CreateUserRequest,
    ChangeRoleRequest,
    RotateKeyRequest,
    MarkReadRequest,
)
"""Bodies that routes read by themselves."""
_MUTATING = {"post", "put", "patch", "delete"}


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
            [*((model, "validation") for model in _HAND_READ), (ProgressEvent, "serialization")],
            ref_template=_REF,
        )
        document["components"]["schemas"].update(streamed["$defs"])
        document["components"]["securitySchemes"] = {
            KEY: {
                "type": "http",
                "scheme": "bearer",
                "description": "The key of a user or of the administrator.",
            },
            SESSION: {
                "type": "apiKey",
                "in": "cookie",
                "name": SESSION_COOKIE,
                "description": "Set by POST /api/auth/login.",
            },
        }
        document["security"] = [
            {},
            {KEY: []},
            {SESSION: []},
        ]  # with AUTH_MODE=required nothing answers without one
        _say_what_we_answer(document)
        app.openapi_schema = document
    return app.openapi_schema


def _say_what_we_answer(document: dict[str, Any]) -> None:
    """Put right what the framework assumes of every operation."""
    ours = error_responses(401, 403, 422, 429)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            if "422" in responses:
                responses["422"] = _documented(ours[422])
            if path not in OPEN_PATHS:
                responses.setdefault("401", _documented(ours[401]))
                responses.setdefault("429", _documented(ours[429]))
            if method in _MUTATING:
                responses.setdefault("403", _documented(ours[403]))
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
