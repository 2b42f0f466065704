"""When an incident was claimed, so that a claim nobody follows up lapses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")


def upgrade() -> None:
    """Add the time; what is claimed now counts from the beginning of the incident."""
    op.add_column("incident", sa.Column("claimed_at", TIME, nullable=True))
    op.execute("UPDATE incident SET claimed_at = since WHERE claimed_by IS NOT NULL")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
