"""The tables. A change here comes with a migration; a test holds the two against each other."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA_HEAD = "0016"
"""The newest migration. Known here so that an up-to-date database opens without loading Alembic."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER key
_TIME = String(
    24
)  # UTC, ISO 8601, milliseconds, Z: sorts as text in order of time, the same in both databases


def _analysis_id(*, primary_key: bool = False) -> Column[int]:
    return Column(
        "analysis_id",
        _ID,
        ForeignKey("analyses.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


analyses = Table(
    "analyses",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("job_id", String(64), nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("job_name", Text, nullable=False, server_default=""),
    Column("build_number", Integer, nullable=False, server_default="0"),
    Column("jenkins_url", Text, nullable=False, server_default=""),
    Column("provider", String(64), nullable=False),
    Column("model", String(200), nullable=False, server_default=""),
    Column("options", JSON, nullable=False),
    Column("request_params", JSON, nullable=False),
    Column("order", JSON, nullable=True),
    Column("build_facts", JSON, nullable=False),
    Column("progress_log", JSON, nullable=False),
    Column("failure_count", Integer, nullable=False, server_default="0"),
    Column("groups_total", Integer, nullable=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_by", Text, nullable=False, server_default=""),
    Column("aborted_by", Text, nullable=True),
    Column("reanalysis_of", String(64), nullable=True),
    Column("created_at", _TIME, nullable=False),
    Column("started_at", _TIME, nullable=True),
    Column("completed_at", _TIME, nullable=True),
    Column("run", String(32), nullable=True),  # the token of whoever works on it: store/analyses.py, take
    CheckConstraint("status IN ('pending', 'waiting', 'running', 'completed', 'failed')", name="status"),
)
Index(
    "ix_analyses_unfinished",
    analyses.c.status,
    sqlite_where=analyses.c.completed_at.is_(None),
    postgresql_where=analyses.c.completed_at.is_(None),
)

request_secrets = Table(
    "request_secrets",
    metadata,
    _analysis_id(primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

documents = Table(
    "document_chunks",
    metadata,
    _analysis_id(primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size", Integer, nullable=False),
    Column("compressed", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    _analysis_id(primary_key=True),
    Column("group_number", Integer, primary_key=True, autoincrement=False),
    Column("error_signature", String(64), nullable=False),
    Column("signature_version", Integer, nullable=False),
    Column("provider", String(64), nullable=False),
    Column("model", String(200), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("debate", LargeBinary, nullable=True),
    Column("answered_at", _TIME, nullable=False),
)
Index("ix_findings_signature", findings.c.error_signature, findings.c.signature_version)

provider_calls = Table(
    "provider_calls",
    metadata,
    Column("id", String(36), primary_key=True),
    # none: a call beside all analyses, such as the reading of a comment
    Column("analysis_id", _ID, ForeignKey("analyses.id", ondelete="CASCADE"), nullable=True),
    Column("call_type", String(32), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("model", String(200), nullable=False),
    Column("input_tokens", BigInteger, nullable=True),
    Column("output_tokens", BigInteger, nullable=True),
    Column("cache_read_tokens", BigInteger, nullable=True),
    Column("cache_write_tokens", BigInteger, nullable=True),
    Column("cost_usd", Float, nullable=True),
    Column("duration_ms", BigInteger, nullable=False),
    Column("prompt_chars", BigInteger, nullable=False),
    Column("response_chars", BigInteger, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("call_key", Text, nullable=False),
    Column("reply", LargeBinary, nullable=True),
    Column("reply_size", Integer, nullable=False, server_default="0"),
    Column("truncated", Integer, nullable=False, server_default="0"),
    Column("created_at", _TIME, nullable=False),
    Column("prompts", JSON, nullable=True),
)
Index("ix_provider_calls_analysis", provider_calls.c.analysis_id)
Index("ix_provider_calls_created", provider_calls.c.created_at)

daily_spending = Table(
    "daily_spending",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("cost_usd", Float, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

comments = Table(
    "comments",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    _analysis_id(),
    Column("test_name", Text, nullable=False),
    Column("child_job_name", Text, nullable=False, server_default=""),
    Column("child_build_number", Integer, nullable=False, server_default="0"),
    Column("comment", Text, nullable=False),
    Column("error_signature", String(64), nullable=False, server_default=""),
    Column("username", Text, nullable=False, server_default=""),
    Column("created_at", _TIME, nullable=False),
    Column("proven", Integer, nullable=False, server_default="0"),
)
"""`proven`: whether the author had proven to be who they say."""
Index("ix_comments_analysis", comments.c.analysis_id)
Index("ix_comments_signature", comments.c.error_signature)
Index(
    "ix_comments_test", comments.c.test_name, postgresql_using="hash"
)  # a name may be longer than its other indexes take

reviews = Table(
    "reviews",
    metadata,
    _analysis_id(primary_key=True),
    Column("target_key", BigInteger, primary_key=True, autoincrement=False),
    Column("child_job_name", Text, nullable=False),
    Column("child_build_number", Integer, nullable=False),
    Column("test_name", Text, nullable=False),
    Column("reviewed", Integer, nullable=False),
    Column("username", Text, nullable=False, server_default=""),
    Column("updated_at", _TIME, nullable=False),
    Column("failures", Integer, nullable=False, server_default="1"),
)
"""`failures` is how many failures of the build have that name. `target_key` is the `kit.text_key` of child_job_name,
child_build_number and test_name."""

failure_history = Table(
    "failure_history",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    _analysis_id(),
    Column("number", Integer, nullable=False),
    Column("group_number", Integer, nullable=False),
    Column("job_key", BigInteger, nullable=False),
    Column("job_name", Text, nullable=False),
    Column("build_number", Integer, nullable=False),
    Column("child_job_name", Text, nullable=False),
    Column("child_build_number", Integer, nullable=False),
    Column("test_key", BigInteger, nullable=False),
    Column("test_name", Text, nullable=False),
    Column("error_message", Text, nullable=False),
    Column("error_signature", String(64), nullable=False),
    Column("signature_version", Integer, nullable=False),
    Column("classification", String(32), nullable=False),
    Column("analyzed_at", _TIME, nullable=False),
    sqlite_autoincrement=True,
)
"""A row for each failure of each completed analysis; `number` is the failure's index within its analysis.
Names are looked up by their `kit.text_key`: PostgreSQL does not index long texts. No id is ever used twice: the text
index of SQLite knows rows by their ids and is not told of deletions."""
Index("ix_failure_history_analysis", failure_history.c.analysis_id, failure_history.c.number, unique=True)
Index("ix_failure_history_test", failure_history.c.test_key, failure_history.c.id)
Index("ix_failure_history_job", failure_history.c.job_key, failure_history.c.id)
Index("ix_failure_history_classification", failure_history.c.classification, failure_history.c.id)
Index(
    "ix_failure_history_job_classification",
    failure_history.c.job_key,
    failure_history.c.classification,
    failure_history.c.id,
)
# Each holds all that the numbers of one test or of one signature are made from, so that the rows are not read for them.
Index(
    "ix_failure_history_test_facts",
    failure_history.c.test_key,
    failure_history.c.job_key,
    failure_history.c.analysis_id,
    failure_history.c.classification,
    failure_history.c.analyzed_at,
)
Index(
    "ix_failure_history_signature",
    failure_history.c.error_signature,
    failure_history.c.test_key,
    failure_history.c.analysis_id,
    failure_history.c.id,
)

history_runs = Table(
    "history_runs",
    metadata,
    _analysis_id(primary_key=True),
    Column("job_key", BigInteger, nullable=False),
    Column("build_number", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("completed_at", _TIME, nullable=False),
)
"""A row for each completed analysis, also of those that found no failure; `failures` counts its rows of history."""
Index(
    "ix_history_runs_job",
    history_runs.c.job_key,
    history_runs.c.build_number,
    history_runs.c.analysis_id,
    history_runs.c.failures,
    history_runs.c.completed_at,
)
Index("ix_history_runs_completed", history_runs.c.completed_at)

test_classifications = Table(
    "test_classifications",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("job_id", String(64), nullable=False),
    Column("test_key", BigInteger, nullable=False),
    Column("test_name", Text, nullable=False),
    Column("job_name", Text, nullable=False, server_default=""),
    Column("parent_job_name", Text, nullable=False, server_default=""),
    Column("child_build_number", Integer, nullable=False, server_default="0"),
    Column("classification", String(32), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("references_info", Text, nullable=False, server_default=""),
    Column("created_by", Text, nullable=False, server_default=""),
    Column("visible", Integer, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("override_id", BigInteger, nullable=True),
)
"""What people and the AI said of a test. The analysis named by `job_id` need not exist. `override_id` is the override
that the row tells of."""
Index("ix_test_classifications_test", test_classifications.c.test_key, test_classifications.c.id)
Index("ix_test_classifications_job", test_classifications.c.job_id)

overrides = Table(
    "overrides",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    _analysis_id(),
    Column("child_job_name", Text, nullable=False),
    Column("child_build_number", Integer, nullable=False),
    Column("group_number", Integer, nullable=False),
    Column("error_signature", String(64), nullable=False),
    Column("signature_version", Integer, nullable=False),
    Column("classification", String(32), nullable=False),
    Column("replaced", String(32), nullable=False),
    Column("username", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("undone_by", Text, nullable=True),
    Column("undone_at", _TIME, nullable=True),
)
"""What people decided of a failure group of one build. The newest that is not undone counts; `replaced` is the
classification that it took the place of."""
Index("ix_overrides_analysis", overrides.c.analysis_id)
Index("ix_overrides_signature", overrides.c.error_signature, overrides.c.signature_version)
Index(
    "ix_overrides_undone",
    overrides.c.id,
    sqlite_where=overrides.c.undone_at.is_not(None),
    postgresql_where=overrides.c.undone_at.is_not(None),
)

remembered_failures = Table(
    "remembered_failures",
    metadata,
    Column(
        "override_id",
        _ID,
        ForeignKey("overrides.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("rules", String(16), nullable=False),
    Column("error_signature", String(64), nullable=False),
    Column("signature_version", Integer, nullable=False),
    Column("current_signature", String(64), nullable=False),
    Column("test_name", Text, nullable=False),
    Column("profile", LargeBinary, nullable=False),
)
"""One failure for each error signature that people have judged: what others are compared with. `error_signature` is
the override's; `current_signature` is what the rules named by `rules` make of the same failure. `profile` is empty for
a failure whose text could not be read. Can be made anew from the analyses at any time."""
Index(
    "ix_remembered_failures_signature",
    remembered_failures.c.error_signature,
    remembered_failures.c.signature_version,
)
Index("ix_remembered_failures_current", remembered_failures.c.current_signature)

memory_keys = Table(
    "memory_keys",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "override_id",
        _ID,
        ForeignKey("remembered_failures.override_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sqlite_with_rowid=False,
)
"""Under which keys a remembered failure is found: the `kit.text_key` of each of its `grouping.memory.memory_keys`."""
Index("ix_memory_keys_override", memory_keys.c.override_id)

tracker_items = Table(
    "tracker_items",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    _analysis_id(),
    Column("item_key", String(64), nullable=False),
    Column("tracker", String(16), nullable=False),
    Column("place", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("run", String(80), nullable=False),
    Column("beats", BigInteger, nullable=False, server_default="0"),
    Column("test_name", Text, nullable=False),
    Column("child_job_name", Text, nullable=False),
    Column("child_build_number", Integer, nullable=False),
    Column("error_signature", String(64), nullable=False),
    Column("signature_version", Integer, nullable=False),
    Column("username", Text, nullable=False),
    Column("key", Text, nullable=False, server_default=""),
    Column("number", BigInteger, nullable=False, server_default="0"),
    Column("url", Text, nullable=False, server_default=""),
    Column("title", Text, nullable=False),
    Column("comment_id", BigInteger, nullable=False, server_default="0"),
    Column("claimed_at", _TIME, nullable=False),
    Column("touched_at", _TIME, nullable=False),
    Column("filed_at", _TIME, nullable=True),
    CheckConstraint("state IN ('filing', 'unclear', 'filed')", name="state"),
)
"""Issues that were filed from a result, and those that are being filed: the row is there before the tracker is asked.
`item_key` says what was to be filed, `run` who is at it, and `beats` rises while they are. `place` is the repository or
project, with its server."""
Index("ix_tracker_items_item", tracker_items.c.analysis_id, tracker_items.c.item_key, unique=True)
Index("ix_tracker_items_signature", tracker_items.c.error_signature, tracker_items.c.signature_version)

job_metadata = Table(
    "job_metadata",
    metadata,
    Column("job_key", BigInteger, primary_key=True, autoincrement=False),
    Column("job_name", Text, nullable=False),
    Column("team", Text, nullable=True),
    Column("tier", Text, nullable=True),
    Column("version", Text, nullable=True),
    Column("labels", JSON, nullable=False),
    Column("updated_at", _TIME, nullable=False),
)
"""`job_key` is the `kit.text_key` of the name."""

workers = Table(
    "workers",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("beats", BigInteger, nullable=False),  # a count and no time: no two machines' clocks need to agree
)

users = Table(
    "users",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("username", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),  # domain.account.name_key
    Column("role", String(16), nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("last_seen", _TIME, nullable=True),
    CheckConstraint("role IN ('admin', 'user')", name="role"),
    sqlite_autoincrement=True,  # secrets are sealed for the row's number: it is never given twice
)


def _user_id(*, primary_key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(
        "user_id",
        _ID,
        ForeignKey("users.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=nullable,
    )


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    _user_id(),
    Column("name", Text, nullable=False),
    Column("prefix", String(16), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("generated", Integer, nullable=False),  # 0: chosen by a person, so it could be guessed
    Column("created_at", _TIME, nullable=False),
    Column("last_used", _TIME, nullable=True),
    Column("expires_at", _TIME, nullable=True),
)
Index("ix_api_keys_user", api_keys.c.user_id)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token_digest", String(64), nullable=False, unique=True),
    _user_id(nullable=True),  # none: the administrator of ADMIN_KEY
    Column("key_id", String(32), ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=True),
    Column("admin_key_digest", String(64), nullable=False, server_default=""),  # ends with that key
    Column("address", Text, nullable=False, server_default=""),
    Column("user_agent", Text, nullable=False, server_default=""),
    Column("created_at", _TIME, nullable=False),
    Column("renewed_at", _TIME, nullable=False),
    Column("expires_at", _TIME, nullable=False),
)
Index("ix_sessions_user", sessions.c.user_id)
Index("ix_sessions_key", sessions.c.key_id)

user_tokens = Table(
    "user_tokens",
    metadata,
    _user_id(primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at", _TIME, nullable=False),
)

attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("subject", Text, primary_key=True),  # for example `address 192.0.2.7`
    Column("window_started", _TIME, nullable=False),
    Column("count", Integer, nullable=False),
    Column("locked_until", _TIME, nullable=False, server_default=""),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("at", _TIME, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("target", Text, nullable=False, server_default=""),
    Column("outcome", String(16), nullable=False),
    Column("address", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,  # a number that is missing was taken out
)

mentions = Table(
    "mentions",
    metadata,
    Column(
        "comment_id",
        _ID,
        ForeignKey("comments.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("name_key", Text, primary_key=True),
    Column("read_at", _TIME, nullable=True),
)
"""Whom a comment speaks to, by `domain.account.name_key`; there need not be such a user."""
Index("ix_mentions_name", mentions.c.name_key, mentions.c.comment_id, mentions.c.read_at)

push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("name_key", Text, nullable=False),  # `admin` of ADMIN_KEY has no row among the users
    Column("endpoint", Text, nullable=False),
    Column("endpoint_digest", String(64), nullable=False, unique=True),  # the address itself may be too long
    Column("p256dh_key", Text, nullable=False),
    Column("auth_key", Text, nullable=False),
    Column("subscribed_at", _TIME, nullable=False),
    sqlite_autoincrement=True,  # a delivery on its way must not reach whoever comes next
)
Index("ix_push_subscriptions_name", push_subscriptions.c.name_key, push_subscriptions.c.subscribed_at)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("event", String(32), nullable=False),
    Column("once_key", String(64), nullable=False, unique=True),  # what is to be told once has one
    Column("analysis_id", _ID, ForeignKey("analyses.id", ondelete="CASCADE"), nullable=True),
    Column("subscription_id", _ID, ForeignKey("push_subscriptions.id", ondelete="CASCADE"), nullable=True),
    Column("comment_id", _ID, ForeignKey("comments.id", ondelete="CASCADE"), nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", _TIME, nullable=False),
    Column("last_error", Text, nullable=False, server_default=""),
    Column("created_at", _TIME, nullable=False),
    Column("finished_at", _TIME, nullable=True),
    CheckConstraint("state IN ('pending', 'delivered', 'given_up')", name="state"),
)
"""Messages to the outside, each written in the transaction of what it tells of."""
Index("ix_deliveries_due", deliveries.c.state, deliveries.c.due_at)
Index("ix_deliveries_created", deliveries.c.created_at, deliveries.c.id)
Index("ix_deliveries_analysis", deliveries.c.analysis_id)
Index("ix_deliveries_subscription", deliveries.c.subscription_id)
Index("ix_deliveries_comment", deliveries.c.comment_id)

shared_keys = Table(
    "shared_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""Keys that all processes on one database must have alike; with SQLite they lie as files beside it."""
