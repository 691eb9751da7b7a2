"""The table from our errors to HTTP statuses, and the one shape that errors have."""

import errno
import math
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from rootcoz.domain.errors import (
    CallerError,
    Conflict,
    CredentialRefused,
    InvalidInput,
    KeysUnavailable,
    NotAllowed,
    NotConfigured,
    NotFound,
    NotSignedIn,
    OutsideError,
    RateLimited,
    RootcozError,
    ServerStopping,
    StillInProgress,
    StoreUnavailable,
    TooLarge,
    TooManyAttempts,
)

# The first class that fits decides, so the branches stand before their trunk.
STATUSES: tuple[tuple[type[RootcozError], int], ...] = (
    (NotFound, 404),
    (StillInProgress, 202),  # as the reference has it: not refused, only too early
    (Conflict, 409),
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (TooManyAttempts, 429),
    (TooLarge, 413),
    (NotConfigured, 400),
    (InvalidInput, 400),
    (CallerError, 400),
    (ServerStopping, 503),
    (StoreUnavailable, 503),
    (CredentialRefused, 401),  # a tracker's: the reference has its 401 and 403 so
    (KeysUnavailable, 503),
    (OutsideError, 502),
    (RootcozError, 500),
)

_PARSING_FAILED = "There was an error parsing the body"
"""What the web framework says of a body that its parser gave up on."""
_UNREADABLE = "The body cannot be read as JSON; it may be nested too deeply."

log = structlog.get_logger()


class InvalidFields(CallerError):
    """Fields of a body that was not read by the web framework cannot be accepted."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("fields cannot be accepted")
        self.problems = problems


def status_of(error: RootcozError) -> int:
    """The HTTP status for the error."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def error_reply(error: RootcozError) -> JSONResponse:
    """The reply for the error, in the one shape."""
    headers = {}
    if isinstance(error, NotSignedIn):
        headers = {"WWW-Authenticate": "Bearer"}
    elif isinstance(error, TooManyAttempts):
        headers = {"Retry-After": str(error.retry_after_s)}
    elif isinstance(error, RateLimited) and error.retry_after_s is not None:
        headers = {"Retry-After": str(math.ceil(error.retry_after_s))}
    return JSONResponse({"detail": str(error)}, status_of(error), headers)


def field_problems(error: ValidationError, *, within: tuple[str | int, ...] = ()) -> list[dict[str, Any]]:
    """What is wrong, field by field, below `within`, without repeating what was sent."""
    return _cleaned(error.errors(include_url=False, include_input=False), within=within)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error in the same shape."""

    @app.exception_handler(RootcozError)
    async def ours(_request: Request, error: RootcozError) -> JSONResponse:
        if isinstance(error, InvalidFields):
            return JSONResponse({"detail": error.problems}, 422)
        return error_reply(error)

    @app.exception_handler(RequestValidationError)
    async def fields(_request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": _cleaned(error.errors())}, 422)

    @app.exception_handler(HTTPException)
    async def framework(_request: Request, error: HTTPException) -> JSONResponse:
        detail = _UNREADABLE if error.detail == _PARSING_FAILED else str(error.detail)
        return JSONResponse({"detail": detail}, error.status_code, dict(error.headers or {}))

    @app.exception_handler(RecursionError)
    async def too_deep(_request: Request, _error: RecursionError) -> JSONResponse:
        return JSONResponse({"detail": "The JSON body is nested too deeply."}, 400)

    @app.exception_handler(OSError)
    async def disk(request: Request, error: OSError) -> JSONResponse:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            return await bug(request, error)
        log.error("disk_full", method=request.method, path=request.url.path)
        return JSONResponse(
            {"detail": "The server's disk is full: nothing was accepted. Try again later."}, 503
        )

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
        return JSONResponse({"detail": "Internal error; the server's log has the details."}, 500)


def _cleaned(problems: Iterable[Any], *, within: tuple[str | int, ...] = ()) -> list[dict[str, Any]]:
    return [_one(problem, within) for problem in problems]


def _one(problem: Mapping[str, Any], within: tuple[str | int, ...]) -> dict[str, Any]:
    cleaned = {
        "type": problem["type"],
        "loc": [*within, *problem["loc"]],
        "msg": problem["msg"],
    }
    # ctx holds the limits of the rule that was broken. What is no plain number or text there is an exception object.
    context = {
        key: value
        for key, value in problem.get("ctx", {}).items()
        if isinstance(value, str | int | float | bool) and key != "error"
    }
    return {**cleaned, "ctx": context} if context else cleaned
