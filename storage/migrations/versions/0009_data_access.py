"""When a person last consented, and until when a platform shows us their data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")


def upgrade() -> None:
    """Add both times; for grants from before, the consent is as old as their row."""
    op.add_column("grant_", sa.Column("consented_at", TIME, nullable=True))
    op.add_column("grant_", sa.Column("data_access_expires_at", TIME, nullable=True))
    op.execute("UPDATE grant_ SET consented_at = created_at")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
