"""Messages that are edited, answered in their thread, and have somewhere else to go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for name in ("edits", "thread_of", "sent_channel"):
        op.add_column("notice", sa.Column(name, sa.String(), nullable=True))
    op.add_column("notice", sa.Column("fallback", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
