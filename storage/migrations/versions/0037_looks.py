"""Every sign-in has a time at which its accounts are looked at next."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")


def upgrade() -> None:
    """Add the column. The accounts there are get their first look with the next refresh, so not all at once."""
    op.add_column("grant_", sa.Column("look_at", TIME, nullable=True))
    op.execute("UPDATE grant_ SET look_at = due_at WHERE status = 'healthy'")
    op.create_index("grant_look", "grant_", ["app", "look_at"])


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
