"""Deleted organizations, and the queue of sign-ins that are to be ended at their platforms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
SYSTEM = "current_setting('octapost.system', true) = 'on'"


def upgrade() -> None:
    """Create the tables, which belong to no organization: only system transactions see them."""
    op.create_table(
        "deletion",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("organization", sa.String(), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
    )
    op.create_index("deletion_unfinished", "deletion", ["finished_at"])
    op.create_table(
        "revocation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "deletion_id", sa.String(), sa.ForeignKey("deletion.id", ondelete="CASCADE"), nullable=True
        ),
        sa.Column("grant_id", sa.String(), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("platform", "app")),
        sa.Column("accounts", sa.JSON(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("access_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("refresh_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("access_expires_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("outcome", "code")),
    )
    op.create_index("ix_revocation_deletion_id", "revocation", ["deletion_id"])
    op.create_index("revocation_due", "revocation", ["due_at"])
    op.create_index("revocation_grant", "revocation", ["grant_id"], unique=True)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("deletion", "revocation"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY octapost_rows ON {table} USING ({SYSTEM}) WITH CHECK ({SYSTEM})")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
