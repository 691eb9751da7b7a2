"""Replies held against the OpenAPI document."""

import re
from typing import Any

import httpx2
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

Document = dict[str, Any]


def described(document: Document, method: str, path: str) -> Document | None:
    """The operation for a path as it was requested; None for what the document does not speak of."""
    for template, operations in document["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            operation: Document | None = operations.get(method.lower())
            return operation
    return None


def check_reply(document: Document, response: httpx2.Response) -> None:
    """Fail unless the reply's status and body are as the document says."""
    operation = described(document, response.request.method, response.request.url.path)
    if operation is None:
        return
    status = str(response.status_code)
    assert status in operation["responses"], f"{status} is not documented: {response.text[:500]}"
    schema = operation["responses"][status]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(response.json())
