"""Identities at providers, sessions begun with them, names that somebody has proven to be theirs, and the key ring."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Apply. A name counts as proven that has keys, saved tokens, a role or a comment that says so."""
    op.create_table(
        "identities",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("linked", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=24), nullable=False),
        sa.Column("last_used", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_identities_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("digest", name=op.f("uq_identities_digest")),
    )
    op.create_index("ix_identities_user", "identities", ["user_id"])
    op.add_column("sessions", sa.Column("identity_id", sa.String(length=32), nullable=True))
    op.add_column(
        "sessions", sa.Column("granted_role", sa.String(length=16), server_default="", nullable=False)
    )
    op.add_column("sessions", sa.Column("latest_end", sa.String(length=24), nullable=True))
    op.add_column("users", sa.Column("proven", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        "UPDATE users SET proven = 1 WHERE role = 'admin'"
        " OR EXISTS (SELECT 1 FROM api_keys WHERE api_keys.user_id = users.id)"
        " OR EXISTS (SELECT 1 FROM user_tokens WHERE user_tokens.user_id = users.id)"
        " OR EXISTS (SELECT 1 FROM comments WHERE comments.username = users.username AND comments.proven = 1)"
    )
    op.create_table(
        "keyring",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("sealed_digest_key", sa.LargeBinary(), nullable=False),
        sa.Column("rotated_at", sa.String(length=24), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keyring")),
    )
    op.create_table(
        "encryption_keys",
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("opened_by", sa.String(length=8), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_encryption_keys")),
    )
