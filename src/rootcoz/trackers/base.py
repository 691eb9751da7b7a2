"""What every tracker can do."""

from dataclasses import dataclass
from typing import Protocol

from rootcoz.domain.issue import FiledIssue, IssueState, NewIssue, TrackerIssue
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


class IssueFiler(Protocol):
    """One repository or project with one credential. Implementations are safe to use from many tasks at once."""

    name: str
    """As in IssueSearch."""
    place: str
    """The repository or project, with its server: what makes two filers file in the same place."""
    settles_s: float
    """Seconds after which an issue that was filed is found for certain."""

    async def create_issue(self, issue: NewIssue) -> FiledIssue:
        """File the issue, in the markup that this tracker reads.

        It is sent again only after what certainly did nothing. Raises InvalidInput for what the tracker does not take
        and the caller can change; OutcomeUnknown when it may have been filed; Refused (CredentialRefused among them)
        and Unavailable when it certainly was not. Messages hold no credential.
        """
        ...

    async def find_filed(self, issue: NewIssue, since: str) -> FiledIssue | None:
        """The issue, known by its marker, if it has been filed since that time (ISO 8601).

        Raises Refused and Unavailable.
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


class IssueStates(Protocol):
    """One tracker with one credential, asked how single issues stand. Safe to use from many tasks at once."""

    name: str
    """As in IssueSearch."""

    def named_in(self, text: str) -> list[str]:
        """Addresses of issues of this tracker that a person's text names, each once, in their order."""
        ...

    def knows(self, url: str) -> bool:
        """Whether an issue with that address is one of this tracker's."""
        ...

    async def state(self, url: str) -> IssueState:
        """How the issue at that address, which it knows, stands. Raises Refused and Unavailable."""
        ...
