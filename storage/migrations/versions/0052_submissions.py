"""Posts that wait for somebody who may publish them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "submission",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "organization_id",
            sa.String(),
            sa.ForeignKey("organization.id", ondelete="CASCADE"),
            nullable=False,
        ),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("draft_id", "author")),
        sa.Column("written", sa.JSON(), nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("slack_id", "channel", "status", "decided_by", "reason")
        ),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("decided_at", TIME),
    )
    op.create_index("submission_waiting", "submission", ["organization_id", "status"])
    for column in ("organization_id", "draft_id"):
        op.create_index(f"ix_submission_{column}", "submission", [column])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE submission ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE submission FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY octapost_rows ON submission USING ({ROWS}) WITH CHECK ({ROWS})")


def downgrade() -> None:
    """Refuse: a downgrade would lose posts that wait for approval."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
