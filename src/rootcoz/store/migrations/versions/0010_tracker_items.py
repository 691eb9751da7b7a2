"""Issues that were filed in trackers, and those that are being filed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "tracker_items",
        sa.Column("id", key, autoincrement=True, nullable=False),
        sa.Column("analysis_id", key, nullable=False),
        sa.Column("item_key", sa.String(length=64), nullable=False),
        sa.Column("tracker", sa.String(length=16), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run", sa.String(length=80), nullable=False),
        sa.Column("beats", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("test_name", sa.Text(), nullable=False),
        sa.Column("child_job_name", sa.Text(), nullable=False),
        sa.Column("child_build_number", sa.Integer(), nullable=False),
        sa.Column("error_signature", sa.String(length=64), nullable=False),
        sa.Column("signature_version", sa.Integer(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("comment_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("claimed_at", sa.String(length=24), nullable=False),
        sa.Column("touched_at", sa.String(length=24), nullable=False),
        sa.Column("filed_at", sa.String(length=24), nullable=True),
        sa.CheckConstraint("state IN ('filing', 'unclear', 'filed')", name=op.f("ck_tracker_items_state")),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.id"],
            name=op.f("fk_tracker_items_analysis_id_analyses"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracker_items")),
    )
    op.create_index("ix_tracker_items_item", "tracker_items", ["analysis_id", "item_key"], unique=True)
    op.create_index("ix_tracker_items_signature", "tracker_items", ["error_signature", "signature_version"])
