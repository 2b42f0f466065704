"""Weekly times of accounts, and named sets of accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)


def _organization() -> sa.Column[str]:
    return sa.Column(
        "organization_id",
        sa.String(),
        sa.ForeignKey("organization.id", ondelete="CASCADE"),
        nullable=False,
    )


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "account_slots",
        sa.Column(
            "account_id", sa.String(), sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
        ),
        _organization(),
        sa.Column("weekly", sa.JSON(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
    )
    op.create_table(
        "account_set",
        sa.Column("id", sa.String(), primary_key=True),
        _organization(),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("name", "folded")),
        sa.Column("accounts", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("slack_id", "channel")),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_index("account_set_name", "account_set", ["organization_id", "folded"], unique=True)
    for table in ("account_slots", "account_set"):
        op.create_index(f"ix_{table}_organization_id", table, ["organization_id"])
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY octapost_rows ON {table} USING ({ROWS}) WITH CHECK ({ROWS})")


def downgrade() -> None:
    """Refuse: a downgrade would forget when accounts publish."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
