"""The tables; some have a module of their own (`*_models`), and `storage.tables` knows all of them.

Columns that hold secrets are named `*_sealed` and are bytes; bearer secrets we only compare (states,
cookies, tickets) are stored as SHA-256 and named `*_hash`.

Ids are random and prefixed (`org_...`), so that a log line says what it speaks of and nobody can
guess a neighbour's. Times are timezone-aware UTC; the database's clock decides what has expired.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    TypeDecorator,
    text,
)
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel


class Role(IntEnum):
    """What a member may do in an organization. Each role may do everything the one below it may."""

    MEMBER = 10
    ADMIN = 20
    OWNER = 30

    @property
    def word(self) -> str:
        """The role as people read it."""
        return self.name.lower()


class GrantStatus(StrEnum):
    """Where a grant is in its life."""

    PENDING = "pending"
    """Tokens are stored; whose they are is not known yet."""
    HEALTHY = "healthy"
    NEEDS_RECONNECT = "needs_reconnect"
    ENDED = "ended"
    """Revoked or abandoned, with an account that still referred to it: the tokens are gone."""


OWED = text("due_at IS NOT NULL")
"""The few messages that were not said yet, among all that were. Written out as their index is."""
UNWELL, IN_DOUBT = text("status <> 'healthy'"), text("in_doubt")
"""The few grants that are counted by what is the matter with them. Written out as their indexes are."""


class Utc(TypeDecorator[datetime]):
    """A timezone-aware UTC time: timestamptz on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Return the column type of this database."""
        kind = String(26) if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what is sent to the database. Refuses a naive time: it would be off by the host's zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are timezone-aware")
        if dialect.name == "sqlite":
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return an aware time."""
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        return value if value.tzinfo else value.replace(tzinfo=UTC)  # type: ignore[no-any-return]


def new_id(prefix: str) -> str:
    """Return a fresh random id such as `acc_5f0c...` (80 bits)."""
    return f"{prefix}_{secrets.token_hex(10)}"


def new_secret() -> str:
    """Return 256 random bits, safe in a URL or a cookie."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return what we store instead of a bearer secret. 256-bit secrets need no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def utc_now() -> datetime:
    """Return the host's time; decisions about expiry use the database's instead."""
    return datetime.now(UTC)


def _time(*, nullable: bool = False, index: bool = False) -> Any:
    return Field(
        default=None if nullable else ...,
        sa_column_kwargs={"nullable": nullable, "index": index},
        sa_type=Utc,
    )


def _created() -> Any:
    return Field(default_factory=utc_now, sa_type=Utc, nullable=False)


def _sealed(*, nullable: bool = True) -> Any:
    return Field(default=None if nullable else ..., sa_type=LargeBinary, nullable=nullable, repr=False)


def _json(default: Any) -> Any:
    return Field(default_factory=default, sa_type=JSON, nullable=False)


def _tenant() -> Any:
    return Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), nullable=False, index=True)
    )


# Who we serve


class Installation(SQLModel, table=True):
    """Our app in one Slack workspace, or in a whole Grid organization: the holder of a bot token."""

    id: str = Field(default_factory=lambda: new_id("ins"), primary_key=True)
    slack_id: str = Field(unique=True)
    """The team id (`T...`), or the enterprise id (`E...`) of an org-wide install."""
    team_id: str | None = None
    enterprise_id: str | None = None
    name: str
    app_id: str
    bot_user_id: str
    scopes: list[str] = _json(list)
    bot_token_sealed: bytes | None = _sealed()
    refresh_token_sealed: bytes | None = _sealed()
    token_expires_at: datetime | None = _time(nullable=True)
    rotating_until: datetime | None = _time(nullable=True)
    """Until when somebody is trading the refresh token, which works once, for a new pair."""
    installed_by: str
    installed_at: datetime = _created()
    uninstalled_at: datetime | None = _time(nullable=True, index=True)


class Workspace(SQLModel, table=True):
    """A Slack workspace, and the organization that commands in it mean by default."""

    team_id: str = Field(primary_key=True)
    enterprise_id: str | None = None
    name: str
    default_organization_id: str | None = Field(
        default=None, sa_column=Column(ForeignKey("organization.id", ondelete="SET NULL"), nullable=True)
    )


class Organization(SQLModel, table=True):
    """The tenant: owns accounts, posts and memberships."""

    id: str = Field(default_factory=lambda: new_id("org"), primary_key=True)
    name: str = Field(max_length=80)
    created_at: datetime = _created()
    deleted_at: datetime | None = _time(nullable=True)


class WorkspaceLink(SQLModel, table=True):
    """An organization that may be used from a workspace. Explicit, never inferred from a Grid."""

    __tablename__ = "workspace_link"
    team_id: str = Field(primary_key=True)
    organization_id: str = Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    linked_at: datetime = _created()


class ChannelDefault(SQLModel, table=True):
    """The organization that commands in one channel mean, where it differs from the workspace's."""

    __tablename__ = "channel_default"
    team_id: str = Field(primary_key=True)
    channel_id: str = Field(primary_key=True)
    organization_id: str = _tenant()


class Membership(SQLModel, table=True):
    """A Slack person in an organization."""

    __table_args__ = (
        Index("membership_person", "realm", "user_id"),
        Index("membership_once", "organization_id", "realm", "user_id", unique=True),
    )
    id: str = Field(default_factory=lambda: new_id("mem"), primary_key=True)
    organization_id: str = _tenant()
    realm: str
    """Where the user id is unique: the enterprise id in a Grid, the team id elsewhere."""
    user_id: str
    team_id: str
    """The workspace through which the person was last seen; direct messages go there."""
    role: int
    created_at: datetime = _created()
    ended_at: datetime | None = _time(nullable=True)


class JoinCode(SQLModel, table=True):
    """A one-time code with which another workspace joins an organization."""

    __tablename__ = "join_code"
    code_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    organization_id: str = _tenant()
    role: int
    created_by: str
    """The membership that made it."""
    expires_at: datetime = _time()

    @property
    def id(self) -> str:
        """The code's name among its organization's; it doesn't tell the code."""
        return self.code_hash.hex()[:16]


# One-time things


class InstallState(SQLModel, table=True):
    """A state that has come back from Slack's install page, kept until it expires: it is good once."""

    __tablename__ = "install_state"
    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    expires_at: datetime = _time()


class Ticket(SQLModel, table=True):
    """The one-time link shown in Slack: who wants to connect what to which organization."""

    __table_args__ = (
        Index("ticket_member", "membership_id", "created_at"),
        Index("ticket_request", "request_hash", unique=True),
    )
    ticket_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    organization_id: str = _tenant()
    membership_id: str
    team_id: str
    channel_id: str
    platform: str
    app: str
    reconnects: str | None = None
    """The grant that is to be renewed, or None for a new connection."""
    request_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The signed request that asked for it: coming again, it gets no second one."""
    created_at: datetime = _created()
    expires_at: datetime = _time()
    used_at: datetime | None = _time(nullable=True)
    """A used ticket stays until it would have expired, so that tickets per minute can be counted."""


class SignIn(SQLModel, table=True):
    """One trip to Sign in with Slack, by one browser, on behalf of one ticket."""

    __tablename__ = "sign_in"
    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser_hash: bytes = Field(sa_type=LargeBinary)
    nonce_hash: bytes = Field(sa_type=LargeBinary)
    ticket_hash: bytes = Field(sa_type=LargeBinary)
    ticket_sealed: bytes = _sealed(nullable=False)
    """The ticket itself, so that the browser can be sent back to its page."""
    expires_at: datetime = _time()


class Browser(SQLModel, table=True):
    """A browser that has proved, within the last 12 hours, which Slack person uses it."""

    browser_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    realm: str
    team_id: str
    user_id: str
    expires_at: datetime = _time()


class ConnectionAttempt(SQLModel, table=True):
    """The row behind `state`: one trip to a platform's consent screen. Used at most once."""

    __tablename__ = "connection_attempt"
    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser_hash: bytes = Field(sa_type=LargeBinary)
    organization_id: str = _tenant()
    membership_id: str
    team_id: str
    channel_id: str
    platform: str
    app: str
    reconnects: str | None = None
    verifier_sealed: bytes = _sealed(nullable=False)
    expires_at: datetime = _time()


class SeenRequest(SQLModel, table=True):
    """The signature of a Slack request that was handled, kept for as long as Slack would accept it again."""

    __tablename__ = "seen_request"
    signature_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    seen_at: datetime = Field(sa_type=Utc, nullable=False, index=True)


# What they own


class Grant(SQLModel, table=True):
    """One person's consent on one platform, with its sealed tokens. May be shared by organizations.

    `generation` grows with every change of the tokens: an UPDATE that names the generation it read
    proves that nobody else came first.
    """

    __table_args__ = (
        Index("grant_person", "platform", "app", "external_id", unique=True),
        Index("grant_due", "app", "due_at"),
        Index("grant_ladder", "ladder_at"),
        Index("grant_unwell", "platform", "status", sqlite_where=UNWELL, postgresql_where=UNWELL),
        Index("grant_in_doubt", "platform", sqlite_where=IN_DOUBT, postgresql_where=IN_DOUBT),
    )
    __tablename__ = "grant_"
    id: str = Field(default_factory=lambda: new_id("grt"), primary_key=True)
    platform: str
    app: str
    external_id: str | None = None
    """The platform's id of the person; None while pending."""
    external_name: str = ""
    access_sealed: bytes | None = _sealed()
    refresh_sealed: bytes | None = _sealed()
    scopes: list[str] = _json(list)
    access_expires_at: datetime | None = _time(nullable=True)
    refresh_expires_at: datetime | None = _time(nullable=True)
    generation: int = 1
    status: str = GrantStatus.PENDING
    reason: str = ""
    """The verdict's code, when the status needs one."""
    created_at: datetime = _created()
    consented_at: datetime | None = Field(default_factory=utc_now, sa_type=Utc, nullable=True)
    """When the person last signed in at the platform for it."""
    renewed_at: datetime = _created()
    """When the tokens last changed."""
    data_access_expires_at: datetime | None = _time(nullable=True)
    """When the platform stops showing us the person's data unless they sign in again (Meta); None: never."""
    due_at: datetime | None = _time(nullable=True)
    """When the grant is looked at next; None: nothing to do until a person comes."""
    lease_until: datetime | None = _time(nullable=True)
    ladder_at: datetime | None = _time(nullable=True)
    """When there may be something to say about its end; None: not before it is settled."""
    checked_at: datetime | None = _time(nullable=True)
    """When the platform last said anything about it."""
    verdict: str = ""
    """What it said: `fresh`, or a verdict and its code such as `Busy http_503`."""
    failures: int = 0
    """Looks in a row that settled nothing; the pause grows with it."""
    suspected_at: datetime | None = _time(nullable=True)
    """When the platform first called it dead; a second opinion is asked for before anybody is told."""
    reconnects: str | None = None
    """While pending: the grant this consent is meant to renew, or None for a new connection."""
    in_doubt: bool = False
    """A single-use refresh left us and its answer was lost: the tokens we hold may be spent."""


class VerdictTally(SQLModel, table=True):
    """How a platform's refreshes ended in one minute: what the breaker counts. Shared by all replicas."""

    __table_args__ = (Index("verdict_tally_minute", "minute"),)
    __tablename__ = "verdict_tally"
    platform: str = Field(primary_key=True)
    minute: int = Field(primary_key=True, sa_type=BigInteger)
    """Unix time divided by 60."""
    fresh: int = 0
    dead: int = 0
    busy: int = 0
    other: int = 0


class AppBudget(SQLModel, table=True):
    """How much of its budget at a platform one app of ours has used up. Shared by all replicas."""

    __tablename__ = "app_budget"
    app: str = Field(primary_key=True)
    full_at: datetime = _time()
    """When the whole budget is there again, if nothing more is spent."""
    held_until: datetime = _time()
    """Until when nobody calls: the platform asked for it, or answers nobody."""
    written_at: datetime | None = _time(nullable=True)
    """When this row was last written. A time to come means that the clock was set back since."""


class Trouble(SQLModel, table=True):
    """What a platform does to all of us at once, and the operator was told of. Shared by all replicas."""

    __tablename__ = "trouble"
    platform: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    met_at: datetime = _time()
    """When anybody met it last."""


class GrantHolder(SQLModel, table=True):
    """An organization that uses a grant. The last one to leave ends it at the platform."""

    __tablename__ = "grant_holder"
    grant_id: str = Field(sa_column=Column(ForeignKey("grant_.id", ondelete="CASCADE"), primary_key=True))
    organization_id: str = Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    connected_by: str
    """The membership that consented."""
    since: datetime = _created()


LEFT_OUT, BLOCKED = "left_out", "blocked"
"""Codes of our own for accounts that the person's last consent didn't cover, or could not."""


class Account(SQLModel, table=True):
    """One page, profile or channel we can publish to, owned by one organization."""

    __table_args__ = (Index("account_once", "organization_id", "platform", "remote_id", unique=True),)
    id: str = Field(default_factory=lambda: new_id("acc"), primary_key=True)
    organization_id: str = _tenant()
    grant_id: str | None = Field(
        default=None,
        sa_column=Column(ForeignKey("grant_.id", ondelete="SET NULL"), nullable=True, index=True),
    )
    platform: str
    app: str
    remote_id: str
    kind: str
    name: str
    handle: str = ""
    url: str = ""
    avatar_url: str = ""
    token_sealed: bytes | None = _sealed()
    """The account's own token (a Facebook Page's), where the platform gives one."""
    missing: list[str] = _json(list)
    """Capabilities the account lacks although the scopes allow them."""
    connected_by: str
    connected_at: datetime = _created()
    places_at: datetime | None = _time(nullable=True)
    """When the list of places was last read from the platform."""
    asked_at: datetime | None = _time(nullable=True)
    """When the platform last said whether the account's own token lives."""
    suspected_at: datetime | None = _time(nullable=True)
    """When it first said that this token is over; a second opinion is asked for before anybody is told. Or since when
    consents leave the account out."""
    lost: str = ""
    """Why the sign-in, which lives on, doesn't let us act for it: with which code this token ended, or what the last
    consent left out; empty: it does."""
    disconnected_at: datetime | None = _time(nullable=True)


class Discovery(SQLModel, table=True):
    """What a fresh grant could see, waiting for a person to choose. Gone after a day."""

    id: str = Field(default_factory=lambda: new_id("dis"), primary_key=True)
    organization_id: str = _tenant()
    membership_id: str
    grant_id: str = Field(
        sa_column=Column(ForeignKey("grant_.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    team_id: str
    channel_id: str
    hints: list[str] = _json(list)
    created_at: datetime = _created()
    expires_at: datetime = _time()
    chosen_at: datetime | None = _time(nullable=True)


class FoundAccount(SQLModel, table=True):
    """One account of a discovery, usable or greyed with its reason."""

    __tablename__ = "found_account"
    __table_args__ = (Index("found_order", "discovery_id", "position"),)
    id: str = Field(default_factory=lambda: new_id("fnd"), primary_key=True)
    organization_id: str = _tenant()
    discovery_id: str = Field(
        sa_column=Column(ForeignKey("discovery.id", ondelete="CASCADE"), nullable=False)
    )
    position: int
    remote_id: str
    kind: str
    name: str
    search: str
    """Name and handle, lower case: what the typeahead looks in."""
    handle: str = ""
    url: str = ""
    avatar_url: str = ""
    token_sealed: bytes | None = _sealed()
    blocker: str = ""
    missing: list[str] = _json(list)


class Place(SQLModel, table=True):
    """A sub-destination of an account (a subreddit), as last read from the platform."""

    __table_args__ = (Index("place_order", "account_id", "search"),)
    account_id: str = Field(sa_column=Column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True))
    remote_id: str = Field(primary_key=True)
    organization_id: str = _tenant()
    name: str
    search: str
    detail: str = ""


# What happened, and what we owe


class AuditLine(SQLModel, table=True):
    """One thing somebody did. Append-only: the application's database role may not change it."""

    __tablename__ = "audit_line"
    __table_args__ = (Index("audit_order", "organization_id", "at"),)
    id: str = Field(default_factory=lambda: new_id("aud"), primary_key=True)
    organization_id: str = _tenant()
    at: datetime = _created()
    actor: str
    """A membership id, or "system"."""
    action: str
    """A past tense in two words: `account connected`."""
    subject: str = ""
    details: dict[str, Any] = _json(dict)


class Notice(SQLModel, table=True):
    """A message we owe Slack. Ordered per channel; sent at least once, at most once more per crash."""

    __table_args__ = (
        Index("notice_due", "due_at"),
        Index("notice_created", "created_at"),
        Index("notice_channel", "slack_id", "channel", "sequence"),
        Index("notice_waiting", "slack_id", "channel", "sequence", sqlite_where=OWED, postgresql_where=OWED),
    )
    id: str = Field(default_factory=lambda: new_id("ntc"), primary_key=True)
    key: str = Field(unique=True)
    """Says the same thing only once: `connected:{grant}:{generation}:{member}`."""
    sequence: int = Field(default_factory=lambda: int(utc_now().timestamp() * 1_000_000), sa_type=BigInteger)
    organization_id: str | None = Field(
        default=None,
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), nullable=True, index=True),
    )
    slack_id: str
    """The installation to speak through."""
    channel: str
    """A channel id, or a user id for a direct message."""
    kind: str = ""
    """Which notification this is; `facts` are its fields. Empty: a row of an older release, with a `body`."""
    facts: dict[str, Any] = _json(dict)
    body: dict[str, Any] = _json(dict)
    """The whole message, as releases without kinds stored it. Nothing writes one any more."""
    edits: str | None = None
    """The key of the notice whose message this one replaces."""
    thread_of: str | None = None
    """The key of the notice whose message this one stands under."""
    fallback: str = ""
    """Who is told whether it was delivered: a name the sender knows, or empty for nobody."""
    created_at: datetime = _created()
    due_at: datetime | None = _time(nullable=True)
    """None once it was sent or given up."""
    lease_until: datetime | None = _time(nullable=True)
    """Until when somebody says it; once it was said, until when its channel rests."""
    attempts: int = 0
    sent_channel: str | None = None
    """Where it arrived: for a direct message the id of the conversation."""
    sent_ts: str | None = None
    failure: str = ""


class Canary(SQLModel, table=True):
    """One sealed known value per vault key: opened at boot, so that a wrong key stops us at once."""

    key_id: int = Field(primary_key=True)
    value_sealed: bytes = _sealed(nullable=False)
