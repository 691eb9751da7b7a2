"""A webhook for programs: JSON, signed, so that the receiver knows who sent it, when, and whether it has it already."""

import hashlib
import hmac
import time
from dataclasses import asdict

import orjson

from rootcoz.domain.notification import Channel, Message
from rootcoz.notify.http import Place, check, post

SIGNATURE_VERSION = "v1"


class WebhookSender:
    """Posts to one address."""

    def __init__(self, channel: Channel, proxy: str = "") -> None:
        self._place = Place(
            f"Channel {channel.name} (webhook)", f"channel {channel.name}", channel.url, proxy=proxy
        )
        self._secret = channel.secret

    async def send(self, message: Message) -> None:
        """See notify.base.Sender."""
        body = orjson.dumps(
            {
                "delivery_id": message.delivery_id,
                "created_at": message.created_at,
                **asdict(message.announcement),
            }
        )
        timestamp = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "x-rootcoz-event": str(message.announcement.event),
            "x-rootcoz-delivery": message.delivery_id,
            "x-rootcoz-timestamp": timestamp,
            "x-rootcoz-signature": signature(self._secret, timestamp, body),
        }
        check(self._place, await post(self._place, body, headers))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256, in hexadecimal, of timestamp, a dot and the body. The timestamp is Unix seconds."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"{SIGNATURE_VERSION}={digest}"
