"""On PostgreSQL, the function that makes room for a member's link closes the oldest ones instead of refusing it."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

ROOM = """
CREATE FUNCTION octapost_ticket_room(member text, most_open int, most_in_a_minute int)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(member, 0));
    IF (
        SELECT count(*) FROM ticket
        WHERE membership_id = member
          AND created_at > statement_timestamp() - interval '1 minute'
          AND created_at < statement_timestamp() + interval '1 minute'
    ) >= most_in_a_minute THEN
        RETURN false;
    END IF;
    UPDATE ticket SET used_at = statement_timestamp()
    WHERE membership_id = member AND used_at IS NULL AND ticket_hash NOT IN (
        SELECT ticket_hash FROM ticket
        WHERE membership_id = member AND used_at IS NULL
        ORDER BY created_at DESC, ticket_hash
        LIMIT most_open - 1
    );
    RETURN true;
END
$$
"""


def upgrade() -> None:
    """Replace the function; SQLite, with its one writer at a time, needs none."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(ROOM)
        op.execute("DROP FUNCTION octapost_ticket_room(text, float8, int, int)")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
