"""Who has an incident's card, by membership, and which messages about it stand elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a card that is in somebody's messages is theirs, and the number of the person goes."""
    op.add_column("incident", sa.Column("asked", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("incident", sa.Column("pleas", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("incident", sa.Column("left_behind", sa.String(), nullable=False, server_default=""))
    postgres = op.get_bind().dialect.name == "postgresql"
    if postgres:
        op.execute("SET LOCAL octapost.system = 'on'")
    listed = "json_build_array" if postgres else "json_array"
    holder = (
        "SELECT {} FROM membership WHERE membership.organization_id = incident.organization_id"
        " AND membership.user_id = incident.channel AND membership.ended_at IS NULL"
    )
    op.execute(
        f"UPDATE incident SET asked = ({holder.format(f'{listed}(max(membership.id))')})"  # noqa: S608
        f" WHERE step > 0 AND EXISTS ({holder.format('1')})"
    )
    op.drop_column("incident", "step")


def downgrade() -> None:
    """Refuse: there is no way back to an older schema."""
    raise NotImplementedError("restore the backup made before the upgrade instead")
