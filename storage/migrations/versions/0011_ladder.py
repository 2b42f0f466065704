"""When there may be something to say about a grant's end, so that nobody looks at all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")


def upgrade() -> None:
    """Add the time and its index; every settled grant is looked at once."""
    op.add_column("grant_", sa.Column("ladder_at", TIME, nullable=True))
    op.execute("UPDATE grant_ SET ladder_at = created_at WHERE status = 'healthy'")
    op.create_index("grant_ladder", "grant_", ["ladder_at"])


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
