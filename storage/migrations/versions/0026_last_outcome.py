"""What a platform last said about a grant is two columns, and the reminder's time gets a plain name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Split `verdict` ("Busy http_503") into the outcome and the error code; rename `ladder_at`."""
    postgres = op.get_bind().dialect.name == "postgresql"
    if postgres:
        op.execute("SET LOCAL octapost.system = 'on'")
    op.execute("ALTER TABLE grant_ RENAME COLUMN verdict TO last_outcome")
    op.execute("ALTER TABLE grant_ RENAME COLUMN ladder_at TO next_reminder_at")
    op.add_column("grant_", sa.Column("last_error_code", sa.String(), nullable=False, server_default=""))
    space = f"{'strpos' if postgres else 'instr'}(last_outcome, ' ')"
    op.execute(
        f"UPDATE grant_ SET last_error_code = substr(last_outcome, {space} + 1),"  # noqa: S608
        f" last_outcome = substr(last_outcome, 1, {space} - 1) WHERE {space} > 0"
    )
    op.drop_index("grant_ladder", "grant_")
    op.create_index("grant_next_reminder", "grant_", ["next_reminder_at"])


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
