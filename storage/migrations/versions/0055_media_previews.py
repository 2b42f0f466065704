"""Addresses of previews."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)


def _belongs_to(table: str, name: str) -> sa.Column[str]:
    """Return a column that refers to a row of `table` and is deleted with it."""
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "media_preview",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        _belongs_to("organization", "organization_id"),
        _belongs_to("media", "media_id"),
        sa.Column("expires_at", TIME, nullable=False),
    )
    for column in ("organization_id", "media_id", "expires_at"):
        op.create_index(f"ix_media_preview_{column}", "media_preview", [column])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE media_preview ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE media_preview FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY octapost_rows ON media_preview USING ({ROWS}) WITH CHECK ({ROWS})")


def downgrade() -> None:
    """Refuse, as every migration does."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
