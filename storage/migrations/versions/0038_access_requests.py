"""Requests for access to an organization."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)


def upgrade() -> None:
    """Create the table, and let every organization see its own rows only."""
    op.create_table(
        "access_request",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "organization_id",
            sa.String(),
            sa.ForeignKey("organization.id", ondelete="CASCADE"),
            nullable=False,
        ),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("realm", "user_id", "team_id")),
        sa.Column("role", sa.Integer(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("declined_at", TIME, nullable=True),
    )
    op.create_index("ix_access_request_organization_id", "access_request", ["organization_id"])
    op.create_index("access_request_person", "access_request", ["realm", "user_id"])
    op.create_index(
        "access_request_once", "access_request", ["organization_id", "realm", "user_id"], unique=True
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE access_request ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE access_request FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY octapost_rows ON access_request USING ({ROWS}) WITH CHECK ({ROWS})")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
