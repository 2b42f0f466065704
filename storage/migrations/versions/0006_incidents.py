"""What needs a person, the card that says so, and where each organization wants to read it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)
OPEN = sa.text("resolved_at IS NULL")


def upgrade() -> None:
    """Create the tables, and let every organization see its own rows only."""
    _create_incident()
    op.create_table(
        "alert_settings",
        _tenant(primary_key=True),
        *_texts("slack_id", "channel_id", "trouble"),
        _time("trouble_since", nullable=True),
        sa.Column("days", sa.JSON(), nullable=False),
        *_texts("digest", "quiet_from", "quiet_to", "timezone"),
        _time("told_at"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("incident", "alert_settings"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY octapost_rows ON {table} USING ({ROWS}) WITH CHECK ({ROWS})")


def _create_incident() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.String(), primary_key=True),
        _tenant(),
        sa.Column("grant_id", sa.String(), sa.ForeignKey("grant_.id", ondelete="SET NULL"), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        *_texts("kind", "platform"),
        sa.Column("accounts", sa.JSON(), nullable=False),
        *_texts("connected_by"),
        _time("since"),
        *_texts("code"),
        sa.Column("days", sa.Integer(), nullable=True),
        _time("deadline", nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=True),
        *(_time(name, nullable=True) for name in ("snoozed_until", "escalated_at", "resolved_at")),
        sa.Column("resolved_by", sa.String(), nullable=True),
        *_texts("resolution"),
        _time("held_until", nullable=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        *_texts("slack_id", "channel", "trouble"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("step", "card", "version")),
    )
    op.create_index(
        "incident_open",
        "incident",
        ["organization_id", "grant_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("incident_unresolved", "incident", ["resolved_at", "id"])
    op.create_index("incident_held", "incident", ["held_until"])
    op.create_index("ix_incident_organization_id", "incident", ["organization_id"])
    op.create_index("ix_incident_grant_id", "incident", ["grant_id"])


def _tenant(*, primary_key: bool = False) -> sa.Column[str]:
    to = sa.ForeignKey("organization.id", ondelete="CASCADE")
    return sa.Column("organization_id", sa.String(), to, primary_key=primary_key, nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, TIME, nullable=nullable)


def _texts(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.String(), nullable=False) for name in names)


def downgrade() -> None:
    """Refuse: a downgrade would forget who was told what."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
