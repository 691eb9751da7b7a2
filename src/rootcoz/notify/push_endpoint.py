"""The address that a browser's subscription names. Apart from what speaks to it: a server starts without that."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from rootcoz.domain.errors import InvalidInput
from rootcoz.kit.addresses import Network
from rootcoz.kit.public_address import NotPublic, public_address

_HTTPS = 443


async def check_endpoint(endpoint: str, allowed: Sequence[Network] = ()) -> None:
    """Raise InvalidInput for an endpoint that leads into a network which outsiders cannot reach.

    A name that cannot be resolved now leads nowhere, and is looked at again with each message.
    """
    host, port = endpoint_host(endpoint)
    try:
        await public_address(host, port, allowed)
    except NotPublic:
        raise InvalidInput(
            "The endpoint leads to a private address. Push services are on the internet; for one of your own network, "
            "list that in PUSH_ALLOWED_NETWORKS."
        ) from None
    except OSError:
        return


def endpoint_host(endpoint: str) -> tuple[str, int]:
    """Its name or address, and its port."""
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or _HTTPS
