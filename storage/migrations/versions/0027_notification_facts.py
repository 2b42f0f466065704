"""The outbox keeps a kind and facts; the message is drawn when it is sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two columns; rows that wait keep their ready message in `body`."""
    op.add_column("notice", sa.Column("kind", sa.String(), nullable=False, server_default=""))
    op.add_column("notice", sa.Column("facts", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
