"""What the operator was told of is called an operator alert."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename the table, its time and its primary key."""
    op.execute("ALTER TABLE trouble RENAME TO operator_alert")
    op.execute("ALTER TABLE operator_alert RENAME COLUMN met_at TO last_seen_at")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE operator_alert RENAME CONSTRAINT trouble_pkey TO operator_alert_pkey")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
