"""What the operator's channels are told of analyses: decided and written down with the analysis, sent later.

Enters: news of an analysis, in the transaction that makes them true. Leaves: a message for each channel that wants
them, among the deliveries. Nothing here speaks to the outside.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from rootcoz.domain.account import Actor
from rootcoz.domain.audit import Action, AuditEntry, Outcome
from rootcoz.domain.errors import NotFound
from rootcoz.domain.notification import (
    AnalysisNews,
    AnnouncedGroup,
    Announcement,
    Channel,
    Delivery,
    DeliveryState,
    Event,
    GroupNews,
    ReopenedNews,
)
from rootcoz.domain.verdicts import counted
from rootcoz.kit.clock import utc_now, utc_text
from rootcoz.store import audit, deliveries
from rootcoz.store.deliveries import NewDelivery
from rootcoz.store.engine import Connection, Database
from rootcoz.store.history import known_groups
from rootcoz.store.job_metadata import find_metadata

GROUPS_TOLD = 10
"""Failure groups that one message lists."""
_TITLE_LIMIT = 300
_NAME_LIMIT = 200
_CAUSE_LIMIT = 300
_TEXT_LIMIT = 600
_RAW_LIMIT = 4_000
"""Characters that are looked at for the sake of those."""
_NOT_FOR_OTHERS = timedelta(minutes=5)
"""A message that somebody waits for is sent by whoever was asked, and by nobody else meanwhile."""


class Notifications:
    """Writes down what channels are to be told."""

    def __init__(
        self,
        database: Database,
        channels: Sequence[Channel],
        public_base_url: str,
        send_now: Callable[[Delivery], Awaitable[Delivery]],
    ) -> None:
        """`send_now` tries to send a message that somebody waits for, and returns what became of it."""
        self._database = database
        self._base_url = public_base_url
        self._send_now = send_now
        self.channels = tuple(channels)

    def wants(self, event: Event, job_name: str) -> bool:
        """Whether such news of the job may concern any channel; what is known about the job is not looked at."""
        return any(event in channel.events and channel.names(job_name) for channel in self.channels)

    async def announce(self, connection: Connection, news: AnalysisNews) -> None:
        """Have the channels told of an analysis that is over, in the transaction that says so."""
        channels = await self._concerned(connection, Event.ANALYSIS, news.job_name)
        if not channels:
            return
        new: tuple[
            GroupNews, ...
        ] = ()  # of an analysis that failed nobody knows, since the history has no such ones
        if news.groups and not news.failed:
            known = await known_groups(connection, news.analysis_id, news.job_name)
            new = tuple(group for group in news.groups if group.number not in known)
        announcement = self._of_analysis(news, new)
        for channel in channels:
            if new or not channel.only_new:
                delivery = NewDelivery(
                    channel.name, announcement, once=(news.job_id,), analysis_id=news.analysis_id
                )
                await deliveries.add_delivery(connection, delivery, utc_now())

    async def announce_reopened(self, connection: Connection, news: ReopenedNews) -> None:
        """Have the channels told that a failure came again although its issue is closed; once an analysis and issue."""
        channels = await self._concerned(connection, Event.REOPENED, news.job_name)
        announcement = self._of_reopened(news)
        for channel in channels:
            delivery = NewDelivery(
                channel.name,
                announcement,
                once=(news.job_id, news.issue_url or news.issue_key),
                analysis_id=news.analysis_id,
            )
            await deliveries.add_delivery(connection, delivery, utc_now())

    async def test(self, name: str, actor: Actor) -> Delivery:
        """Send a message to the channel while the caller waits, and note who wanted it. Raises NotFound."""
        channel = next((one for one in self.channels if one.name == name), None)
        if channel is None:
            known = ", ".join(one.name for one in self.channels) or "none"
            raise NotFound(f"There is no notification channel {name[:_NAME_LIMIT]!r}; configured: {known}.")
        async with self._database.write() as connection:
            new = NewDelivery(
                channel.name,
                self._of_test(channel, actor),
                once=(secrets.token_hex(16),),
                due_at=utc_text(datetime.now(UTC) + _NOT_FOR_OTHERS),
            )
            delivery_id = await deliveries.add_delivery(connection, new, utc_now())
            delivery = await deliveries.find_delivery(connection, delivery_id or "")
        if delivery is None:
            raise RuntimeError("a message that was just written is not there")
        sent = await self._send_now(delivery)
        outcome = Outcome.OK if sent.state is DeliveryState.DELIVERED else Outcome.FAILED
        async with self._database.write() as connection:
            await audit.record(
                connection,
                AuditEntry(
                    action=Action.NOTIFICATION_TESTED,
                    actor=actor.name,
                    address=actor.address,
                    target=channel.name,
                    outcome=outcome,
                    detail=sent.last_error,
                ),
            )
        return sent

    async def recent(
        self, limit: int, *, channel: str | None, state: DeliveryState | None, before: str | None
    ) -> Sequence[Delivery]:
        """The newest messages that fit; `before` is the id of one."""
        async with self._database.read() as connection:
            return await deliveries.list_deliveries(
                connection, limit, channel=channel, state=state, before=before
            )

    async def _concerned(self, connection: Connection, event: Event, job_name: str) -> list[Channel]:
        if not self.wants(event, job_name):
            return []
        metadata = await find_metadata(connection, job_name) if job_name else None
        return [
            channel
            for channel in self.channels
            if event in channel.events and channel.is_about(job_name, metadata)
        ]

    def _of_analysis(self, news: AnalysisNews, new: Sequence[GroupNews]) -> Announcement:
        where = _where(news.job_name, news.build_number, news.job_id)
        if news.failed:
            title = f"The analysis of {where} failed"
        elif new:
            title = f"{counted(len(new), 'new failure group')} in {where}"
        elif news.groups:
            title = f"{counted(len(news.groups), 'failure group')} in {where}, none of them new"
        else:
            title = f"No failures in {where}"
        return Announcement(
            event=Event.ANALYSIS,
            title=_line(title, _TITLE_LIMIT),
            text=_line(news.summary, _TEXT_LIMIT),
            link=self._link(news.job_id),
            job_id=news.job_id,
            job_name=_line(news.job_name, _NAME_LIMIT),
            build_number=news.build_number,
            counts=news.counts,
            groups=tuple(map(_announced, new[:GROUPS_TOLD])),
            more_groups=max(0, len(new) - GROUPS_TOLD),
        )

    def _of_reopened(self, news: ReopenedNews) -> Announcement:
        status = f" ({news.issue_status})" if news.issue_status else ""
        about = f": {news.issue_title}" if news.issue_title else ""
        where = _where(news.job_name, news.build_number, news.job_id)
        return Announcement(
            event=Event.REOPENED,
            title=_line(f"{news.issue_key} is closed, but its failure came again in {where}", _TITLE_LIMIT),
            text=_line(f"{news.issue_key}{status}{about}", _TEXT_LIMIT),
            link=self._link(news.job_id),
            job_id=news.job_id,
            job_name=_line(news.job_name, _NAME_LIMIT),
            build_number=news.build_number,
            groups=(_announced(news.group),),
            issue_key=_line(news.issue_key, _NAME_LIMIT),
            issue_url=_web_address(news.issue_url),
        )

    def _of_test(self, channel: Channel, actor: Actor) -> Announcement:
        return Announcement(
            event=Event.TEST,
            title="Test of a notification channel",
            text=_line(
                f"{actor.name} wanted to know whether the channel {channel.name} works. It does.", _TEXT_LIMIT
            ),
            link=self._base_url,
        )

    def _link(self, job_id: str) -> str:
        return f"{self._base_url}/results/{job_id}" if self._base_url else ""


def _announced(group: GroupNews) -> AnnouncedGroup:
    return AnnouncedGroup(
        test_name=_line(group.test_name, _NAME_LIMIT),
        failures=group.failures,
        classification=group.classification,
        cause=_line(group.cause, _CAUSE_LIMIT),
    )


def _where(job_name: str, build_number: int, job_id: str) -> str:
    """The build for people; a direct analysis has none."""
    return f"{job_name} #{build_number}" if job_name else f"analysis {job_id}"


def _line(text: str, limit: int) -> str:
    """The text on one line, without secrets and what no reader shows, bounded."""
    from rootcoz.evidence.secrets import redact  # noqa: PLC0415 - a server starts without it

    # Secrets first: cut in the middle, one would not be recognised any more.
    words = redact(text[:_RAW_LIMIT]).text.split()
    line = "".join(character for character in " ".join(words) if character.isprintable())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _web_address(url: str) -> str:
    """The address if a reader may be sent there; else nothing."""
    return url if url.startswith(("https://", "http://")) and url.isprintable() and " " not in url else ""
