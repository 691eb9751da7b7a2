"""Web Push, and what the operator's channels are told."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field

from rootcoz.api.schemas.requests import HttpAddress, NonBlank, Text
from rootcoz.domain.notification import ChannelKind, DeliveryState, Event


def _https(url: str) -> str:
    if not url.startswith("https://"):
        raise ValueError("must start with https://")
    parts = urlsplit(url)
    if parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be an address as browsers write it, without a fragment")
    return url


Endpoint = Annotated[HttpAddress, AfterValidator(_https)]


class VapidPublicKey(BaseModel):
    """The key that browsers subscribe with."""

    vapid_public_key: str = Field(description="Browser-visible VAPID public key.")


class SubscribeRequest(BaseModel):
    """What a browser's PushSubscription says."""

    endpoint: Endpoint = Field(
        max_length=2048, description="Push-service endpoint URL. Must use https://. Maximum length: 2048."
    )
    p256dh_key: NonBlank = Field(
        max_length=256, description="Browser public key used for payload encryption. Maximum length: 256."
    )
    auth_key: NonBlank = Field(
        max_length=256, description="Browser authentication secret. Maximum length: 256."
    )


class UnsubscribeRequest(BaseModel):
    """A browser that wants to be told no more."""

    endpoint: Endpoint = Field(
        max_length=2048, description="Push-service endpoint URL. Must use https://. Maximum length: 2048."
    )


class Subscribed(BaseModel):
    """The browser is told."""

    status: Literal["subscribed"] = Field(description="Always subscribed on success.")


class Unsubscribed(BaseModel):
    """The browser is told no more."""

    status: Literal["unsubscribed"] = Field(description="Always unsubscribed on success.")


class ChannelPayload(BaseModel):
    """A notification channel, without its address and secret."""

    name: str
    kind: ChannelKind
    events: list[Event] = Field(description="What it is told of.")
    only_new: bool = Field(
        description="Whether it is told of an analysis only when something failed for the first time."
    )
    jobs: list[str] = Field(description="Globs of job names; empty: any.")
    teams: list[str] = Field(description="Empty: any.")
    tiers: list[str] = Field(description="Empty: any.")
    labels: list[str] = Field(description="Empty: any.")


class ChannelsResponse(BaseModel):
    """The channels of this server."""

    channels: list[ChannelPayload]


class ChannelTest(BaseModel):
    """A channel that is to be tried."""

    channel: Text = Field(max_length=64, description="Name of the channel.")


class ChannelTestResult(BaseModel):
    """What became of the test."""

    delivery_id: str
    delivered: bool = Field(description="Whether the other side accepted the message.")
    detail: str = Field(description="Why not, and what to do; empty when it did.")


class DeliveryPayload(BaseModel):
    """A message to the outside."""

    id: str = Field(description="The same in each attempt.")
    channel: str = Field(description="Name of the channel; push: a person's browser.")
    event: Event
    state: DeliveryState = Field(description="pending, delivered or given_up.")
    title: str = Field(description="First line of the message; empty for what is said to one person.")
    job_id: str = Field(description='Analysis job ID, or "".')
    attempts: int
    due_at: str | None = Field(description="When it is tried next; null when that is over.")
    last_error: str = Field(description='Why the last attempt failed, or "".')
    created_at: str
    finished_at: str | None


class DeliveriesResponse(BaseModel):
    """A page of messages."""

    deliveries: list[DeliveryPayload] = Field(description="The newest first.")
    next_before: str | None = Field(
        description="Send it as `before` for the next page; null: this is the last."
    )
