"""What each app of ours has used of its budget at the platform; grants are due by app."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
SYSTEM = "current_setting('octapost.system', true) = 'on'"


def upgrade() -> None:
    """Create the table, let the due index start with the app, and leave room for leases."""
    op.create_table(
        "app_budget",
        sa.Column("app", sa.String(), primary_key=True),
        sa.Column("full_at", TIME, nullable=False),
        sa.Column("held_until", TIME, nullable=False),
    )
    op.drop_index("grant_due", "grant_")
    op.create_index("grant_due", "grant_", ["app", "due_at"])
    if op.get_bind().dialect.name == "postgresql":
        # With room on its page a row takes a lease without a new entry in every index (a HOT update).
        op.execute("ALTER TABLE grant_ SET (fillfactor = 70)")
        op.execute("ALTER TABLE app_budget ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE app_budget FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system ON app_budget USING ({SYSTEM}) WITH CHECK ({SYSTEM})")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
