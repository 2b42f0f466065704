"""The columns that tables share: times, sealed values, JSON, ids and secrets."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, ForeignKey, LargeBinary, String, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlmodel import Field


class Utc(TypeDecorator[datetime]):
    """A timezone-aware UTC time: timestamptz on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Return the column type of this database."""
        kind = String(26) if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what is sent to the database.

        Raises:
            ValueError: The time has no zone, so it would be wrong by the host's offset.

        """
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
    """Return a new random id such as `acc_5f0c...` (80 bits)."""
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


def time_column(*, nullable: bool = False, index: bool = False) -> Any:
    """Return a column for a UTC time."""
    return Field(
        default=None if nullable else ...,
        sa_column_kwargs={"nullable": nullable, "index": index},
        sa_type=Utc,
    )


def created_column() -> Any:
    """Return a column for the time at which the row was created."""
    return Field(default_factory=utc_now, sa_type=Utc, nullable=False)


def sealed_column(*, nullable: bool = True) -> Any:
    """Return a column for a value that the vault seals; its name ends in `_sealed`."""
    return Field(default=None if nullable else ..., sa_type=LargeBinary, nullable=nullable, repr=False)


def json_column(default: Any) -> Any:
    """Return a JSON column whose default is what `default()` returns."""
    return Field(default_factory=default, sa_type=JSON, nullable=False)


def draft_column() -> Any:
    """Return a column for the draft that the row is about; both are deleted together."""
    return Field(sa_column=Column(ForeignKey("draft.id", ondelete="CASCADE"), nullable=False, index=True))


def organization_column() -> Any:
    """Return a column for the organization that owns the row; the row is deleted with it."""
    return Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), nullable=False, index=True)
    )
