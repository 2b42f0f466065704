"""Files that are made of others: what they were drawn from, and how."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for name in ("made_from", "recipe"):
        op.add_column("media", sa.Column(name, sa.String(), nullable=True))
    op.create_index("ix_media_made_from", "media", ["made_from", "recipe"], unique=True)


def downgrade() -> None:
    """Refuse: a downgrade would lose which files belong together."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
