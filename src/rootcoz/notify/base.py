"""What every kind of channel does."""

from dataclasses import dataclass, field
from typing import Protocol

from rootcoz.domain.errors import Refused, RootcozError
from rootcoz.domain.notification import Message

USER_AGENT = "rootcoz"


class Sender(Protocol):
    """Sends messages to one channel."""

    async def send(self, message: Message) -> None:
        """Hand the message over; when this returns, the other side has accepted it.

        Raises Unavailable (RateLimited among them) when the same message may be accepted later, and Refused when it
        will not. Neither says the channel's address or secret. One attempt only: whoever calls tries again.
        """
        ...


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    sender: str
    """Address in From."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    security: str = "starttls"
    """`starttls`, `tls` or `none`."""


class SubscriptionGone(Refused):
    """The push service does not know the subscription any more, or it was never one."""


class NoMailServer(RootcozError):
    """A mail channel without a server to hand mail in at."""
