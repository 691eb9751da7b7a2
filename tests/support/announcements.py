"""Things to tell, nice and nasty."""

from rootcoz.domain.notification import AnnouncedGroup, Announcement, Event, Message

PLAIN = Announcement(
    event=Event.ANALYSIS,
    title="1 new failure group in nightly #7",
    text="2 failures in 1 group: 1 PRODUCT BUG.",
    link="https://rootcoz.example.com/results/job-1",
    job_id="job-1",
    job_name="nightly",
    build_number=7,
    counts={"PRODUCT BUG": 1},
    groups=(AnnouncedGroup("tests.test_login.test_it", 2, "PRODUCT BUG", "The server answers 500."),),
    more_groups=3,
)
NASTY_TEXT = (
    "<!channel> <!here|x> <@U012> <https://evil.example|click> @here @channel &lt; `x` *b* _i_ "
    "</li><script>alert(1)</script> [a](b)"
)
NASTY = Announcement(
    event=Event.REOPENED,
    title=NASTY_TEXT,
    text=NASTY_TEXT,
    link="https://rootcoz.example.com/results/a|b>c",
    groups=(AnnouncedGroup(NASTY_TEXT, 1, "", NASTY_TEXT),),
    issue_key=NASTY_TEXT,
    issue_url='https://jira.example.com/browse/A-1?x="><script>|&y=<!here>',
)


def message(announcement: Announcement = PLAIN) -> Message:
    return Message("0123456789abcdef0123456789abcdef", announcement, "2026-01-01T00:00:00.000Z")
