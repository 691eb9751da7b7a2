"""How a notification channel is configured: a table of `rootcoz.toml`, or an object in the variable NOTIFICATIONS."""

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from rootcoz.domain.notification import PUSH, Channel, ChannelKind, Event

CHANNELS_LIMIT = 100
SECRET_MINIMUM = 16
# What RFC 5321 lets stand without quotes. The standard library's parser takes as long to load as half our own packages.
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def split_words(value: object) -> object:
    """What a comma-separated text lists; anything else as it is."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(split_words)]


def mail_address(text: str) -> str:
    """The address. Raises ValueError for what is none, without repeating it."""
    address = text.strip()
    if not _MAIL.fullmatch(address):
        raise ValueError("must be mail addresses such as team@example.com")
    return address


def parse_channels(value: object) -> object:
    """The channels of a JSON array; what is no text is taken as it is."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ValueError("must be a JSON array of channels in the environment") from None


class ChannelSettings(BaseModel):
    """One channel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: ChannelKind
    url: SecretStr | None = None
    secret: SecretStr | None = None
    to: Words = ()
    events: Annotated[tuple[Literal[Event.ANALYSIS, Event.REOPENED], ...], BeforeValidator(split_words)] = (
        Event.ANALYSIS,
        Event.REOPENED,
    )
    only_new: bool = True
    jobs: Words = Field(default=(), max_length=200)
    teams: Words = Field(default=(), max_length=200)
    tiers: Words = Field(default=(), max_length=200)
    labels: Words = Field(default=(), max_length=200)

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name) or name == PUSH:
            raise ValueError(
                "must be 1 to 64 letters, digits, dots, dashes or underscores, and not the word 'push'"
            )
        return name

    @field_validator("url")
    @classmethod
    def _is_http_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_webhook_url(url.get_secret_value())
        return url

    @field_validator("to")
    @classmethod
    def _are_mail_addresses(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(mail_address, to))

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if self.kind is ChannelKind.EMAIL:
            if not self.to:
                raise ValueError("a channel of kind email needs `to`")
        elif self.url is None:
            raise ValueError(f"a channel of kind {self.kind} needs `url`")
        if self.kind is ChannelKind.WEBHOOK and len(_plain(self.secret)) < SECRET_MINIMUM:
            raise ValueError(
                f"a channel of kind webhook needs a `secret` of at least {SECRET_MINIMUM} characters"
            )
        return self

    def channel(self) -> Channel:
        """The same for the inside."""
        return Channel(
            name=self.name,
            kind=self.kind,
            url=_plain(self.url),
            secret=_plain(self.secret),
            to=self.to,
            events=self.events,
            only_new=self.only_new,
            jobs=self.jobs,
            teams=self.teams,
            tiers=self.tiers,
            labels=self.labels,
        )


def check_webhook_url(url: str) -> None:
    """Raise ValueError, without repeating it, for what is no address of a webhook."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be an address such as https://hooks.example.com/…")


def check_channels(channels: tuple[ChannelSettings, ...]) -> tuple[ChannelSettings, ...]:
    """The channels, if their names differ. Raises ValueError."""
    if len(channels) > CHANNELS_LIMIT:
        raise ValueError(f"must have at most {CHANNELS_LIMIT} channels")
    names: dict[str, Any] = {}
    for one in channels:
        if one.name in names:
            raise ValueError(f"has two channels called {one.name}")
        names[one.name] = one
    return channels


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
