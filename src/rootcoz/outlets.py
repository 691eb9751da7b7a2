"""Whom this server tells what, made from the settings. Part of the wiring."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rootcoz.domain.notification import Channel, ChannelKind
from rootcoz.kit.addresses import networks
from rootcoz.kit.vapid import VapidKeys, read_vapid_keys
from rootcoz.notify.base import MailServer, Sender
from rootcoz.settings import Settings, SettingsError

if TYPE_CHECKING:
    from rootcoz.notify.web_push import PushSender

# What speaks to the outside is imported when there is something to say: a server starts without it (PLC0415 is why).


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """The channels, those of the short settings first. Raises SettingsError."""
    channels = [one.channel() for one in settings.notifications]
    if settings.slack_webhook_url is not None:
        url = settings.slack_webhook_url.get_secret_value()
        channels.insert(0, Channel("slack", ChannelKind.SLACK, url=url))
    if settings.alert_email_to:
        channels.insert(0, Channel("email", ChannelKind.EMAIL, to=settings.alert_email_to))
    names = [channel.name for channel in channels]
    for name, setting in (("slack", "SLACK_WEBHOOK_URL"), ("email", "ALERT_EMAIL_TO")):
        if names.count(name) > 1:
            raise SettingsError(
                f"NOTIFICATIONS: a channel is called {name}, as that of {setting}; call it otherwise."
            )
    if _mail_server(settings) is None and any(one.kind is ChannelKind.EMAIL for one in channels):
        raise SettingsError("SMTP_HOST and SMTP_FROM are needed: a notification channel sends mail.")
    return tuple(channels)


def senders_of(settings: Settings, channels: tuple[Channel, ...]) -> Callable[[str], Sender | None]:
    """Who speaks to the channel of that name; None where there is none."""
    mail_server = _mail_server(settings)
    by_name = {channel.name: channel for channel in channels}
    made: dict[str, Sender] = {}

    def sender_named(name: str) -> Sender | None:
        if name not in made and name in by_name:
            from rootcoz.notify.registry import sender_for  # noqa: PLC0415

            made[name] = sender_for(by_name[name], mail_server, settings.notify_proxy)
        return made.get(name)

    return sender_named


def configured_vapid_keys(settings: Settings) -> VapidKeys | None:
    """The pair of the settings, if there is one. Raises SettingsError."""
    private = settings.vapid_private_key
    if not settings.vapid_public_key and private is None:
        return None
    if not settings.vapid_public_key or private is None:
        raise SettingsError("VAPID_PUBLIC_KEY and VAPID_PRIVATE_KEY belong together: set both, or neither.")
    try:
        return read_vapid_keys(settings.vapid_public_key, private.get_secret_value())
    except ValueError as error:
        raise SettingsError(f"VAPID_PUBLIC_KEY and VAPID_PRIVATE_KEY: {error}.") from None


def push_sender(settings: Settings, keys: Callable[[], Awaitable[VapidKeys]]) -> "Callable[[], PushSender]":
    """Who speaks to push services, made when first wanted."""

    @cache
    def made() -> "PushSender":
        from rootcoz.notify.web_push import PushSender  # noqa: PLC0415

        return PushSender(keys, push_contact(settings), networks(settings.push_allowed_networks))

    return made


def push_contact(settings: Settings) -> str:
    """Whom operators of push services may write to, as `mailto:`."""
    if settings.vapid_claim_email:
        return f"mailto:{settings.vapid_claim_email}"
    host = urlsplit(settings.public_base_url).hostname or ""
    return f"mailto:noreply@{host if '.' in host and ':' not in host else 'rootcoz.local'}"


def _mail_server(settings: Settings) -> MailServer | None:
    if not settings.smtp_host or not settings.smtp_from:
        return None
    secret = settings.smtp_password
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        user=settings.smtp_user,
        password=secret.get_secret_value() if secret else "",
        security=settings.smtp_security,
    )
