"""The links of upload pages, and the files that arrive there piece by piece."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)


def _belongs_to(table: str, name: str, **options: object) -> sa.Column[str]:
    """Return a column that refers to a row of `table` and is deleted with it."""
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), **options)  # type: ignore[arg-type]


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "upload_link",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        _belongs_to("organization", "organization_id", nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("membership_id", "team_id")),
        _belongs_to("draft", "draft_id", nullable=False),
        *(sa.Column(name, TIME, nullable=False) for name in ("created_at", "expires_at")),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.String(), primary_key=True),
        _belongs_to("organization", "organization_id", nullable=False),
        _belongs_to("draft", "draft_id", nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("size", "received")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("state", "fault", "found")),
        sa.Column("media", sa.JSON(), nullable=False),
        sa.Column("checked_until", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
    )
    op.create_table(
        "upload_piece",
        _belongs_to("upload", "upload_id", primary_key=True),
        sa.Column("start", sa.BigInteger(), primary_key=True, autoincrement=False),
        _belongs_to("organization", "organization_id", nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
    )
    for table, column in (
        ("upload_link", "organization_id"),
        ("upload_link", "draft_id"),
        ("upload_link", "expires_at"),
        ("upload", "organization_id"),
        ("upload", "draft_id"),
        ("upload", "checked_until"),
        ("upload", "expires_at"),
        ("upload_piece", "organization_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("upload_link", "upload", "upload_piece"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY octapost_rows ON {table} USING ({ROWS}) WITH CHECK ({ROWS})")


def downgrade() -> None:
    """Refuse: a downgrade would lose what is being uploaded."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
