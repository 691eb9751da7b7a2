"""Credentials for trackers, and what becomes of them when they are tried."""

from dataclasses import dataclass, field
from enum import StrEnum


class TokenType(StrEnum):
    """Whose token it is."""

    GITHUB = "github"
    JIRA = "jira"


@dataclass(frozen=True, slots=True)
class TrackerCredentials:
    """What somebody has saved, or what came with a request. Empty texts for what is not there."""

    github_token: str = field(default="", repr=False)
    jira_token: str = field(default="", repr=False)
    jira_email: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """What became of a token that was tried."""

    valid: bool
    username: str
    message: str
