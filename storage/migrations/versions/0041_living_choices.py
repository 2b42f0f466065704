"""A list of accounts to choose from knows the message that offers it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the message's key, and drop a time that was never set."""
    op.add_column("discovery", sa.Column("message_key", sa.String(), nullable=False, server_default=""))
    op.drop_column("discovery", "chosen_at")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
