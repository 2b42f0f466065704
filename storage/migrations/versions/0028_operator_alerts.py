"""What the operator was told of is called an operator alert."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename the table and its time."""
    op.execute("ALTER TABLE trouble RENAME TO operator_alert")
    op.execute("ALTER TABLE operator_alert RENAME COLUMN met_at TO last_seen_at")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
