"""Failures that people have judged, and the keys under which they are found again; whether the history is the same."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"


def upgrade() -> None:
    """Apply. The tables are filled from the stored analyses after the start."""
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "remembered_failures",
        sa.Column("override_id", row_id, autoincrement=False, nullable=False),
        sa.Column("rules", sa.String(length=16), nullable=False),
        sa.Column("error_signature", sa.String(length=64), nullable=False),
        sa.Column("signature_version", sa.Integer(), nullable=False),
        sa.Column("current_signature", sa.String(length=64), nullable=False),
        sa.Column("test_name", sa.Text(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["override_id"],
            ["overrides.id"],
            name=op.f("fk_remembered_failures_override_id_overrides"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("override_id", name=op.f("pk_remembered_failures")),
    )
    op.create_index(
        "ix_remembered_failures_signature", "remembered_failures", ["error_signature", "signature_version"]
    )
    op.create_index("ix_remembered_failures_current", "remembered_failures", ["current_signature"])
    op.create_table(
        "memory_keys",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("override_id", row_id, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["override_id"],
            ["remembered_failures.override_id"],
            name=op.f("fk_memory_keys_override_id_remembered_failures"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", "override_id", name=op.f("pk_memory_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_memory_keys_override", "memory_keys", ["override_id"])
    op.create_index("ix_history_runs_completed", "history_runs", ["completed_at"])
    undone = sa.text("undone_at IS NOT NULL")
    op.create_index("ix_overrides_undone", "overrides", ["id"], sqlite_where=undone, postgresql_where=undone)
