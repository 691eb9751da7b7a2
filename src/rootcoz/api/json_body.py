"""JSON bodies that routes read by themselves: what is wrong with them is told in a sentence, with 400.

The reference promises that for sign-in, saved tokens and the administration of users.
"""

from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError

from rootcoz.domain.errors import InvalidInput

Body = TypeVar("Body", bound=BaseModel)


async def read_json(request: Request, model: type[Body], *, optional: bool = False) -> Body:
    """The body as the model. `optional`: an empty one counts as `{}`. Raises InvalidInput."""
    raw = await request.body()
    if optional and not raw.strip():
        raw = b"{}"
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise InvalidInput("The body must be a JSON object; it is no valid JSON.") from None
    if not isinstance(parsed, dict):
        raise InvalidInput("The body must be a JSON object.")
    try:
        return model.model_validate(parsed, strict=True)
    except ValidationError as error:
        raise InvalidInput(_explained(error)) from None


def body_of(model: type[BaseModel], *, optional: bool = False) -> dict[str, Any]:
    """The OpenAPI entry of such a body; `openapi.py` adds the model itself."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": not optional, "content": {"application/json": {"schema": schema}}}}


def _explained(error: ValidationError) -> str:
    """What is wrong, field by field, without what was sent."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}" for one in problems
    )
