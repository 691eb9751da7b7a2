"""What is told to the outside, to whom, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from rootcoz.domain.failure import ErrorSignature
from rootcoz.domain.job_metadata import JobMetadata


class Event(StrEnum):
    """What a notification tells of."""

    ANALYSIS = "analysis"
    """An analysis is over."""
    REOPENED = "reopened"
    """A failure came again although the issue it is linked to is closed."""
    MENTION = "mention"
    """A comment speaks to somebody. Only by Web Push."""
    TEST = "test"
    """An administrator wants to know whether a channel works."""


class ChannelKind(StrEnum):
    """How a channel is spoken to."""

    SLACK = "slack"
    TEAMS = "teams"
    WEBHOOK = "webhook"
    EMAIL = "email"


PUSH = "push"
"""In the place of a channel's name: Web Push to a person's browser."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A place that is told about analyses, as the operator configured it."""

    name: str
    kind: ChannelKind
    url: str = field(default="", repr=False)
    """Of a webhook. Its path is a credential: never logged, never shown."""
    secret: str = field(default="", repr=False)
    """Signs what the webhook gets."""
    to: tuple[str, ...] = ()
    """Mail addresses."""
    events: tuple[Event, ...] = (Event.ANALYSIS, Event.REOPENED)
    only_new: bool = True
    """Told of an analysis only when something failed that had not failed in its job before."""
    jobs: tuple[str, ...] = ()
    """Globs of job names; like the others below, empty for any, and one that fits is enough."""
    teams: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def names(self, job_name: str) -> bool:
        """Whether its globs, if it has any, name the job."""
        return not self.jobs or any(fnmatchcase(job_name, pattern) for pattern in self.jobs)

    def is_about(self, job_name: str, metadata: JobMetadata | None) -> bool:
        """Whether the job is one whose news this channel gets."""
        known = metadata or JobMetadata(job_name)
        return (
            self.names(job_name)
            and _meets(self.teams, known.team)
            and _meets(self.tiers, known.tier)
            and _meets(self.labels, *known.labels)
        )


def _meets(wanted: tuple[str, ...], *values: str | None) -> bool:
    folded = {value.casefold() for value in values if value}
    return not wanted or any(word.casefold() in folded for word in wanted)


@dataclass(frozen=True, slots=True)
class GroupNews:
    """A failure group of an analysis that is over, as it came out of it: with whatever secrets stand in it."""

    number: int
    signature: ErrorSignature
    failures: int
    test_name: str
    """Of one of them."""
    classification: str
    """Empty for no verdict."""
    cause: str
    """First line of the root cause, or of the error where there is none."""


@dataclass(frozen=True, slots=True)
class AnalysisNews:
    """An analysis that is over."""

    analysis_id: int
    job_id: str
    job_name: str
    build_number: int
    failed: bool
    """It has no result; `summary` says why."""
    summary: str
    counts: Mapping[str, int]
    """Groups by classification."""
    groups: tuple[GroupNews, ...]


@dataclass(frozen=True, slots=True)
class ReopenedNews:
    """A failure that came again although the issue it is linked to is closed."""

    analysis_id: int
    job_id: str
    job_name: str
    build_number: int
    group: GroupNews
    issue_key: str
    """For people: `PROJ-12`, `owner/repo#34`."""
    issue_url: str
    issue_title: str = ""
    issue_status: str = ""


@dataclass(frozen=True, slots=True)
class AnnouncedGroup:
    """A failure group in a message: bounded, on one line each, without secrets."""

    test_name: str
    failures: int
    classification: str
    cause: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a message says. Texts are free of secrets and otherwise as they came: each channel escapes them itself."""

    event: Event
    title: str
    text: str = ""
    """A line or two below the title."""
    link: str = ""
    """Empty when nobody knows how browsers reach the server; for Web Push it may be relative."""
    job_id: str = ""
    job_name: str = ""
    build_number: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    """Groups by classification."""
    groups: tuple[AnnouncedGroup, ...] = ()
    """Those that are new."""
    more_groups: int = 0
    """New ones that are not listed."""
    issue_key: str = ""
    issue_url: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """An announcement on its way to one place."""

    delivery_id: str
    """The same in each attempt, so that a receiver can tell that it has it already."""
    announcement: Announcement
    created_at: str


@dataclass(frozen=True, slots=True)
class PushSubscription:
    """A browser that wants to be told. The address is a credential: whoever has it can send to it."""

    id: int
    endpoint: str = field(repr=False)
    p256dh_key: str = field(repr=False)
    auth_key: str = field(repr=False)


class DeliveryState(StrEnum):
    """What became of a message."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message and what became of it."""

    id: str
    channel: str
    """Its name, or PUSH."""
    event: Event
    state: DeliveryState
    attempts: int
    due_at: str
    """When it is tried next, while it is pending."""
    last_error: str
    created_at: str
    finished_at: str | None
    job_id: str
    announcement: Announcement
    subscription_id: int | None = None
