"""What channels are told of analyses."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.reviewed_build import accepted_build, bug, failing, parts_with, step
from tests.support.scripted_provider import ScriptedProvider

from rootcoz.analysis.parts import Parts
from rootcoz.analysis.pipeline import analyse, give_up
from rootcoz.domain.failure import Build, ErrorSignature, Failure
from rootcoz.domain.job_metadata import JobMetadata
from rootcoz.domain.notification import (
    AnnouncedGroup,
    Channel,
    ChannelKind,
    Delivery,
    Event,
    GroupNews,
    ReopenedNews,
)
from rootcoz.features.notifications import GROUPS_TOLD, Notifications
from rootcoz.store.engine import Database
from rootcoz.store.job_metadata import replace_metadata

NIGHTLY = Build(job_name="nightly", build_number=7, failures=failing("alpha", "a.one", "a.two"))
ANYTHING = Channel("all", ChannelKind.SLACK)


async def nobody_sends(delivery: Delivery) -> Delivery:
    raise AssertionError(f"{delivery.id} was to be sent at once")


class House:
    """An analyser whose news go to some channels."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.provider = ScriptedProvider(bug)
        self.channels: Sequence[Channel] = (ANYTHING,)
        self.base_url = ""

    @property
    def newsroom(self) -> Notifications:
        return Notifications(self.database, self.channels, self.base_url, nobody_sends)

    @property
    def parts(self) -> Parts:
        parts = parts_with(self.database, self.folder / "workspaces", self.provider)
        return replace(parts, newsroom=self.newsroom)

    async def analyse(self, build: Build = NIGHTLY) -> str:
        job_id = await accepted_build(self.parts, build)
        await analyse(job_id, self.parts, step)
        return job_id

    async def told(self) -> list[Delivery]:
        """The messages, the oldest first."""
        found = await self.newsroom.recent(50, channel=None, state=None, before=None)
        return list(found)[::-1]

    async def titles(self) -> list[tuple[str, str]]:
        return [(one.channel, one.announcement.title) for one in await self.told()]


@pytest.fixture
async def house(tmp_path: Path) -> House:
    database = await Database.open(tmp_path)
    return House(database, tmp_path)


@pytest.fixture(autouse=True)
async def closed(house: House) -> object:
    yield
    await house.database.close()


async def test_new_failures_are_told_with_what_was_found(house: House) -> None:
    house.base_url = "https://rootcoz.example.com"
    build = replace(NIGHTLY, failures=(*NIGHTLY.failures, *failing("bravo", "b.one")))
    job_id = await house.analyse(build)
    (delivery,) = await house.told()
    said = delivery.announcement

    assert (delivery.job_id, delivery.event, delivery.state) == (job_id, "analysis", "pending")
    assert said.title == "2 new failure groups in nightly #7"
    assert said.text == "3 failures in 2 groups: 2 PRODUCT BUG."
    assert said.link == f"https://rootcoz.example.com/results/{job_id}"
    assert dict(said.counts) == {"PRODUCT BUG": 2}
    assert (said.job_name, said.build_number) == ("nightly", 7)
    assert said.groups == (
        AnnouncedGroup("a.one", 2, "PRODUCT BUG", "About group 1."),
        AnnouncedGroup("b.one", 1, "PRODUCT BUG", "About group 2."),
    )


async def test_what_failed_before_in_the_job_is_not_told_again(house: House) -> None:
    await house.analyse()
    await house.analyse(replace(NIGHTLY, build_number=8))
    more = (*NIGHTLY.failures, *failing("bravo", "b.one"))
    await house.analyse(replace(NIGHTLY, build_number=9, failures=more))
    await house.analyse(replace(NIGHTLY, build_number=10, failures=()))
    await house.analyse(replace(NIGHTLY, build_number=11))
    told = await house.told()

    assert [one.announcement.title for one in told] == [
        "1 new failure group in nightly #7",
        "1 new failure group in nightly #9",
    ]
    assert [group.test_name for group in told[1].announcement.groups] == ["b.one"]


async def test_what_failed_in_another_job_only_is_new(house: House) -> None:
    await house.analyse(replace(NIGHTLY, job_name="weekly"))
    await house.analyse()

    assert await house.titles() == [
        ("all", "1 new failure group in weekly #7"),
        ("all", "1 new failure group in nightly #7"),
    ]


async def test_a_channel_may_want_to_be_told_of_everything(house: House) -> None:
    house.channels = (replace(ANYTHING, only_new=False),)
    await house.analyse()
    await house.analyse(replace(NIGHTLY, build_number=8))
    await house.analyse(replace(NIGHTLY, build_number=9, failures=()))

    assert [title for _, title in await house.titles()] == [
        "1 new failure group in nightly #7",
        "1 failure group in nightly #8, none of them new",
        "No failures in nightly #9",
    ]


async def test_channels_are_told_of_their_jobs_alone(house: House) -> None:
    def about(name: str, **filters: tuple[str, ...]) -> Channel:
        return replace(ANYTHING, name=name, **filters)  # type: ignore[arg-type]  # fields by name

    house.channels = (
        about("glob", jobs=("weekly", "night*")),
        about("other-glob", jobs=("Night*",)),
        about("team", teams=("net", "STORAGE")),
        about("other-team", teams=("net",)),
        about("tier", tiers=("gold",)),
        about("label", labels=("x", "smoke")),
        about("both", teams=("storage",), labels=("none",)),
        replace(ANYTHING, name="reopened-only", events=(Event.REOPENED,)),
    )
    async with house.database.write() as connection:
        known = JobMetadata("nightly", team="storage", tier="gold", labels=("smoke",))
        await replace_metadata(connection, [known])
    await house.analyse()

    assert sorted(channel for channel, _ in await house.titles()) == ["glob", "label", "team", "tier"]


async def test_a_job_nobody_knows_has_no_team(house: House) -> None:
    house.channels = (replace(ANYTHING, teams=("net",)), replace(ANYTHING, name="any"))
    await house.analyse()

    assert [channel for channel, _ in await house.titles()] == ["any"]


async def test_a_direct_analysis_is_told_by_its_id(house: House) -> None:
    job_id = await house.analyse(Build(failures=NIGHTLY.failures))

    assert await house.titles() == [("all", f"1 new failure group in analysis {job_id}")]


async def test_a_message_is_bounded_and_free_of_secrets_and_of_what_nobody_sees(house: House) -> None:
    token = "ghp_" + "a1B2" * 9
    names = [f"t.{number} {token}\u202e{'x' * 500}" for number in range(15)]
    errors = [
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][number % 11]
        for number in range(15)
    ]
    failures = tuple(
        Failure(name, f"{kind}Error: {token} is\x00 wrong\nmore {'y' * 5000}", stack_trace=f"at {kind}.f")
        for name, kind in zip(names, errors, strict=True)
    )
    house.provider.script = lambda _question: "no answer"
    house.channels = (replace(ANYTHING, only_new=False),)
    await house.analyse(replace(NIGHTLY, job_name=f"nightly password={token}", failures=failures))
    (delivery,) = await house.told()
    said = delivery.announcement
    shown = [text for group in said.groups for text in (group.test_name, group.cause)]
    texts = [said.title, said.text, said.job_name, *shown]

    assert not [text for text in texts if token in text or not text.isprintable() or len(text) > 600]


async def test_only_the_first_new_groups_are_listed(house: House) -> None:
    words = [
        "alpha",
        "bravo",
        "charlie",
        "delta",
        "echo",
        "foxtrot",
        "golf",
        "hotel",
        "india",
        "juliet",
        "kilo",
        "lima",
    ]
    failures = tuple(failure for word in words for failure in failing(word, f"t.{word}"))
    await house.analyse(replace(NIGHTLY, failures=failures))
    (delivery,) = await house.told()

    assert len(delivery.announcement.groups) == GROUPS_TOLD
    assert delivery.announcement.more_groups == len(words) - GROUPS_TOLD


async def test_an_analysis_that_failed_is_told_to_those_who_want_everything(house: House) -> None:
    house.channels = (ANYTHING, replace(ANYTHING, name="every", only_new=False))
    job_id = await accepted_build(house.parts, NIGHTLY)
    await give_up(job_id, house.parts, "the disk is full.")
    ((channel, title),) = await house.titles()

    assert (channel, title) == ("every", "The analysis of nightly #7 failed")


async def test_an_analysis_whose_end_is_written_twice_is_told_once(house: House) -> None:
    house.channels = (replace(ANYTHING, only_new=False),)
    job_id = await house.analyse()
    await analyse(job_id, house.parts, step)
    await asyncio.gather(*(house.analyse(replace(NIGHTLY, build_number=number)) for number in (8, 9)))

    assert len(await house.titles()) == 3


async def test_a_reopened_issue_is_told_once_for_an_analysis(house: House) -> None:
    house.channels = (ANYTHING, replace(ANYTHING, name="analyses", events=(Event.ANALYSIS,)))
    job_id = await house.analyse()
    analysis_id = 1
    group = GroupNews(1, ErrorSignature("a" * 64, 1), 2, "a.one", "PRODUCT BUG", "It broke.")
    news = ReopenedNews(
        analysis_id,
        job_id,
        "nightly",
        7,
        group,
        "PROJ-1",
        "https://jira.example.com/PROJ-1",
        "It breaks",
        "Done",
    )
    for _ in range(2):
        async with house.database.write() as connection:
            await house.newsroom.announce_reopened(connection, news)
            script = replace(news, issue_url="javascript:alert(1)")
            await house.newsroom.announce_reopened(connection, script)
    said = [one for one in await house.told() if one.event == "reopened"]

    assert [one.channel for one in said] == ["all", "all"]
    assert said[0].announcement.title == "PROJ-1 is closed, but its failure came again in nightly #7"
    assert said[0].announcement.text == "PROJ-1 (Done): It breaks"
    assert {one.announcement.issue_url for one in said} == {"https://jira.example.com/PROJ-1", ""}
