"""The card of an incident gets a table of its own; three columns of the incident get plainer names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROWS = (
    "organization_id = current_setting('octapost.organization', true)"
    " OR current_setting('octapost.system', true) = 'on'"
)
MOVED = {
    "slack_id": "slack_id",
    "channel": "channel",
    "channel_error": "trouble",
    "recipients_tried": "asked",
    "quiet_until": "held_until",
    "pending_replies": "lines",
    "requests_sent": "pleas",
    "stale_message_key": "left_behind",
    "number": "card",
    "version": "version",
}
"""The columns of the new table, and what they are called in `incident`."""
RENAMED = {"sign_in_lives": "grant_still_valid", "days": "reminder_day"}


def upgrade() -> None:
    """Create the table, move each incident's card into it, and rename what stays."""
    postgres = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "incident_card",
        sa.Column(
            "incident_id", sa.String(), sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column(
            "organization_id",
            sa.String(),
            sa.ForeignKey("organization.id", ondelete="CASCADE"),
            nullable=False,
        ),
        *(_text(name) for name in ("slack_id", "channel", "channel_error", "stale_message_key")),
        *(
            sa.Column(name, sa.JSON(), nullable=False)
            for name in ("recipients_tried", "pending_replies", "requests_sent")
        ),
        sa.Column("quiet_until", TIME, nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("number", "version")),
    )
    op.create_index("ix_incident_card_organization_id", "incident_card", ["organization_id"])
    op.create_index("incident_card_quiet", "incident_card", ["quiet_until"])
    if postgres:
        op.execute("SET LOCAL octapost.system = 'on'")
    op.execute(
        f"INSERT INTO incident_card (incident_id, organization_id, {', '.join(MOVED)})"  # noqa: S608
        f" SELECT id, organization_id, {', '.join(MOVED.values())} FROM incident"
    )
    op.drop_index("incident_held", "incident")
    for name in MOVED.values():
        op.drop_column("incident", name)
    for old, new in RENAMED.items():
        op.execute(f"ALTER TABLE incident RENAME COLUMN {old} TO {new}")
    if postgres:
        op.execute("ALTER TABLE incident_card ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE incident_card FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY octapost_rows ON incident_card USING ({ROWS}) WITH CHECK ({ROWS})")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
