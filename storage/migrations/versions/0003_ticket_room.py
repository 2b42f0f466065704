"""On PostgreSQL, a function that counts a member's links for one caller at a time."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# VOLATILE, so that the count has a snapshot of its own, taken once the lock is held
# (https://www.postgresql.org/docs/current/xfunc-volatility.html): one statement that locked and counted by
# itself would count what it saw before it waited.
ROOM = """
CREATE FUNCTION octapost_ticket_room(member text, life float8, most_open int, most_in_a_minute int)
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
        WHERE membership_id = member AND created_at > statement_timestamp() - make_interval(secs => life)
    );
END
$$
"""


def upgrade() -> None:
    """Create the function; SQLite, with its one writer at a time, needs none."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(ROOM)


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
