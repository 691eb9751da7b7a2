"""What goes wrong, in JSON."""

from typing import Any

from pydantic import BaseModel, Field


class ErrorBody(BaseModel):
    """Any error that is not about single fields."""

    detail: str = Field(description="What happened, to which thing, and what to do.")


class FieldProblem(BaseModel):
    """One field of a request that cannot be accepted. What was sent is never repeated: it may be a secret."""

    type: str
    loc: list[str | int] = Field(description="Where in the request.")
    msg: str
    ctx: dict[str, Any] | None = None


class ValidationBody(BaseModel):
    """A request whose fields cannot be accepted."""

    detail: list[FieldProblem]


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries for the error statuses a route can answer with. 422 lists fields, the others explain."""
    meaning = {
        400: "The request cannot be carried out as it is.",
        401: "A valid key is needed.",
        403: "The requester may not do this.",
        404: "There is no such thing.",
        409: "It is in a state that forbids this.",
        413: "The body is larger than the documented limit.",
        415: "The body must be application/json.",
        422: "A field cannot be accepted.",
        429: "Too many attempts with wrong keys; Retry-After says when the next one is looked at.",
        502: "Something outside, such as a tracker, does not answer or says no.",
        503: "The server is stopping or something it needs does not answer.",
    }
    return {
        status: {
            "model": ValidationBody if status == 422 else ErrorBody,  # noqa: PLR2004 - the HTTP status
            "description": meaning[status],
        }
        for status in statuses
    }
