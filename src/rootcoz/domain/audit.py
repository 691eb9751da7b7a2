"""What is kept about who did what."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What was done. New kinds are added at the end; names that were once written stay readable."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    SESSION_REVOKED = "session_revoked"
    USER_CREATED = "user_created"
    USER_DELETED = "user_deleted"
    ROLE_CHANGED = "role_changed"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    KEY_ROTATED = "key_rotated"
    TOKENS_CHANGED = "tokens_changed"
    RESULT_DELETED = "result_deleted"
    CLASSIFICATION_OVERRIDDEN = "classification_overridden"
    OVERRIDE_UNDONE = "override_undone"
    FAILURE_MARKED = "failure_marked"
    COMMENT_ADDED = "comment_added"
    COMMENT_DELETED = "comment_deleted"
    ISSUE_FILED = "issue_filed"
    RESULT_PUSHED = "result_pushed"
    NOTIFICATION_TESTED = "notification_tested"
    IDENTITY_LINKED = "identity_linked"
    IDENTITIES_REMOVED = "identities_removed"
    KEY_RING_ROTATED = "key_ring_rotated"


class Outcome(StrEnum):
    """How it went."""

    OK = "ok"
    FAILED = "failed"
    """It was wrong: a key that fits nobody."""
    REFUSED = "refused"
    """It was not looked at: too many attempts."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log, to be written."""

    action: Action
    actor: str
    """Who did it, or said to be the one; empty for nobody."""
    address: str = ""
    target: str = ""
    """What it was done to: a username, a job id."""
    outcome: Outcome = Outcome.OK
    detail: str = ""
    """A few words; never a secret."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line of the audit log, as it stands there."""

    id: int
    at: str
    entry: AuditEntry
