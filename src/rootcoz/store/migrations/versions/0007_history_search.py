"""A row for each completed analysis, and indexes for the questions that are asked of the history."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply. Analyses that have no rows of history yet get theirs after the start (`analysis.history`)."""
    with op.batch_alter_table(
        "failure_history",
        recreate="always" if op.get_bind().dialect.name == "sqlite" else "never",
        table_kwargs={"sqlite_autoincrement": True},
    ) as batch_op:
        batch_op.drop_index("ix_failure_history_signature")
        batch_op.create_index(
            "ix_failure_history_signature",
            ["error_signature", "test_key", "analysis_id", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_failure_history_job_classification", ["job_key", "classification", "id"], unique=False
        )
        batch_op.create_index(
            "ix_failure_history_test_facts",
            ["test_key", "job_key", "analysis_id", "classification", "analyzed_at"],
            unique=False,
        )

    op.create_index("ix_comments_signature", "comments", ["error_signature"], unique=False)
    op.create_index("ix_comments_test", "comments", ["test_name"], unique=False, postgresql_using="hash")

    op.create_table(
        "history_runs",
        sa.Column("analysis_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_key", sa.BigInteger(), nullable=False),
        sa.Column("build_number", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("completed_at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.id"],
            name=op.f("fk_history_runs_analysis_id_analyses"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("analysis_id", name=op.f("pk_history_runs")),
    )
    op.create_index(
        "ix_history_runs_job",
        "history_runs",
        ["job_key", "build_number", "analysis_id", "failures", "completed_at"],
        unique=False,
    )
    op.execute(
        """
        INSERT INTO history_runs (analysis_id, job_key, build_number, failures, completed_at)
        SELECT analysis_id, min(job_key), min(build_number), count(*), max(analyzed_at)
        FROM failure_history GROUP BY analysis_id
        """
    )
