"""History rows, what people say of tests, overrides; review marks that PostgreSQL can index."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply. Nothing has written review marks before this version, so their table is simply made anew."""
    op.drop_table("reviews")
    op.create_table(
        "reviews",
        sa.Column("analysis_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("target_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("child_job_name", sa.Text(), nullable=False),
        sa.Column("child_build_number", sa.Integer(), nullable=False),
        sa.Column("test_name", sa.Text(), nullable=False),
        sa.Column("reviewed", sa.Integer(), nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("updated_at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_reviews_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "target_key", name=op.f("pk_reviews")),
    )

    op.create_table(
        "test_classifications",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("job_id", sa.String(length=64), nullable=False),
        sa.Column("test_key", sa.BigInteger(), nullable=False),
        sa.Column("test_name", sa.Text(), nullable=False),
        sa.Column("job_name", sa.Text(), server_default="", nullable=False),
        sa.Column("parent_job_name", sa.Text(), server_default="", nullable=False),
        sa.Column("child_build_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("classification", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("references_info", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("visible", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_classifications")),
    )
    with op.batch_alter_table("test_classifications", schema=None) as batch_op:
        batch_op.create_index("ix_test_classifications_job", ["job_id"], unique=False)
        batch_op.create_index("ix_test_classifications_test", ["test_key", "id"], unique=False)

    op.create_table(
        "failure_history",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("analysis_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("group_number", sa.Integer(), nullable=False),
        sa.Column("job_key", sa.BigInteger(), nullable=False),
        sa.Column("job_name", sa.Text(), nullable=False),
        sa.Column("build_number", sa.Integer(), nullable=False),
        sa.Column("child_job_name", sa.Text(), nullable=False),
        sa.Column("child_build_number", sa.Integer(), nullable=False),
        sa.Column("test_key", sa.BigInteger(), nullable=False),
        sa.Column("test_name", sa.Text(), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=False),
        sa.Column("error_signature", sa.String(length=64), nullable=False),
        sa.Column("signature_version", sa.Integer(), nullable=False),
        sa.Column("classification", sa.String(length=32), nullable=False),
        sa.Column("analyzed_at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.id"],
            name=op.f("fk_failure_history_analysis_id_analyses"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failure_history")),
    )
    with op.batch_alter_table("failure_history", schema=None) as batch_op:
        batch_op.create_index("ix_failure_history_analysis", ["analysis_id", "number"], unique=True)
        batch_op.create_index("ix_failure_history_classification", ["classification", "id"], unique=False)
        batch_op.create_index("ix_failure_history_job", ["job_key", "id"], unique=False)
        batch_op.create_index("ix_failure_history_signature", ["error_signature", "id"], unique=False)
        batch_op.create_index("ix_failure_history_test", ["test_key", "id"], unique=False)

    op.create_table(
        "overrides",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("analysis_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("child_job_name", sa.Text(), nullable=False),
        sa.Column("child_build_number", sa.Integer(), nullable=False),
        sa.Column("group_number", sa.Integer(), nullable=False),
        sa.Column("error_signature", sa.String(length=64), nullable=False),
        sa.Column("signature_version", sa.Integer(), nullable=False),
        sa.Column("classification", sa.String(length=32), nullable=False),
        sa.Column("replaced", sa.String(length=32), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=24), nullable=False),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.id"],
            name=op.f("fk_overrides_analysis_id_analyses"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overrides")),
    )
    with op.batch_alter_table("overrides", schema=None) as batch_op:
        batch_op.create_index("ix_overrides_analysis", ["analysis_id"], unique=False)
        batch_op.create_index(
            "ix_overrides_signature", ["error_signature", "signature_version"], unique=False
        )
