"""What every tracker can do."""

from dataclasses import dataclass
from typing import Protocol

from rootcoz.domain.issue import TrackerIssue
from rootcoz.domain.link import Link


@dataclass(frozen=True, slots=True)
class IssueQuery:
    """What to look for. An issue is found when any one of the terms fits.

    Terms are plain words from anywhere, an untrusted log included; adapters make them harmless for their query
    language and leave out what is left empty.
    """

    title_terms: tuple[str, ...]
    """Each fits when all its words are in the issue's title, in any order."""
    phrases: tuple[str, ...] = ()
    """Each fits when its words stand in this order anywhere in the issue's texts."""
    limit: int = 10
    """Issues wanted at most, the most recently updated first; 1 to 100."""


class IssueSearch(Protocol):
    """One tracker with one credential. Implementations are safe to use from many tasks at once."""

    name: str
    """For people, at the beginning of a sentence: `Jira`, `GitHub`."""

    async def search(self, query: IssueQuery) -> list[TrackerIssue]:
        """The issues that fit, at most `query.limit`; none when no term is left after making them harmless.

        Time limits and retries are the adapter's work (`trackers.http`): a caller never tries again. Raises
        Unavailable (no answer; RateLimited says for how long) and Refused (an answer that says no, or one that
        cannot be used). Messages hold no credential.
        """
        ...


class StateLookup(Protocol):
    """One tracker with one credential. Implementations are safe to use from many tasks at once."""

    name: str
    """For people, at the beginning of a sentence: `Jira`, `GitHub`."""

    async def state(self, link: Link) -> str:
        """What the tracker calls the state of the issue, as people see it there: `merged`, `In Progress`.

        Never empty. Raises Unavailable (RateLimited among them) and Refused, whose `not_found` tells an issue that is
        not there or not shown to us from a credential that is not accepted.
        """
        ...
