"""What the platforms last said about each grant, how many said so, and what a consent was meant to renew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
SYSTEM = "current_setting('octapost.system', true) = 'on'"


def upgrade() -> None:
    """Add the columns, let the due index start with the platform, and create the tally."""
    for column in (
        sa.Column("checked_at", TIME, nullable=True),
        sa.Column("verdict", sa.String(), nullable=False, server_default=""),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reconnects", sa.String(), nullable=True),
        sa.Column("suspected_at", TIME, nullable=True),
        sa.Column("in_doubt", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("grant_", column)
    op.drop_index("grant_due", "grant_")
    op.create_index("grant_due", "grant_", ["platform", "due_at"])
    op.create_table(
        "verdict_tally",
        sa.Column("platform", sa.String(), primary_key=True),
        sa.Column("minute", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("fresh", "dead", "busy", "other")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE verdict_tally ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE verdict_tally FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system ON verdict_tally USING ({SYSTEM}) WITH CHECK ({SYSTEM})")


def downgrade() -> None:
    """Refuse: a downgrade would forget which grants are suspected."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
