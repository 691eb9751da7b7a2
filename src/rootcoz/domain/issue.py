"""Issues of a tracker, and how much they look like a failure we are looking at."""

from dataclasses import dataclass
from enum import StrEnum

EXCERPT_LIMIT = 1_000
"""Characters of an issue's description that are kept: its beginning."""


@dataclass(frozen=True, slots=True)
class TrackerIssue:
    """One issue as its tracker tells it."""

    key: str
    """`PROJ-12` in Jira, `#12` in GitHub."""
    title: str
    status: str
    """In the tracker's own words: `In Progress`, `open`, `closed`."""
    url: str
    """Where people read it."""
    priority: str = ""
    updated_at: str = ""
    """As the tracker writes it, ISO 8601; empty when it does not say."""
    labels: tuple[str, ...] = ()
    excerpt: str = ""
    """Plain text, at most EXCERPT_LIMIT characters."""


@dataclass(frozen=True, slots=True)
class NewIssue:
    """An issue that is to be filed."""

    title: str
    """One line."""
    body: str
    """Markdown; a body for Jira may be wiki text as well."""
    labels: tuple[str, ...] = ()
    issue_type: str = ""
    """Jira's name of the type; GitHub has none."""
    security_level: str = ""
    """Jira's name of the level; empty: what the project does without a word."""
    reporter: str = ""
    """Who files it, for a line at its end; empty: there is none."""
    marker: str = ""
    """A word that no other issue has in it, by which the issue can be found; empty: it need not be."""


@dataclass(frozen=True, slots=True)
class FiledIssue:
    """An issue that has been filed."""

    key: str
    """`PROJ-12` in Jira, `#12` in GitHub."""
    url: str
    """Where people read it."""
    title: str
    number: int = 0
    """GitHub's number of it; 0 in Jira."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """How surely an issue is about the same problem."""

    score: float
    """0 to 1."""
    reason: str = ""
    """A sentence of whoever judged it; empty where words were compared."""


@dataclass(frozen=True, slots=True)
class MatchedIssue:
    """An issue that may be about the same problem, in the words of the reference's `jira_matches`."""

    key: str
    summary: str
    status: str
    url: str
    priority: str
    score: float
    """0 to 1; how it was made stands with whoever gave it."""
    reason: str = ""
    """Why, where an AI judged it."""


class LinkedBy(StrEnum):
    """How an issue came to be linked to a failure."""

    FILED = "filed"
    """It was filed from a result."""
    COMMENT = "comment"
    """A person named it in a comment."""
    MATCH = "match"
    """A tracker was searched, and it was found to be about the same problem."""


@dataclass(frozen=True, slots=True)
class LinkedIssue:
    """An issue that an earlier analysis of the same failure is linked to."""

    url: str
    """Where people read it."""
    linked_by: LinkedBy
    job_id: str
    """Of that analysis."""


@dataclass(frozen=True, slots=True)
class IssueState:
    """How an issue stands at this moment."""

    key: str
    """For people: `PROJ-12`, `owner/repo#34`."""
    url: str
    title: str
    status: str
    """In the tracker's own words."""
    is_closed: bool


@dataclass(frozen=True, slots=True)
class ReopenedIssue:
    """A closed issue of a failure that came again."""

    key: str
    url: str
    title: str
    """Empty for an issue that only a comment names: whoever wrote it need not be allowed to read it."""
    status: str
    linked_by: LinkedBy
    job_id: str
    """Of the analysis that links it."""
