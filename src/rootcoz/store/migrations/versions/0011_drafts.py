"""Calls of AIs that belong to no analysis."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("provider_calls") as table:
        table.alter_column(
            "analysis_id",
            existing_type=sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        )
        # SQLite makes the table anew and would write this default in other words.
        table.alter_column("error", existing_type=sa.Text(), existing_nullable=False, server_default="")
