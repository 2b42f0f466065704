"""What the operator was told of, so that one outage is one call, however many processes meet it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
SYSTEM = "current_setting('octapost.system', true) = 'on'"


def upgrade() -> None:
    """Create the table, for the system alone."""
    op.create_table(
        "trouble",
        sa.Column("platform", sa.String(), primary_key=True),
        sa.Column("code", sa.String(), primary_key=True),
        sa.Column("met_at", TIME, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE trouble ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE trouble FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system ON trouble USING ({SYSTEM}) WITH CHECK ({SYSTEM})")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
