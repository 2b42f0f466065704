"""What is swept, and what a grant takes along, is found without reading whole tables."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two indexes: old minutes of the breaker's counts, and the lists that were made for a grant."""
    op.create_index("verdict_tally_minute", "verdict_tally", ["minute"])
    op.create_index("ix_discovery_grant_id", "discovery", ["grant_id"])


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
