"""Nothing ever said when somebody chose from a discovery: it is there for a day, and may be chosen from again."""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the column, which was always empty."""
    op.drop_column("discovery", "chosen_at")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
