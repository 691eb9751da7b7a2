"""Slack's incoming webhooks, and those of servers that take the same: Mattermost, Rocket.Chat, Discord's `/slack`.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

import orjson

from rootcoz.domain.notification import Announcement, Channel, Event, Message
from rootcoz.domain.verdicts import counted
from rootcoz.notify.http import Place, check, post

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JOINER = "\N{WORD JOINER}"
"""Invisible. After `@` it keeps Mattermost and others from seeing `@channel`, which they do even in plain text."""
TEXT_LIMIT = 3_900
"""Characters; Slack recommends 4,000 at most."""


class SlackSender:
    """Posts to one webhook."""

    def __init__(self, channel: Channel, proxy: str = "") -> None:
        self._place = Place(
            f"Channel {channel.name} (Slack)", f"channel {channel.name}", channel.url, proxy=proxy
        )

    async def send(self, message: Message) -> None:
        """See notify.base.Sender."""
        body = {"text": slack_text(message.announcement), "unfurl_links": False, "unfurl_media": False}
        reply = await post(self._place, orjson.dumps(body), {"content-type": "application/json"})
        check(self._place, reply)


def slack_text(said: Announcement) -> str:
    """The message in mrkdwn. Nothing of what it tells of is a link, a mention or a command."""
    title = escaped(said.title)
    lines = [f"*<{_in_link(said.link)}|{title}>*" if said.link else f"*{title}*"]
    if said.text:
        lines.append(escaped(said.text))
    for group in said.groups:
        kind = group.classification or "no verdict"
        name = escaped(group.test_name.replace("`", "'"))
        lines.append(f"• *{kind}* `{name or '(no name)'}` ({counted(group.failures, 'failure')})")
        if group.cause:
            lines.append(f"   {escaped(group.cause)}")
    if said.more_groups:
        lines.append(f"… and {said.more_groups} more")
    if said.issue_url and said.event is Event.REOPENED:
        lines.append(f"<{_in_link(said.issue_url)}|{escaped(said.issue_key)}>")
    return _whole_lines(lines)


def _whole_lines(lines: list[str]) -> str:
    """As many of the lines as Slack shows in one piece; half of a link or an escape would be something else."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line) + 1
        if size > TEXT_LIMIT:
            return "\n".join([*lines[:number], "…"])
    return "\n".join(lines)


def escaped(text: str) -> str:
    """The text as it is, for mrkdwn; one of another's making can neither ping nor link nor hide anything."""
    return text.translate(_ESCAPES).replace("@", f"@{_JOINER}")


def _in_link(url: str) -> str:
    """The address where `<address|text>` wants it."""
    return url.translate(_ESCAPES).replace("|", "%7C")
