"""Whom comments speak to, subscriptions to push messages, and messages on their way to the outside."""

import sqlalchemy as sa
from alembic import op

from rootcoz.domain.mention import spoken_to

revision = "0009"
down_revision = "0008"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.String(length=24)
_COMMENTS_AT_ONCE = 500


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "mentions",
        sa.Column("comment_id", _ID, autoincrement=False, nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("read_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("comment_id", "name_key", name="pk_mentions"),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], ondelete="CASCADE", name="fk_mentions_comment_id_comments"
        ),
    )
    op.create_index("ix_mentions_name", "mentions", ["name_key", "comment_id", "read_at"])
    op.create_table(
        "push_subscriptions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("endpoint_digest", sa.String(length=64), nullable=False),
        sa.Column("p256dh_key", sa.Text(), nullable=False),
        sa.Column("auth_key", sa.Text(), nullable=False),
        sa.Column("subscribed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_push_subscriptions"),
        sa.UniqueConstraint("endpoint_digest", name="uq_push_subscriptions_endpoint_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_push_subscriptions_name", "push_subscriptions", ["name_key", "subscribed_at"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("once_key", sa.String(length=64), nullable=False),
        sa.Column("analysis_id", _ID, nullable=True),
        sa.Column("subscription_id", _ID, nullable=True),
        sa.Column("comment_id", _ID, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("once_key", name="uq_deliveries_once_key"),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'given_up')", name="state"),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], ondelete="CASCADE", name=f"fk_deliveries_{column}_{table}"
            )
            for column, table in (
                ("analysis_id", "analyses"),
                ("subscription_id", "push_subscriptions"),
                ("comment_id", "comments"),
            )
        ),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "due_at"])
    op.create_index("ix_deliveries_created", "deliveries", ["created_at", "id"])
    op.create_index("ix_deliveries_analysis", "deliveries", ["analysis_id"])
    op.create_index("ix_deliveries_subscription", "deliveries", ["subscription_id"])
    op.create_index("ix_deliveries_comment", "deliveries", ["comment_id"])
    op.create_table(
        "shared_keys",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_shared_keys"),
    )
    _find_mentions()


def _find_mentions() -> None:
    """Whom the comments speak to that are there already."""
    connection = op.get_bind()
    comments = sa.table("comments", sa.column("id", _ID), sa.column("comment", sa.Text()))
    mentions = sa.table("mentions", sa.column("comment_id", _ID), sa.column("name_key", sa.Text()))
    users = sa.table("users", sa.column("name_key", sa.Text()))
    known = set(connection.execute(sa.select(users.c.name_key)).scalars())
    after = 0
    while True:
        rows = connection.execute(
            sa.select(comments)
            .where(comments.c.id > after, comments.c.comment.like("%@%"))
            .order_by(comments.c.id)
            .limit(_COMMENTS_AT_ONCE)
        ).all()
        if not rows:
            return
        after = rows[-1].id
        found = {
            (row.id, next((name for name in choices if name in known), choices[-1]))
            for row in rows
            for choices in spoken_to(row.comment)
        }
        if found:
            connection.execute(
                sa.insert(mentions), [{"comment_id": number, "name_key": name} for number, name in found]
            )
