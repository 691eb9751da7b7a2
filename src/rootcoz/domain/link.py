"""What people's comments refer to in the trackers."""

from dataclasses import dataclass
from enum import StrEnum

UNKNOWN = "unknown"
"""The state of what nobody could be asked about, or what its tracker does not know or does not show us."""


class LinkKind(StrEnum):
    """What is referred to, in the words of the reference."""

    GITHUB_PR = "github_pr"
    GITHUB_ISSUE = "github_issue"
    JIRA = "jira"


@dataclass(frozen=True, slots=True)
class Link:
    """An issue or a pull request that a text names."""

    kind: LinkKind
    key: str
    """`owner/repo#123` at GitHub, `OCPBUGS-123` in Jira."""
    site: str = ""
    """Where it is, as the text has it: the host at GitHub, the address before `/browse/` of a link to Jira; empty for a
    key that stands alone."""

    @property
    def repository(self) -> str:
        """`owner/repo` at GitHub."""
        return self.key.partition("#")[0]

    @property
    def number(self) -> str:
        """Of the issue or pull request at GitHub."""
        return self.key.partition("#")[2]
