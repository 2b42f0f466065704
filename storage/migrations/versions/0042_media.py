"""The files of posts, the addresses at which platforms fetch them, and the bytes that are to be deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
SYSTEM = "current_setting('octapost.system', true) = 'on'"
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
        "media",
        sa.Column("id", sa.String(), primary_key=True),
        _belongs_to("organization", "organization_id", nullable=False),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("name", "kind", "type")),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("width", "height")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("duration_ms", "pages")),
        sa.Column("frame_rate", sa.Float(), nullable=False),
        *(sa.Column(name, TIME, nullable=False) for name in ("created_at", "used_at")),
    )
    op.create_table(
        "post_media",
        _belongs_to("post", "post_id", primary_key=True),
        _belongs_to("media", "media_id", primary_key=True),
        _belongs_to("organization", "organization_id", nullable=False),
    )
    op.create_table(
        "media_address",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        _belongs_to("organization", "organization_id", nullable=False),
        _belongs_to("media", "media_id", nullable=False),
        _belongs_to("delivery", "delivery_id", nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
    )
    op.create_table(
        "media_removal",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("due_at", TIME, nullable=False),
    )
    for table, column in (
        ("media", "organization_id"),
        ("media", "used_at"),
        ("post_media", "media_id"),
        ("post_media", "organization_id"),
        ("media_address", "organization_id"),
        ("media_address", "expires_at"),
        ("media_removal", "due_at"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("media", "post_media", "media_address"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY octapost_rows ON {table} USING ({ROWS}) WITH CHECK ({ROWS})")
        op.execute("ALTER TABLE media_removal ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE media_removal FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY octapost_rows ON media_removal USING ({SYSTEM}) WITH CHECK ({SYSTEM})")


def downgrade() -> None:
    """Refuse: a downgrade would forget which files are stored."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
