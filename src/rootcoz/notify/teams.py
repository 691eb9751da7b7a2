"""Webhooks of Microsoft Teams (a workflow "when a webhook request is received"), with an Adaptive Card.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
https://adaptivecards.io/explorer/TextRun.html: unlike a TextBlock, a TextRun reads no Markdown, so that whatever
stands in an error is shown as it is. People are mentioned by entities of the card alone, of which there are none.
"""

from typing import Any

import orjson

from rootcoz.domain.errors import RateLimited
from rootcoz.domain.notification import Announcement, Channel, Event, Message
from rootcoz.domain.verdicts import counted
from rootcoz.notify.http import Place, check, post

_OLD_CONNECTORS_LIMIT = "HTTP error 429"
"""Office 365 connectors answer 200 with these words when they want to be left alone."""


class TeamsSender:
    """Posts to one webhook."""

    def __init__(self, channel: Channel, proxy: str = "") -> None:
        self._place = Place(
            f"Channel {channel.name} (Teams)", f"channel {channel.name}", channel.url, proxy=proxy
        )

    async def send(self, message: Message) -> None:
        """See notify.base.Sender."""
        body = orjson.dumps(teams_card(message.announcement))
        reply = await post(self._place, body, {"content-type": "application/json"})
        check(self._place, reply)
        if _OLD_CONNECTORS_LIMIT in reply.said:
            raise RateLimited(
                f"{self._place.name} wants to be left alone for a while.", source=self._place.source
            )


def teams_card(said: Announcement) -> dict[str, Any]:
    """The message that holds the card; well below Teams' limit of 28 KB."""
    body = [_text([_run(said.title, weight="Bolder", size="Medium")])]
    if said.text:
        body.append(_text([_run(said.text)]))
    for group in said.groups:
        kind = group.classification or "no verdict"
        head = [
            _run(f"{kind}  ", weight="Bolder"),
            _run(group.test_name or "(no name)", fontType="Monospace"),
            _run(f"  ({counted(group.failures, 'failure')})", isSubtle=True),
        ]
        body.append(_text(head, separator=True))
        if group.cause:
            body.append(_text([_run(group.cause)], spacing="Small"))
    if said.more_groups:
        body.append(_text([_run(f"… and {said.more_groups} more", isSubtle=True)]))
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if actions := _actions(said):
        card["actions"] = actions
    content_type = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": content_type, "contentUrl": None, "content": card}],
    }


def _actions(said: Announcement) -> list[dict[str, str]]:
    links = [("Open the report", said.link)] if said.link else []
    if said.issue_url and said.event is Event.REOPENED:
        links.append((f"Open {said.issue_key}", said.issue_url))
    return [{"type": "Action.OpenUrl", "title": title, "url": url} for title, url in links]


def _text(runs: list[dict[str, Any]], **style: object) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": runs, **style}


def _run(text: str, **style: object) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}
