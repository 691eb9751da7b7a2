"""What people send to file issues and to look around in trackers, and what they get back."""

from pydantic import BaseModel, Field

from rootcoz.api.schemas.requests import NonBlank, Text
from rootcoz.api.schemas.review import FailureReference
from rootcoz.domain.issue import NewIssue
from rootcoz.domain.tracker import TokenType, TrackerCredentials

DEFAULT_ISSUE_TYPE = "Bug"


class CreateGitHubIssueRequest(FailureReference):
    """An issue for GitHub."""

    test_name: Text = Field(description="Failure to create the issue for.")
    github_token: Text = Field(
        default="",
        repr=False,
        description="Personal GitHub token. Falls back to the server token when available.",
    )
    github_repo_url: Text = Field(
        default="", description="Overrides the GitHub repository used for issue creation."
    )
    title: NonBlank = Field(description="Issue title.")
    body: Text = Field(description="Issue body, in Markdown.")

    def draft(self) -> NewIssue:
        """The same for the inside."""
        return NewIssue(self.title, self.body)

    def credentials(self) -> TrackerCredentials:
        """What came with the request."""
        return TrackerCredentials(github_token=self.github_token)


class _JiraCredentials(BaseModel):
    jira_token: Text = Field(default="", repr=False, description="Jira token.")
    jira_email: Text = Field(default="", description="Jira Cloud email used with jira_token.")

    def credentials(self) -> TrackerCredentials:
        """What came with the request."""
        return TrackerCredentials(jira_token=self.jira_token, jira_email=self.jira_email)


class CreateJiraBugRequest(_JiraCredentials, FailureReference):
    """A bug for Jira."""

    test_name: Text = Field(description="Failure to create the bug for.")
    jira_token: Text = Field(
        default="",
        repr=False,
        description="Jira token. Falls back to the server credentials when available.",
    )
    jira_project_key: Text = Field(default="", description="Jira project key override.")
    jira_security_level: Text = Field(default="", description="Jira security level name.")
    title: NonBlank = Field(description="Jira issue title.")
    body: Text = Field(description="Jira issue body, in wiki text or Markdown.")
    jira_issue_type: Text = Field(default=DEFAULT_ISSUE_TYPE, description="Jira issue type name.")

    def draft(self) -> NewIssue:
        """The same for the inside."""
        return NewIssue(
            self.title,
            self.body,
            issue_type=self.jira_issue_type.strip() or DEFAULT_ISSUE_TYPE,
            security_level=self.jira_security_level.strip(),
        )


class CreatedGitHubIssue(BaseModel):
    """An issue of GitHub that has been created."""

    url: str = Field(description="URL of the created GitHub issue.")
    number: int = Field(description="GitHub issue number.")
    key: str = Field(default="", description='Always "" for GitHub issues.')
    title: str = Field(description="Created issue title.")
    comment_id: int = Field(
        description="ID of the auto-created comment linking the issue back to the result; 0 when it could not be added."
    )


class CreatedJiraBug(BaseModel):
    """An issue of Jira that has been created."""

    url: str = Field(description="URL of the created Jira issue.")
    key: str = Field(description="Jira issue key.")
    title: str = Field(description="Created issue title.")
    comment_id: int = Field(
        description="ID of the auto-created comment linking the issue back to the result; 0 when it could not be added."
    )


class ValidateTokenRequest(BaseModel):
    """A token that is to be tried."""

    token_type: TokenType = Field(description="Token type.")
    token: Text = Field(repr=False, description="Token value to validate.")
    email: Text = Field(default="", description="Jira Cloud email used with Jira token validation.")


class ValidatedToken(BaseModel):
    """What became of it."""

    valid: bool = Field(description="Validation result.")
    username: str = Field(description='Authenticated GitHub login or Jira display name, or "".')
    message: str = Field(description="Short validation message.")


class JiraProjectsRequest(_JiraCredentials):
    """Which projects are wanted."""

    query: Text = Field(default="", description="Project-name search filter.")


class JiraProjectItem(BaseModel):
    """A project."""

    key: str = Field(description="Jira project key.")
    name: str = Field(description="Jira project name.")


class JiraSecurityLevelsRequest(_JiraCredentials):
    """Of which project the levels are wanted."""

    project_key: Text = Field(description="Jira project key.")


class JiraSecurityLevelItem(BaseModel):
    """A security level."""

    id: str = Field(description="Jira security level ID.")
    name: str = Field(description="Jira security level name.")
    description: str = Field(description="Jira security level description.")
