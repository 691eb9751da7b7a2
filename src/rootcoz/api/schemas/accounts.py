"""Signing in, users, keys and saved tokens, as callers see them."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from rootcoz.domain.account import Role


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


NonBlank = Annotated[str, AfterValidator(_not_blank)]
Moment = Annotated[datetime, AfterValidator(_with_zone)]


class LoginRequest(BaseModel):
    """Who wants to come in."""

    username: NonBlank = Field(description="Username to authenticate.", max_length=200)
    api_key: NonBlank = Field(description="Bootstrap admin key or a stored user API key.", max_length=1000)


class User(BaseModel):
    """Who asks."""

    username: str = Field(description='Username, or "".')
    role: Role = Field(description="admin or user.")
    is_admin: bool = Field(description="Admin flag.")


class Me(User):
    """Who asks, and whether that is certain."""

    signed_in: bool = Field(description="Whether it was proven: by a session, a key or a trusted proxy.")


class SignInMethods(BaseModel):
    """How people sign in on this server."""

    key: Literal[True] = Field(description="With a key: always.")
    oidc: bool = Field(description="At an identity provider.")
    oidc_login_url: str = Field(description='Where a browser begins that, below this server, or "".')


class Done(BaseModel):
    """It was done."""

    ok: Literal[True] = Field(default=True, description="Always true.")


class Session(BaseModel):
    """One of the requester's sessions."""

    id: str = Field(description="Names the session; opens nothing.")
    current: bool = Field(description="Whether this request belongs to it.")
    address: str = Field(description="Network address it was begun from.")
    user_agent: str = Field(description="What the browser called itself.")
    created_at: str = Field(description="When it was begun.")
    renewed_at: str = Field(description="When it was last prolonged.")
    expires_at: str = Field(description="When it ends unless it is used before.")


class Sessions(BaseModel):
    """The requester's sessions."""

    sessions: list[Session] = Field(description="Those that have not ended, the newest first.")


class UserTokens(BaseModel):
    """Saved credentials for trackers."""

    github_token: str = Field(description='Saved GitHub token, or "".')
    jira_email: str = Field(description='Saved Jira Cloud email, or "".')
    jira_token: str = Field(description='Saved Jira token, or "".')


class UserTokensUpdate(BaseModel):
    """Credentials to be saved. A blank one leaves what is saved."""

    github_token: str = Field(default="", description="GitHub token update.")
    jira_email: str = Field(default="", description="Jira Cloud email update.")
    jira_token: str = Field(default="", description="Jira token update.")


class ApiKey(BaseModel):
    """A key as its owner sees it again."""

    id: str = Field(description="Names the key; opens nothing.")
    name: str = Field(description="What its owner calls it.")
    prefix: str = Field(description="Its first characters; empty for a key that a person chose.")
    created_at: str = Field(description="When it was made.")
    last_used: str | None = Field(description="When it was last used, to the minute.")
    expires_at: str | None = Field(description="When it ends; null: never.")


class ApiKeys(BaseModel):
    """The requester's keys."""

    keys: list[ApiKey] = Field(description="The newest first.")


class NewApiKeyRequest(BaseModel):
    """A key that is wanted."""

    name: NonBlank = Field(description="What to call it.", max_length=100)
    expires_at: Moment | None = Field(
        default=None, description="When it ends, with its zone (without one: UTC); null: never."
    )


class NewApiKey(ApiKey):
    """A key that has just been made."""

    username: str = Field(description="Whose it is.")
    api_key: str = Field(description="The key itself. Returned once.")


class AdminUser(BaseModel):
    """A user in the store."""

    id: int = Field(description="User row ID.")
    username: str = Field(description="Username.")
    role: Role = Field(description="admin or user.")
    created_at: str = Field(description="Creation timestamp.")
    last_seen: str | None = Field(description="Most recent activity timestamp, to the minute.")


class AdminUsers(BaseModel):
    """All users in the store."""

    users: list[AdminUser] = Field(description="Tracked user rows.")


class CreateUserRequest(BaseModel):
    """A user to be created."""

    username: str = Field(
        description=(
            "Username to create: 2 to 50 characters, letters, digits, `.`, `_` or `-`, the first a letter or a digit. "
            "`admin` is reserved."
        )
    )
    role: str = Field(default="admin", description="admin or user.")


class CreatedUser(BaseModel):
    """A user with the first key."""

    username: str = Field(description="Created username.")
    api_key: str = Field(description="Newly generated API key. Returned once.")
    role: Role = Field(description="admin, unless the request asked for user.")


class DeletedUser(BaseModel):
    """Who is gone."""

    deleted: str = Field(description="Deleted username.")


class ChangeRoleRequest(BaseModel):
    """What a user shall be."""

    role: str = Field(description="New role: admin or user.")


class ChangedRole(BaseModel):
    """What a user is now."""

    username: str = Field(description="Updated username.")
    role: Role = Field(description="New role.")
    api_key: str = Field(default="", description="Newly generated API key. Present only after a promotion.")


class RotateKeyRequest(BaseModel):
    """How a key is to be rotated."""

    new_key: str | None = Field(
        default=None, description="Custom API key of at least 16 characters; null: the server makes one."
    )


class RotatedKey(BaseModel):
    """A user's new key."""

    username: str = Field(description="Target admin username.")
    new_api_key: str = Field(description="Fresh API key. Returned once.")


class Revoked(BaseModel):
    """How much was taken away."""

    username: str = Field(description="Whose it was.")
    revoked: int = Field(description="How many there were.")


class AuditLine(BaseModel):
    """Something that was done."""

    id: int = Field(description="Rises with time.")
    at: str = Field(description="When.")
    actor: str = Field(description="Who did it, or said to be the one; empty: nobody was named.")
    action: str = Field(description="What was done.")
    target: str = Field(description="What it was done to: a username or a job id.")
    outcome: str = Field(description="ok, failed or refused.")
    address: str = Field(description="Network address it came from.")
    detail: str = Field(description="A few more words.")


class AuditLines(BaseModel):
    """A page of the audit log."""

    entries: list[AuditLine] = Field(description="The newest first.")
    next_before: int | None = Field(
        description="Send it as `before` for the next page; null: this is the last."
    )
