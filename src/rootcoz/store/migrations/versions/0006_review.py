"""How many failures a review mark is about, and which override a classification of a test tells of."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    op.add_column("reviews", sa.Column("failures", sa.Integer(), server_default="1", nullable=False))
    op.add_column("test_classifications", sa.Column("override_id", sa.BigInteger(), nullable=True))
