"""The rights of our two PostgreSQL roles: one owns the tables, the other works with their rows.

The owner runs `octapost db upgrade`. The application connects as a role that owns nothing, so that somebody who
takes over its connection can neither switch off row-level security nor rewrite the audit trail.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import text

from storage.models import AuditLine, every_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlmodel.ext.asyncio.session import AsyncSession

READ_ONLY = frozenset({"alembic_version"})
APPEND_ONLY = frozenset({str(AuditLine.__tablename__)})
"""Rows of these are deleted only with their organization's row, by a cascade with the owner's rights."""

_EXISTS = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
_SCHEMA = text("SELECT current_schema()")
_FAULTS = text("""
    SELECT rolsuper OR rolbypassrls,
        EXISTS (
            SELECT FROM pg_class
            WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid)
                AND relnamespace <> 'pg_catalog'::regnamespace AND pg_has_role(current_user, relowner, 'MEMBER')
        )
        OR EXISTS (
            SELECT FROM pg_database
            WHERE datname = current_database() AND pg_has_role(current_user, datdba, 'MEMBER')
        )
    FROM pg_roles WHERE rolname = current_user
""")


class RoleFault(StrEnum):
    """Why row-level security or the audit trail does not protect against somebody who has our connection."""

    ABOVE_POLICIES = "above_policies"
    """The role is a superuser or has BYPASSRLS: PostgreSQL applies no policy to it."""
    OWNER = "owner"
    """The role owns the tables or the database, or is a member of the role that does."""


class NoSuchRole(Exception):
    """The role that should work with the tables does not exist."""


async def faults(session: AsyncSession) -> list[RoleFault]:
    """Return what is wrong with the role we connect as, worst first. SQLite has no roles: an empty list."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        return []
    above, owner = (await connection.execute(_FAULTS)).one()
    if above:
        return [RoleFault.ABOVE_POLICIES]  # which makes it a member of every role, too
    return [RoleFault.OWNER] if owner else []


async def grant_to(session: AsyncSession, role: str) -> None:
    """Grant a role exactly the rights that the application needs, and revoke all others.

    Called as the tables' owner after each upgrade, in its transaction, so that a new table always has its rights.

    Raises:
        NoSuchRole: The role does not exist.

    """
    connection = await session.connection()
    if not (await connection.execute(_EXISTS, {"role": role})).scalar_one():
        raise NoSuchRole(
            f"There is no role {role}, which OCTAPOST_DATABASE_URL connects as: create it first."
        )
    quote = connection.dialect.identifier_preparer.quote_identifier
    schema = (await connection.execute(_SCHEMA)).scalar_one()
    await connection.execute(text(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(role)}"))
    for table, rights in _rights():
        await connection.execute(text(f"REVOKE ALL ON {quote(table)} FROM {quote(role)}"))
        await connection.execute(text(f"GRANT {rights} ON {quote(table)} TO {quote(role)}"))


def _rights() -> Iterator[tuple[str, str]]:
    for table in sorted(READ_ONLY):
        yield table, "SELECT"
    for table in (each.name for each in every_table()):
        yield table, "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
