"""All kinds of channels, in plain sight. Read by `wiring` alone."""

from rootcoz.domain.notification import Channel, ChannelKind
from rootcoz.notify.base import MailServer, NoMailServer, Sender
from rootcoz.notify.slack import SlackSender
from rootcoz.notify.teams import TeamsSender
from rootcoz.notify.webhook import WebhookSender


def sender_for(channel: Channel, mail_server: MailServer | None, proxy: str) -> Sender:
    """The one who speaks to the channel. Raises NoMailServer."""
    match channel.kind:
        case ChannelKind.SLACK:
            return SlackSender(channel, proxy)
        case ChannelKind.TEAMS:
            return TeamsSender(channel, proxy)
        case ChannelKind.WEBHOOK:
            return WebhookSender(channel, proxy)
        case ChannelKind.EMAIL:
            if mail_server is None:
                raise NoMailServer("SMTP_HOST is not set.")
            from rootcoz.notify.mail import MailSender  # noqa: PLC0415 - its library is loaded only where it is wanted

            return MailSender(channel, mail_server)
