"""Invitations, which are no memberships yet, and requests that a channel be about another organization."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)


def upgrade() -> None:
    """Create the tables, and let every organization see its own rows only."""
    op.create_table(
        "invitation",
        sa.Column("id", sa.String(), primary_key=True),
        _organization("organization_id"),
        *_texts("realm", "user_id", "team_id"),
        sa.Column("role", sa.Integer(), nullable=False),
        *_texts("invited_by"),
        *_times(),
    )
    op.create_index("ix_invitation_organization_id", "invitation", ["organization_id"])
    op.create_index("invitation_person", "invitation", ["realm", "user_id"])
    op.create_index("invitation_once", "invitation", ["organization_id", "realm", "user_id"], unique=True)
    op.create_table(
        "channel_request",
        sa.Column("id", sa.String(), primary_key=True),
        _organization("organization_id"),
        *_texts("team_id", "channel_id"),
        _organization("wanted_id"),
        *_texts("requested_by", "realm", "user_id"),
        *_times(),
    )
    for column in ("organization_id", "wanted_id"):
        op.create_index(f"ix_channel_request_{column}", "channel_request", [column])
    op.create_index("channel_request_person", "channel_request", ["realm", "user_id"])
    op.create_index(
        "channel_request_once", "channel_request", ["team_id", "channel_id", "wanted_id"], unique=True
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("invitation", "channel_request"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY octapost_rows ON {table} USING ({ROWS}) WITH CHECK ({ROWS})")


def _organization(name: str) -> sa.Column[str]:
    to = sa.ForeignKey("organization.id", ondelete="CASCADE")
    return sa.Column(name, sa.String(), to, nullable=False)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _times() -> list[sa.Column[object]]:
    return [
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("declined_at", TIME, nullable=True),
    ]


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
