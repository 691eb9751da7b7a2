"""Who spoke to whom."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

ID_LIMIT = 2**63 - 1
"""What the databases number rows with."""
IDS_LIMIT = 10_000


class MentionPayload(BaseModel):
    """A comment that speaks to the requester."""

    id: int = Field(description="Comment ID.")
    job_id: str = Field(description="Analysis job ID.")
    test_name: str = Field(description="Failure name.")
    child_job_name: str = Field(description='Child job name, or "".')
    child_build_number: int = Field(description="Child build number, or 0.")
    comment: str = Field(description="Original comment text.")
    username: str = Field(description='Comment author, or "".')
    created_at: str = Field(description="Comment timestamp, UTC, ISO 8601.")
    is_read: bool = Field(description="Mention read state for the current user.")


class MentionsResponse(BaseModel):
    """A page of mentions."""

    mentions: list[MentionPayload] = Field(description="Paged mention records, the newest first.")
    total: int = Field(description="Total mention count for the current query.")
    unread_count: int = Field(description="Current unread mention count for the user.")


class MarkReadRequest(BaseModel):
    """Mentions that were read."""

    comment_ids: Annotated[
        list[Annotated[int, Field(ge=0, le=ID_LIMIT)]],
        Field(
            min_length=1, max_length=IDS_LIMIT, description="Non-empty list of comment IDs to mark as read."
        ),
    ]


class MarkedRead(BaseModel):
    """They are marked."""

    ok: Literal[True] = Field(description="Always true on success.")


class MarkedAllRead(BaseModel):
    """All are marked."""

    marked_read: int = Field(description="Number of mentions marked as read.")


class UnreadCount(BaseModel):
    """How many are unread."""

    count: int = Field(description="Unread mention count.")


class Mentionable(BaseModel):
    """Who can be mentioned."""

    usernames: list[str] = Field(description="Tracked usernames.")
