"""What is counted every minute is found by indexes that hold only the few rows in question."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two partial indexes: what is healthy and not in doubt, nearly everything, is in neither."""
    for name, columns, condition in (
        ("grant_unwell", ["platform", "status"], sa.text("status <> 'healthy'")),
        ("grant_in_doubt", ["platform"], sa.text("in_doubt")),
    ):
        op.create_index(name, "grant_", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
