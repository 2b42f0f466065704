"""Limits recover within a minute when the database's clock is set back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")
ROOM = """
CREATE OR REPLACE FUNCTION octapost_ticket_room(member text, life float8, most_open int, most_in_a_minute int)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(member, 0));
    RETURN (
        SELECT count(*) FILTER (
                   WHERE used_at IS NULL AND created_at > statement_timestamp() - make_interval(secs => life)
               ) < most_open
           AND count(*) FILTER (
                   WHERE created_at > statement_timestamp() - interval '1 minute'
               ) < most_in_a_minute
        FROM ticket
        WHERE membership_id = member
          AND created_at > statement_timestamp() - make_interval(secs => life)
          AND created_at < statement_timestamp() + interval '1 minute'
    );
END
$$
"""


def upgrade() -> None:
    """Count no ticket from the time to come, and note when a budget was last written."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(ROOM)
    op.add_column("app_budget", sa.Column("written_at", TIME, nullable=True))


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
