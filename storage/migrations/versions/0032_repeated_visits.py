"""A browser that repeats a finished step of connecting an account is told its outcome."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)


def upgrade() -> None:
    """Create the table of outcomes; attempts keep their state sealed, and sign-ins that they were used."""
    op.create_table(
        "attempt_outcome",
        sa.Column("state_hash", sa.LargeBinary(), primary_key=True),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=True),
        sa.Column(
            "organization_id",
            sa.String(),
            sa.ForeignKey("organization.id", ondelete="CASCADE"),
            nullable=False,
        ),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("membership_id", "team_id", "platform", "kind")
        ),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
    )
    op.create_index("ix_attempt_outcome_organization_id", "attempt_outcome", ["organization_id"])
    op.create_index("attempt_outcome_ticket", "attempt_outcome", ["ticket_hash"])
    op.add_column("connection_attempt", sa.Column("ticket_hash", sa.LargeBinary(), nullable=True))
    op.add_column("connection_attempt", sa.Column("state_sealed", sa.LargeBinary(), nullable=True))
    op.create_index("attempt_ticket", "connection_attempt", ["ticket_hash"])
    op.add_column("sign_in", sa.Column("used_at", TIME, nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE attempt_outcome ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE attempt_outcome FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY octapost_rows ON attempt_outcome USING ({ROWS}) WITH CHECK ({ROWS})")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
