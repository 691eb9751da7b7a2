import re

from tests.support.announcements import NASTY, NASTY_TEXT, PLAIN, message
from tests.support.tracker_server import TrackerServer

from rootcoz.domain.notification import AnnouncedGroup, Announcement, Channel, ChannelKind, Event
from rootcoz.notify.slack import TEXT_LIMIT, SlackSender, escaped, slack_text


def test_a_message_names_the_build_the_counts_and_the_causes() -> None:
    assert slack_text(PLAIN) == (
        "*<https://rootcoz.example.com/results/job-1|1 new failure group in nightly #7>*\n"
        "2 failures in 1 group: 1 PRODUCT BUG.\n"
        "• *PRODUCT BUG* `tests.test_login.test_it` (2 failures)\n"
        "   The server answers 500.\n"
        "… and 3 more"
    )


def test_nothing_that_is_told_pings_or_links() -> None:
    text = slack_text(NASTY)

    assert re.findall(r"<[^>]*>", text) == [
        f"<https://rootcoz.example.com/results/a%7Cb&gt;c|{escaped(NASTY_TEXT)}>",
        '<https://jira.example.com/browse/A-1?x="&gt;&lt;script&gt;%7C&amp;y=&lt;!here&gt;|'
        + escaped(NASTY_TEXT)
        + ">",
    ]
    assert not re.search(r"@\w", text)
    assert "`" not in re.sub(r"`[^`\n]*`", "", text.splitlines()[2])


def test_what_was_escaped_reads_as_it_was() -> None:
    shown = escaped(NASTY_TEXT).replace("\N{WORD JOINER}", "")

    assert shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == NASTY_TEXT


def test_a_long_message_ends_with_a_whole_line() -> None:
    groups = tuple(AnnouncedGroup("<" * 200, 1, "PRODUCT BUG", "&" * 300) for _ in range(10))
    text = slack_text(Announcement(Event.ANALYSIS, "title", groups=groups))

    assert len(text) <= TEXT_LIMIT + 2
    assert text.endswith("\n…")
    assert set(text.splitlines()[-2].strip()) <= set("&amp;") | set("• *`<>PRODUCTBUG(1failure)lt; ")


async def test_it_is_posted_as_text(receiver: TrackerServer) -> None:
    await SlackSender(Channel("team", ChannelKind.SLACK, url=f"{receiver.url}/services/T/B/x")).send(
        message()
    )
    (request,) = receiver.requests

    assert (request.target, request.headers["content-type"]) == ("/services/T/B/x", "application/json")
    assert request.json == {"text": slack_text(PLAIN), "unfurl_links": False, "unfurl_media": False}
