from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from tests.support.announcements import NASTY, NASTY_TEXT, PLAIN, message
from tests.support.tracker_server import Answer, TrackerServer

from rootcoz.domain.errors import RateLimited
from rootcoz.domain.notification import AnnouncedGroup, Announcement, Channel, ChannelKind, Event
from rootcoz.notify.teams import TeamsSender, teams_card


def elements(card: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - parsed JSON
    if isinstance(card, dict):
        yield card
        card = list(card.values())
    if isinstance(card, list):
        for below in card:
            yield from elements(below)


def texts(announcement: Announcement) -> list[str]:
    return [one["text"] for one in elements(teams_card(announcement)) if "text" in one]


def test_a_card_names_the_build_the_counts_and_the_causes() -> None:
    (attachment,) = teams_card(PLAIN)["attachments"]
    card = attachment["content"]

    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert texts(PLAIN) == [
        "1 new failure group in nightly #7",
        "2 failures in 1 group: 1 PRODUCT BUG.",
        "PRODUCT BUG  ",
        "tests.test_login.test_it",
        "  (2 failures)",
        "The server answers 500.",
        "… and 3 more",
    ]
    assert card["actions"] == [
        {
            "type": "Action.OpenUrl",
            "title": "Open the report",
            "url": "https://rootcoz.example.com/results/job-1",
        }
    ]


def test_what_is_told_stands_where_no_markdown_is_read_and_mentions_nobody() -> None:
    card = teams_card(NASTY)
    kinds = {one["type"] for one in elements(card) if NASTY_TEXT in map(str, one.values())}

    assert kinds == {"TextRun"}
    assert "entities" not in str(card)


def test_the_largest_card_is_below_the_limit_of_teams() -> None:
    wide = "\N{PILE OF POO}" * 300
    groups = tuple(AnnouncedGroup(wide[:200], 1, "PRODUCT BUG", wide) for _ in range(10))
    card = orjson.dumps(teams_card(Announcement(Event.ANALYSIS, wide, wide, groups=groups)))

    assert len(card) < 28_000


async def test_an_old_connector_that_has_enough_is_left_alone(receiver: TrackerServer) -> None:
    receiver.say(
        Answer(
            b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"
        )
    )
    with pytest.raises(RateLimited, match="left alone"):
        await TeamsSender(Channel("team", ChannelKind.TEAMS, url=receiver.url)).send(message())

    assert receiver.requests[0].json == teams_card(PLAIN)
