"""Texts that people want to have drafted: issues about failures, and feedback about rootcoz itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rootcoz.domain.review import FailureTarget
from rootcoz.domain.tracker import TrackerCredentials


class Tracker(StrEnum):
    """Where an issue is to be filed."""

    GITHUB = "GitHub"
    JIRA = "Jira"


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """A wanted draft of an issue about a failure. Empty texts are not said."""

    tracker: Tracker
    target: FailureTarget
    with_links: bool = False
    """To the report and its build, where the server has a public address."""
    provider: str = ""
    model: str = ""
    wishes: str = ""
    """What the text should tell; untrusted."""


@dataclass(frozen=True, slots=True)
class SearchOrder:
    """Where similar issues are to be looked for, and as whom. Empty texts are not said."""

    repository_url: str = ""
    """Of GitHub."""
    project_key: str = ""
    """Of Jira."""
    saved: TrackerCredentials = field(default_factory=TrackerCredentials)
    """What the requester has saved; goes before the rest, and to the server's own trackers alone."""
    sent: TrackerCredentials = field(default_factory=TrackerCredentials)
    """What came with the request."""


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A request of the page that failed."""

    status: int
    endpoint: str
    error: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """What came from a user and their browser."""

    description: str
    kind: str = ""
    """What the user calls it, for example `bug`."""
    console_errors: Sequence[str] = ()
    failed_calls: Sequence[FailedCall] = ()
    page_url: str = ""
    active_filters: str = ""
    report_id: str = ""
    user_agent: str = ""
