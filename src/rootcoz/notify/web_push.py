"""Web Push: RFC 8030 to speak to a push service, RFC 8291 to keep the message from it, RFC 8292 to say who we are.

Push services are chosen by whoever subscribes, so their addresses are looked at: at the subscription and again, since
a name may lead elsewhere by then, with each message, which goes to the very address that was looked at.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from rootcoz.domain.errors import Refused, Unavailable
from rootcoz.domain.notification import Message, PushSubscription
from rootcoz.kit.addresses import Network
from rootcoz.kit.public_address import NotPublic, public_address
from rootcoz.kit.vapid import VapidKeys
from rootcoz.notify.base import SubscriptionGone
from rootcoz.notify.http import Place, check, post
from rootcoz.notify.push_endpoint import endpoint_host

TTL_S = 86_400
"""How long a push service keeps a message for a browser that is not there."""
_TOKEN_S = 12 * 3600
_POINT_SIZE = 65
_SECRET_SIZE = 16
_GONE = frozenset({404, 410})
_SOURCE = "push service"


class PushSender:
    """Sends messages to browsers."""

    def __init__(
        self, keys: Callable[[], Awaitable[VapidKeys]], contact: str, allowed: Sequence[Network] = ()
    ) -> None:
        """`contact` is a `mailto:` address, for the operators of push services; `allowed` as in `check_endpoint`."""
        self._keys = keys
        self._contact = contact
        self._allowed = allowed

    async def send(self, message: Message, subscription: PushSubscription) -> None:
        """As notify.base.Sender. Raises SubscriptionGone as well."""
        host, port = endpoint_host(subscription.endpoint)
        try:
            address = await public_address(host, port, self._allowed)
        except NotPublic:
            raise Refused(
                "The push service's name leads to a private address now (PUSH_ALLOWED_NETWORKS).",
                source=_SOURCE,
            ) from None
        except OSError:
            raise Unavailable("The push service's name cannot be resolved.", source=_SOURCE) from None
        keys = await self._keys()
        said = message.announcement
        payload = orjson.dumps({"title": said.title, "body": said.text, "url": said.link})
        body = await asyncio.to_thread(_encrypted, payload, subscription)
        headers = {
            "content-type": "application/octet-stream",
            "content-encoding": "aes128gcm",
            "ttl": str(TTL_S),
            # A message that comes twice takes its own place: RFC 8030, section 5.4.
            "topic": message.delivery_id,
            **await asyncio.to_thread(_authorization, subscription.endpoint, keys, self._contact),
        }
        place = Place("The push service", _SOURCE, subscription.endpoint, address)
        reply = await post(place, body, headers)
        if reply.status in _GONE:
            raise SubscriptionGone(
                f"The push service does not know the subscription any more (HTTP {reply.status}).",
                source=_SOURCE,
            )
        check(place, reply)


def _encrypted(payload: bytes, subscription: PushSubscription) -> bytes:
    from pywebpush import WebPusher  # type: ignore[import-untyped]  # noqa: PLC0415 - ships no types; takes half a second

    try:
        _check_keys(subscription)
    except ValueError:  # without it as the cause: it may show the keys
        raise SubscriptionGone("The subscription's keys cannot be used.", source=_SOURCE) from None
    keys = {"p256dh": subscription.p256dh_key, "auth": subscription.auth_key}
    pusher = WebPusher({"endpoint": subscription.endpoint, "keys": keys})
    return bytes(pusher.encode(payload)["body"])


def _check_keys(subscription: PushSubscription) -> None:
    """Raise ValueError for keys that no browser made: RFC 8291, section 2."""
    point, secret = _bytes(subscription.p256dh_key), _bytes(subscription.auth_key)
    if len(point) != _POINT_SIZE or len(secret) != _SECRET_SIZE:
        raise ValueError("wrong length")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _authorization(endpoint: str, keys: VapidKeys, contact: str) -> dict[str, str]:
    """The header that says who we are, to this push service, for some hours."""
    from py_vapid import Vapid02  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc.lower()}",
        "exp": int(time.time()) + _TOKEN_S,
        "sub": contact,
    }
    signed: dict[str, str] = Vapid02.from_raw(keys.private.encode()).sign(claims)
    return signed
