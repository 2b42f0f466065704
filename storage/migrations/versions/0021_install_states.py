"""An install state is stored when it comes back, not when it is handed out."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forget the trips under way, ten minutes at most, and the browsers they began in."""
    op.execute("DELETE FROM install_state")
    op.drop_column("install_state", "browser_hash")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
