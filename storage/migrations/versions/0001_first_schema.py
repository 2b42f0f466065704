"""The first schema: tenants, one-time things, what they own, what happened.

On PostgreSQL every table has row-level security, forced also on its owner: a transaction that says
`octapost.organization` works on that organization's rows, one that says `octapost.system` on all, and one
that says nothing on none. Superusers are above it: run the application as an ordinary role. On both
databases a trigger keeps the audit trail append-only; its lines go only when their organization's row does.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(26), "sqlite")

SYSTEM = "current_setting('octapost.system', true) = 'on'"
ORGANIZATION = "current_setting('octapost.organization', true)"
HELD = f"EXISTS (SELECT FROM grant_holder WHERE grant_id = grant_.id AND organization_id = {ORGANIZATION})"

OF_AN_ORGANIZATION = (
    "workspace_link",
    "channel_default",
    "membership",
    "join_code",
    "ticket",
    "connection_attempt",
    "grant_holder",
    "account",
    "discovery",
    "found_account",
    "place",
    "audit_line",
    "notice",
)
OF_THE_SYSTEM = (
    "installation",
    "workspace",
    "install_state",
    "sign_in",
    "browser",
    "seen_request",
    "canary",
)


def upgrade() -> None:
    """Create everything."""
    _create_tenants()
    _create_one_time_things()
    _create_what_they_own()
    _create_what_happened()
    if op.get_bind().dialect.name == "postgresql":
        _secure_rows()
        _append_only_on_postgresql()
    else:
        _append_only_on_sqlite()


def downgrade() -> None:
    """Refuse: before the first schema there was nothing, and nobody wants to go back there."""
    raise NotImplementedError("delete the database instead")


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TIME, nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _tenant() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], ondelete="CASCADE")


def _create_tenants() -> None:
    op.create_table(
        "installation",
        _text("id"),
        _text("slack_id"),
        _text("team_id", nullable=True),
        _text("enterprise_id", nullable=True),
        _text("name"),
        _text("app_id"),
        _text("bot_user_id"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _bytes("bot_token_sealed", nullable=True),
        _bytes("refresh_token_sealed", nullable=True),
        _time("token_expires_at", nullable=True),
        _text("installed_by"),
        _time("installed_at"),
        _time("uninstalled_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slack_id"),
    )
    op.create_index("ix_installation_uninstalled_at", "installation", ["uninstalled_at"], unique=False)
    op.create_table(
        "organization",
        _text("id"),
        sa.Column("name", sa.String(80), nullable=False),
        _time("created_at"),
        _time("deleted_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "workspace",
        _text("team_id"),
        _text("enterprise_id", nullable=True),
        _text("name"),
        _text("default_organization_id", nullable=True),
        sa.ForeignKeyConstraint(["default_organization_id"], ["organization.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("team_id"),
    )
    op.create_table(
        "workspace_link",
        _text("team_id"),
        _text("organization_id"),
        _time("linked_at"),
        _tenant(),
        sa.PrimaryKeyConstraint("team_id", "organization_id"),
    )
    op.create_index("ix_workspace_link_organization_id", "workspace_link", ["organization_id"], unique=False)
    op.create_table(
        "channel_default",
        _text("team_id"),
        _text("channel_id"),
        _text("organization_id"),
        _tenant(),
        sa.PrimaryKeyConstraint("team_id", "channel_id"),
    )
    op.create_index(
        "ix_channel_default_organization_id", "channel_default", ["organization_id"], unique=False
    )
    op.create_table(
        "membership",
        _text("id"),
        _text("organization_id"),
        _text("realm"),
        _text("user_id"),
        _text("team_id"),
        sa.Column("role", sa.Integer(), nullable=False),
        _time("created_at"),
        _time("ended_at", nullable=True),
        _tenant(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_membership_organization_id", "membership", ["organization_id"], unique=False)
    op.create_index("membership_once", "membership", ["organization_id", "realm", "user_id"], unique=True)
    op.create_index("membership_person", "membership", ["realm", "user_id"], unique=False)
    op.create_table(
        "join_code",
        _bytes("code_hash"),
        _text("organization_id"),
        sa.Column("role", sa.Integer(), nullable=False),
        _text("created_by"),
        _time("expires_at"),
        _tenant(),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index("ix_join_code_organization_id", "join_code", ["organization_id"], unique=False)


def _create_one_time_things() -> None:
    op.create_table(
        "install_state",
        _bytes("state_hash"),
        _bytes("browser_hash"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("state_hash"),
    )
    op.create_table(
        "ticket",
        _bytes("ticket_hash"),
        _text("organization_id"),
        _text("membership_id"),
        _text("team_id"),
        _text("channel_id"),
        _text("platform"),
        _text("app"),
        _text("reconnects", nullable=True),
        _time("created_at"),
        _time("expires_at"),
        _time("used_at", nullable=True),
        _tenant(),
        sa.PrimaryKeyConstraint("ticket_hash"),
    )
    op.create_index("ix_ticket_organization_id", "ticket", ["organization_id"], unique=False)
    op.create_index("ticket_member", "ticket", ["membership_id", "created_at"], unique=False)
    op.create_table(
        "sign_in",
        _bytes("state_hash"),
        _bytes("browser_hash"),
        _bytes("nonce_hash"),
        _bytes("ticket_hash"),
        _bytes("ticket_sealed"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("state_hash"),
    )
    op.create_table(
        "browser",
        _bytes("browser_hash"),
        _text("realm"),
        _text("team_id"),
        _text("user_id"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("browser_hash"),
    )
    op.create_table(
        "connection_attempt",
        _bytes("state_hash"),
        _bytes("browser_hash"),
        _text("organization_id"),
        _text("membership_id"),
        _text("team_id"),
        _text("channel_id"),
        _text("platform"),
        _text("app"),
        _text("reconnects", nullable=True),
        _bytes("verifier_sealed"),
        _time("expires_at"),
        _tenant(),
        sa.PrimaryKeyConstraint("state_hash"),
    )
    op.create_index(
        "ix_connection_attempt_organization_id", "connection_attempt", ["organization_id"], unique=False
    )
    op.create_table(
        "seen_request", _bytes("signature_hash"), _time("seen_at"), sa.PrimaryKeyConstraint("signature_hash")
    )
    op.create_index("ix_seen_request_seen_at", "seen_request", ["seen_at"], unique=False)


def _create_what_they_own() -> None:
    op.create_table(
        "grant_",
        _text("id"),
        _text("platform"),
        _text("app"),
        _text("external_id", nullable=True),
        _text("external_name"),
        _bytes("access_sealed", nullable=True),
        _bytes("refresh_sealed", nullable=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _time("access_expires_at", nullable=True),
        _time("refresh_expires_at", nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        _text("status"),
        _text("reason"),
        _time("created_at"),
        _time("renewed_at"),
        _time("due_at", nullable=True),
        _time("lease_until", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("grant_due", "grant_", ["due_at"], unique=False)
    op.create_index("grant_person", "grant_", ["platform", "app", "external_id"], unique=True)
    op.create_table(
        "grant_holder",
        _text("grant_id"),
        _text("organization_id"),
        _text("connected_by"),
        _time("since"),
        sa.ForeignKeyConstraint(["grant_id"], ["grant_.id"], ondelete="CASCADE"),
        _tenant(),
        sa.PrimaryKeyConstraint("grant_id", "organization_id"),
    )
    op.create_index("ix_grant_holder_organization_id", "grant_holder", ["organization_id"], unique=False)
    op.create_table(
        "account",
        _text("id"),
        _text("organization_id"),
        _text("grant_id", nullable=True),
        _text("platform"),
        _text("app"),
        _text("remote_id"),
        _text("kind"),
        _text("name"),
        _text("handle"),
        _text("url"),
        _text("avatar_url"),
        _bytes("token_sealed", nullable=True),
        sa.Column("missing", sa.JSON(), nullable=False),
        _text("connected_by"),
        _time("connected_at"),
        _time("places_at", nullable=True),
        _time("disconnected_at", nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["grant_.id"], ondelete="SET NULL"),
        _tenant(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("account_once", "account", ["organization_id", "platform", "remote_id"], unique=True)
    op.create_index("ix_account_grant_id", "account", ["grant_id"], unique=False)
    op.create_index("ix_account_organization_id", "account", ["organization_id"], unique=False)
    op.create_table(
        "discovery",
        _text("id"),
        _text("organization_id"),
        _text("membership_id"),
        _text("grant_id"),
        _text("team_id"),
        _text("channel_id"),
        sa.Column("hints", sa.JSON(), nullable=False),
        _time("created_at"),
        _time("expires_at"),
        _time("chosen_at", nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["grant_.id"], ondelete="CASCADE"),
        _tenant(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_discovery_organization_id", "discovery", ["organization_id"], unique=False)
    op.create_table(
        "found_account",
        _text("id"),
        _text("organization_id"),
        _text("discovery_id"),
        sa.Column("position", sa.Integer(), nullable=False),
        _text("remote_id"),
        _text("kind"),
        _text("name"),
        _text("search"),
        _text("handle"),
        _text("url"),
        _text("avatar_url"),
        _bytes("token_sealed", nullable=True),
        _text("blocker"),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["discovery_id"], ["discovery.id"], ondelete="CASCADE"),
        _tenant(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("found_order", "found_account", ["discovery_id", "position"], unique=False)
    op.create_index("ix_found_account_organization_id", "found_account", ["organization_id"], unique=False)
    op.create_table(
        "place",
        _text("account_id"),
        _text("remote_id"),
        _text("organization_id"),
        _text("name"),
        _text("search"),
        _text("detail"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        _tenant(),
        sa.PrimaryKeyConstraint("account_id", "remote_id"),
    )
    op.create_index("ix_place_organization_id", "place", ["organization_id"], unique=False)
    op.create_index("place_order", "place", ["account_id", "search"], unique=False)


def _create_what_happened() -> None:
    op.create_table(
        "audit_line",
        _text("id"),
        _text("organization_id"),
        _time("at"),
        _text("actor"),
        _text("action"),
        _text("subject"),
        sa.Column("details", sa.JSON(), nullable=False),
        _tenant(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_order", "audit_line", ["organization_id", "at"], unique=False)
    op.create_index("ix_audit_line_organization_id", "audit_line", ["organization_id"], unique=False)
    op.create_table(
        "notice",
        _text("id"),
        _text("key"),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        _text("organization_id", nullable=True),
        _text("slack_id"),
        _text("channel"),
        sa.Column("body", sa.JSON(), nullable=False),
        _time("created_at"),
        _time("due_at", nullable=True),
        _time("lease_until", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _text("sent_ts", nullable=True),
        _text("failure"),
        _tenant(),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_notice_organization_id", "notice", ["organization_id"], unique=False)
    op.create_index("notice_channel", "notice", ["slack_id", "channel", "sequence"], unique=False)
    op.create_index("notice_due", "notice", ["due_at"], unique=False)
    op.create_table(
        "canary",
        sa.Column("key_id", sa.Integer(), nullable=False),
        _bytes("value_sealed"),
        sa.PrimaryKeyConstraint("key_id"),
    )


def _secure_rows() -> None:
    for table in OF_AN_ORGANIZATION:
        _policy(table, f"organization_id = {ORGANIZATION} OR {SYSTEM}")
    for table in OF_THE_SYSTEM:
        _policy(table, SYSTEM)
    _policy("organization", f"id = {ORGANIZATION} OR {SYSTEM}")
    _secure_grants()


def _policy(table: str, rows: str) -> None:
    _enable(table)
    op.execute(f"CREATE POLICY octapost_rows ON {table} USING ({rows}) WITH CHECK ({rows})")


def _enable(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _secure_grants() -> None:
    # A grant is whose holder one is. Its holder's row refers to it, so it has to be inserted first.
    _enable("grant_")
    for verb in ("SELECT", "UPDATE", "DELETE"):
        op.execute(f"CREATE POLICY octapost_{verb.lower()} ON grant_ FOR {verb} USING ({HELD} OR {SYSTEM})")
    op.execute(
        f"CREATE POLICY octapost_insert ON grant_ FOR INSERT WITH CHECK ({ORGANIZATION} <> '' OR {SYSTEM})"
    )


def _append_only_on_postgresql() -> None:
    op.execute("""
        CREATE FUNCTION octapost_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM organization WHERE id = OLD.organization_id) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'the audit trail is append-only';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_line_append_only BEFORE UPDATE OR DELETE ON audit_line
        FOR EACH ROW EXECUTE FUNCTION octapost_append_only()
    """)
    op.execute("""
        CREATE TRIGGER audit_line_not_truncated BEFORE TRUNCATE ON audit_line
        FOR EACH STATEMENT EXECUTE FUNCTION octapost_append_only()
    """)


def _append_only_on_sqlite() -> None:
    op.execute("""
        CREATE TRIGGER audit_line_no_update BEFORE UPDATE ON audit_line
        BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
    """)
    op.execute("""
        CREATE TRIGGER audit_line_no_delete BEFORE DELETE ON audit_line
        WHEN EXISTS (SELECT 1 FROM organization WHERE id = OLD.organization_id)
        BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
    """)
