"""Replies and transport errors of the server, as errors of our tree with a sentence for the user."""

import ssl
from typing import TypeVar

import httpx2
import orjson
from pydantic import BaseModel, ValidationError

from rootcoz.domain.errors import (
    CallerError,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    OutsideError,
    Refused,
    RootcozError,
    TooLarge,
    Unavailable,
)

SOURCE = "rootcoz server"
IN_PROCESS = "rootcoz"
"""What messages call the other side when it is in this process."""
_QUOTED = 600
"""Characters of the server's own words that are repeated."""
_PROBLEMS = 3
"""Wrong fields that are named."""

_FAMILIES: dict[int, tuple[type[CallerError], str]] = {
    401: (
        NotAllowed,
        "{url} wants to know who asks: set ROOTCOZ_API_KEY to a key of this server ({said}).",
    ),
    403: (NotAllowed, "{url} does not allow this: {said}."),
    404: (NotFound, "{url} does not have it: {said}."),
    405: (NotFound, "{url} does not have it: {said}."),
    409: (Conflict, "{url} cannot do this now: {said}."),
    413: (TooLarge, "{url} found the request too large: {said}."),
}

Model = TypeVar("Model", bound=BaseModel)


def parsed(model: type[Model], response: httpx2.Response, server: str) -> Model:
    """The reply of `server` as `model`. Raises Refused if it is something else."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise unreadable(response, server) from error


def unreadable(response: httpx2.Response, url: str) -> Refused:
    """A reply that is none of ours."""
    kind = response.headers.get("content-type", "").partition(";")[0]
    if "json" in kind:
        return Refused(
            f"{url} answered in a form that this version does not know; "
            "use a client and a server of one version.",
            source=SOURCE,
        )
    what = {"": "nothing of use", "text/html": "a web page"}.get(kind, kind)
    return Refused(
        f"{url} answered with {what} instead of JSON; check that this is the address of a rootcoz server.",
        source=SOURCE,
    )


def refusal(response: httpx2.Response, url: str) -> RootcozError:
    """The error that a reply outside 2xx stands for. An empty `url`: there is no server to speak of."""
    status = response.status_code
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects of RFC 9110
        target = response.headers.get("location", "elsewhere")
        return Refused(f"{url} redirects to {target[:200]}; use the server's own address.", source=SOURCE)
    detail = detail_of(response)
    who = url or IN_PROCESS
    if status in {502, 503, 504}:
        return Unavailable(
            f"{who} is not ready (status {status}){_said(detail)}; try again later.", source=SOURCE
        )
    if status >= 500:  # noqa: PLR2004 - the server errors of RFC 9110
        return Refused(f"{who} failed (status {status}){_said(detail)}; its log says more.", source=SOURCE)
    return _caller_error(status, url, detail)


def _caller_error(status: int, url: str, detail: str) -> RootcozError:
    said = detail or f"status {status}"
    if not url:
        family, _ = _FAMILIES.get(status, (InvalidInput, ""))
        return family(f"{said}.")
    if status == 429:  # noqa: PLR2004 - RFC 6585
        return Unavailable(f"{url} has too much to do: {said}; try again later.", source=SOURCE)
    family, sentence = _FAMILIES.get(status, (InvalidInput, "{url} refused the request: {said}."))
    return family(sentence.format(url=url, said=said))


def _said(detail: str) -> str:
    return f": {detail}" if detail else ""


def detail_of(response: httpx2.Response) -> str:
    """The server's own words, without a full stop; empty if it gave none in our form."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return ""
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list):
        problems = [_problem(item) for item in detail[:_PROBLEMS]]
        more = len(detail) - _PROBLEMS
        detail = "; ".join(problems) + (f"; and {more} more" if more > 0 else "")
    return detail.strip().rstrip(".")[:_QUOTED] if isinstance(detail, str) else ""


def _problem(item: object) -> str:
    """One entry of a validation error: the field's name and what is wrong with it."""
    if not isinstance(item, dict):
        return str(item)[:_QUOTED]
    place = item.get("loc")
    where = ".".join(str(part) for part in place if part != "body") if isinstance(place, list) else ""
    message = str(item.get("msg", "is not valid")).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def transport_error(error: httpx2.RequestError, url: str) -> RootcozError:
    """The error that a failed exchange with `url` stands for."""
    if isinstance(error, httpx2.TimeoutException):
        return Unavailable(f"{url} did not answer in time; try again later.", source=SOURCE, timed_out=True)
    secure = _tls_problem(error)
    if secure is not None:
        return secure_error(url, secure)
    if isinstance(error, httpx2.ConnectError):
        return Unavailable(
            f"No server answers at {url}; start one with `rootcoz serve`, or check the address.",
            source=SOURCE,
        )
    if isinstance(error, httpx2.ProxyError):
        return Unavailable(f"The proxy between here and {url} refused: {error}.", source=SOURCE)
    return Unavailable(f"The connection to {url} broke off; try again.", source=SOURCE)


def secure_error(url: str, problem: str) -> OutsideError:
    """A TLS handshake that failed: nothing that trying again would cure."""
    return Refused(
        f"No secure connection to {url}: {problem}; check https or http, or point SSL_CERT_FILE at "
        "the file of your certificate authority.",
        source=SOURCE,
    )


def _tls_problem(error: BaseException) -> str | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return f"the TLS handshake failed ({cause.reason or cause})"
        cause = cause.__cause__ or cause.__context__
    return None
