"""Of which workspaces Slack said that a Grid organization's people are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
SYSTEM = "current_setting('octapost.system', true) = 'on'"


def upgrade() -> None:
    """Create the table; on PostgreSQL only the system sees it."""
    op.create_table(
        "grid_home",
        *(sa.Column(name, sa.String(), primary_key=True) for name in ("enterprise_id", "team_id", "user_id")),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
    )
    op.create_index("grid_home_expires", "grid_home", ["expires_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE grid_home ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE grid_home FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY octapost_rows ON grid_home USING ({SYSTEM}) WITH CHECK ({SYSTEM})")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
