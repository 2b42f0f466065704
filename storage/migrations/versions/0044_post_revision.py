"""How often a post was changed, so that an edit of what it no longer says is refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the count."""
    op.add_column("post", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Refuse: a downgrade would let an old form change a newer post."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
