"""Drafts, what a delivery publishes, how far it is, and the calls that people see."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)


def upgrade() -> None:
    """Add the columns and the tables. No release before this one could schedule a delivery."""
    for column in (
        sa.Column("content", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("work_at", TIME, nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("handles_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("looks", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("outcome", sa.String(), nullable=False, server_default=""),
        sa.Column("code", sa.String(), nullable=False, server_default=""),
        sa.Column("asks", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("delivery", column)
    op.create_index("delivery_work", "delivery", ["work_at"])
    for column in (
        sa.Column("content", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("slack_id", sa.String(), nullable=False, server_default=""),
        sa.Column("channel", sa.String(), nullable=False, server_default=""),
    ):
        op.add_column("post", column)
    op.create_table(
        "delivery_step",
        sa.Column(
            "delivery_id", sa.String(), sa.ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column(
            "organization_id",
            sa.String(),
            sa.ForeignKey("organization.id", ondelete="CASCADE"),
            nullable=False,
        ),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "status")),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("settled_at", TIME, nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("receipt_id", "url", "note", "code")),
    )
    op.create_table(
        "draft",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "organization_id",
            sa.String(),
            sa.ForeignKey("organization.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("written", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("slack_id", "channel")),
        *(sa.Column(name, TIME, nullable=False) for name in ("created_at", "updated_at")),
    )
    for name in ("organization_id", "author"):
        op.create_index(f"ix_draft_{name}", "draft", [name])
    op.create_index("ix_delivery_step_organization_id", "delivery_step", ["organization_id"])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("delivery_step", "draft"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY octapost_rows ON {table} USING ({ROWS}) WITH CHECK ({ROWS})")


def downgrade() -> None:
    """Refuse: a downgrade would forget what was published."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
