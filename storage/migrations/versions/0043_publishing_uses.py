"""How many posts went out, and what they cost, hour by hour: budgets that all processes share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
SYSTEM = "current_setting('octapost.system', true) = 'on'"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "publishing_use",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("hour", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("cents", sa.Float(), nullable=False),
        sa.Column("last_at", TIME, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE publishing_use ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE publishing_use FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system ON publishing_use USING ({SYSTEM}) WITH CHECK ({SYSTEM})")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
