"""The columns of the alert settings get plain names."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename four columns."""
    op.execute("ALTER TABLE alert_settings RENAME COLUMN trouble TO channel_error")
    op.execute("ALTER TABLE alert_settings RENAME COLUMN trouble_since TO channel_error_since")
    op.execute("ALTER TABLE alert_settings RENAME COLUMN told_at TO digest_sent_at")
    op.execute("ALTER TABLE alert_settings RENAME COLUMN days TO reminder_days")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
