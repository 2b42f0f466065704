"""The links of upload pages are links of pages for drafts, and know the form that they were opened from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

INDEXED = ("organization_id", "draft_id", "expires_at")


def upgrade() -> None:
    """Rename the table, and add what else such a page can be for. The policy for its rows stays with it."""
    for column in INDEXED:
        op.drop_index(f"ix_upload_link_{column}", "upload_link")
    op.rename_table("upload_link", "draft_link")
    for column in INDEXED:
        op.create_index(f"ix_draft_link_{column}", "draft_link", [column])
    for name in ("platform", "account_id"):
        op.add_column("draft_link", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("draft_link", sa.Column("form", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Refuse: a downgrade would lose which links are for which page."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
