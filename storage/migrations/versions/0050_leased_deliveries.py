"""An index of the few deliveries that a process works on.

Without it each claim read everything that an account has ever published, to see whether it is free.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    leased = sa.text("lease_until IS NOT NULL")
    op.create_index(
        "delivery_leased", "delivery", ["account_id"], sqlite_where=leased, postgresql_where=leased
    )


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
