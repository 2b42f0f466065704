"""A message says which other organization it names, so that deleting that one finds it."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

NAMED = sa.text("names_organization_id IS NOT NULL")
ORGANIZATION = re.compile(r"org_[0-9a-f]{20}")


def upgrade() -> None:
    """Add the column with its index, and fill it from the facts of the messages there are."""
    op.add_column("notice", sa.Column("names_organization_id", sa.String(), nullable=True))
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # row-level security would show the migration no row
        op.execute("SET LOCAL octapost.system = 'on'")
    kept = connection.execute(sa.text("SELECT id, organization_id, CAST(facts AS TEXT) FROM notice")).all()
    found = []
    for notice_id, owner, facts in kept:
        others = [one for one in ORGANIZATION.findall(facts) if one != owner]
        if others:
            found.append({"id": notice_id, "named": others[0]})
    if found:
        connection.execute(sa.text("UPDATE notice SET names_organization_id = :named WHERE id = :id"), found)
    op.create_index(
        "notice_named", "notice", ["names_organization_id"], sqlite_where=NAMED, postgresql_where=NAMED
    )


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
