"""What is not said yet is found by its channel, and of many processes one rotates a bot token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
OWED = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    """Add the index and the column."""
    columns = ["slack_id", "channel", "sequence"]
    op.create_index("notice_waiting", "notice", columns, sqlite_where=OWED, postgresql_where=OWED)
    op.add_column("installation", sa.Column("rotating_until", TIME, nullable=True))


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
