"""Until when members hold the posts of an account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")


def upgrade() -> None:
    """Add the time."""
    op.add_column("account", sa.Column("held_until", TIME, nullable=True))
    op.create_index("ix_account_held_until", "account", ["held_until"])


def downgrade() -> None:
    """Refuse: a downgrade would let go out what members hold."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
