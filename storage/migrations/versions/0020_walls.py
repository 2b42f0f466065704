"""On PostgreSQL, only system transactions insert grants, and the audit trail's guard looks at our table only."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SYSTEM = "current_setting('octapost.system', true) = 'on'"

# Unless a function names its path, a temporary table called `organization` is found before ours
# (https://www.postgresql.org/docs/current/sql-createfunction.html, "Writing SECURITY DEFINER Functions Safely").
PATH = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION octapost_append_only() SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    """Replace the policy, and fix the function's path; SQLite has neither."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP POLICY octapost_insert ON grant_")
        op.execute(f"CREATE POLICY octapost_insert ON grant_ FOR INSERT WITH CHECK ({SYSTEM})")
        op.execute(PATH)


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
