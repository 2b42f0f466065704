"""Whether the tokens that accounts have of their own live, and cards about such an account alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")


def upgrade() -> None:
    """Add the columns; what was connected before is asked about at its next look."""
    op.add_column("account", sa.Column("asked_at", TIME, nullable=True))
    op.add_column("account", sa.Column("suspected_at", TIME, nullable=True))
    op.add_column("account", sa.Column("lost", sa.String(), nullable=False, server_default=""))
    op.add_column(
        "incident", sa.Column("sign_in_lives", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
