"""What each UTC day cost, kept apart from the calls, which go with their analysis; and the prompts of each call."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    op.add_column("provider_calls", sa.Column("prompts", sa.JSON(), nullable=True))
    op.create_table(
        "daily_spending",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_daily_spending")),
    )
    # So that a budget holds for the day of the upgrade, too.
    op.execute(
        """
        INSERT INTO daily_spending (day, cost_usd, tokens)
        SELECT substr(created_at, 1, 10), sum(coalesce(cost_usd, 0)),
               sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
                   + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0))
        FROM provider_calls GROUP BY substr(created_at, 1, 10)
        """
    )
