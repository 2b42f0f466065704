"""When a delivery is checked before it is due and looked at after it is live, and what was found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")


def upgrade() -> None:
    """Add the columns. What is scheduled already is checked when it is changed; what is live is not looked at."""
    for column in (
        sa.Column("check_at", TIME, nullable=True),
        sa.Column("fault", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("watch_at", TIME, nullable=True),
        sa.Column("watched_at", TIME, nullable=True),
        sa.Column("misses", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("delivery", column)
    for name in ("check_at", "watch_at"):
        op.create_index(f"delivery_{name}", "delivery", [name])


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
