"""Why an account cannot be used, and when its token was last checked, get plain names."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename two columns."""
    op.execute("ALTER TABLE account RENAME COLUMN lost TO access_error")
    op.execute("ALTER TABLE account RENAME COLUMN asked_at TO token_checked_at")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
