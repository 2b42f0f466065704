"""What organizations have decided to publish, and what an incident's card says and asks about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)


def upgrade() -> None:
    """Create the tables, let every organization see its own rows only, and add the card's columns."""
    op.create_table(
        "post",
        sa.Column("id", sa.String(), primary_key=True),
        _belongs_to("organization"),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(), primary_key=True),
        *(_belongs_to(table) for table in ("organization", "post", "account")),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
    )
    op.create_index("ix_post_organization_id", "post", ["organization_id"])
    op.create_index("ix_delivery_organization_id", "delivery", ["organization_id"])
    op.create_index("delivery_once", "delivery", ["post_id", "account_id", "place"], unique=True)
    op.create_index("delivery_waiting", "delivery", ["account_id", "status", "due_at"])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("post", "delivery"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY octapost_rows ON {table} USING ({ROWS}) WITH CHECK ({ROWS})")
    for column in (
        sa.Column("renewed", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("released", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("late_posts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("late_answer", sa.String(), nullable=False, server_default=""),
        sa.Column("late_by", sa.String(), nullable=True),
    ):
        op.add_column("incident", column)


def _belongs_to(table: str) -> sa.Column[str]:
    to = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(f"{table}_id", sa.String(), to, nullable=False)


def downgrade() -> None:
    """Refuse: a downgrade would forget what was to be published."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
