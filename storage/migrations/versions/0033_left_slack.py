"""A membership says whether it ended because Slack deactivated the person: it comes back with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. What ended before stays ended: nobody knows why it did."""
    op.add_column(
        "membership", sa.Column("left_slack", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
