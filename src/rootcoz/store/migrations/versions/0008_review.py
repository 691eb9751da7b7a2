"""Whose comment is proven, how many failures a review mark is about, which override a classification tells of."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply."""
    op.add_column("reviews", sa.Column("failures", sa.Integer(), server_default="1", nullable=False))
    op.add_column("test_classifications", sa.Column("override_id", sa.BigInteger(), nullable=True))
    op.add_column("comments", sa.Column("proven", sa.Integer(), server_default="0", nullable=False))
