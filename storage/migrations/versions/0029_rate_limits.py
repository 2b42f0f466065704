"""How much of its rate limit an app has used is called by that name."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename the table and the time until which an app is paused, and its primary key."""
    op.execute("ALTER TABLE app_budget RENAME TO app_rate_limit")
    op.execute("ALTER TABLE app_rate_limit RENAME COLUMN held_until TO paused_until")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE app_rate_limit RENAME CONSTRAINT app_budget_pkey TO app_rate_limit_pkey")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
