"""A link remembers the request that asked for it, so that the request needs no mark of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the request's hash, at most once each."""
    op.add_column("ticket", sa.Column("request_hash", sa.LargeBinary(), nullable=True))
    op.create_index("ticket_request", "ticket", ["request_hash"], unique=True)


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
