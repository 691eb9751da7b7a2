"""Asking a vendor's service over HTTP what models it has."""

import json
from collections.abc import Mapping
from typing import TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from rootcoz.kit.http_bounds import bounded_client
from rootcoz.providers.wording import Vendor, without_secrets

TIMEOUT_S = 20.0

Listing = TypeVar("Listing", bound=BaseModel)


async def get_listing(
    kind: type[Listing], url: str, *, headers: Mapping[str, str], vendor: Vendor, secret: str
) -> Listing:
    """The list at `url`. Raises Unavailable and Refused; the key goes into a header, never into the address."""
    where = f"{vendor.name}'s list of models"
    try:
        async with bounded_client(timeout_s=TIMEOUT_S) as client:
            reply = await client.get(url, headers=dict(headers))
    except httpx2.TimeoutException as error:
        raise vendor.unavailable(f"{where} did not come within {TIMEOUT_S:g} seconds.") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        said = without_secrets(str(error), [secret])
        raise vendor.unavailable(f"{where} cannot be read: {said or type(error).__name__}") from error
    if reply.status_code != httpx2.codes.OK:
        raise vendor.refusal(reply.status_code, without_secrets(_message(reply), [secret]))
    try:
        return kind.model_validate_json(reply.content)
    except ValidationError as error:
        raise vendor.refused(f"{where} is no such list: check the address of the service.") from error


def _message(reply: httpx2.Response) -> str:
    """The vendor's sentence in an error reply: all three vendors put it at `error.message`."""
    try:
        error = json.loads(reply.content)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return ""
