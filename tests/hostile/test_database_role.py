"""Whoever has the application's connection to PostgreSQL cannot take its walls down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
from sqlmodel import SQLModel

from tests.databases import OWNER, database, postgres, postgres_database, sqlite_database, vault
from tests.storage.world import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.engine.db import Database
    from storage.vault import Vault
    from tests.databases import Postgres

__all__ = ["database", "postgres", "postgres_database", "sqlite_database", "vault"]
TABLES = [table.name for table in SQLModel.metadata.sorted_tables]
ON_EACH_TABLE = [
    "ALTER TABLE {0} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {0} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {0} DISABLE TRIGGER USER",
    "ALTER TABLE {0} OWNER TO CURRENT_USER",
    "CREATE POLICY open ON {0} USING (true)",
    "CREATE RULE nothing AS ON INSERT TO {0} DO INSTEAD NOTHING",
    "CREATE INDEX ON {0} ((1))",
    "TRUNCATE {0} CASCADE",
    "DROP TABLE {0} CASCADE",
]
ON_ONE_THING = [
    "ALTER POLICY octapost_rows ON account USING (true)",
    "DROP POLICY octapost_rows ON account",
    "DROP TRIGGER audit_line_append_only ON audit_line",
    "DROP FUNCTION octapost_append_only() CASCADE",
    "ALTER FUNCTION octapost_append_only() RESET search_path",
    "CREATE OR REPLACE FUNCTION octapost_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "UPDATE audit_line SET action = 'nothing happened'",
    "DELETE FROM audit_line",
    "UPDATE alembic_version SET version_num = '0001'",
    "CREATE TABLE mine (id text)",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "SET session_replication_role = replica",
    "SET SESSION AUTHORIZATION postgres",
    f"SET ROLE {OWNER}",
    f"GRANT {OWNER} TO CURRENT_USER",
    "ALTER ROLE CURRENT_USER BYPASSRLS",
    "COPY account TO PROGRAM 'true'",
]
ATTACKS = [attack.format(table) for table in TABLES for attack in ON_EACH_TABLE] + ON_ONE_THING
REFUSED = (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidGrantOperationError)


async def refused(connection: Any, statement: str) -> bool:
    """Tell whether PostgreSQL refuses it for want of a right; whatever it did is rolled back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SET LOCAL octapost.system = 'on'")
        await connection.execute(statement)
    except REFUSED:
        return True
    finally:
        await transaction.rollback()
    return False


async def test_the_applications_role_cannot_take_a_wall_down(
    postgres: Postgres,
    postgres_database: Database,
    vault: Vault,
    record_property: Callable[[str, object], None],
) -> None:
    await build(postgres_database, vault, "1")
    connection = await asyncpg.connect(postgres.url(postgres.name).replace("+asyncpg", ""))

    done = [attack for attack in ATTACKS if not await refused(connection, attack)]

    await connection.close()
    record_property("counted", f"{len(ATTACKS)} statements of the application's role: {len(done)} done")
    assert done == []


async def test_the_owner_could_so_the_statements_are_ones_that_work(
    postgres: Postgres, postgres_database: Database, vault: Vault
) -> None:
    """Else the test above would prove nothing."""
    await build(postgres_database, vault, "1")
    connection = await asyncpg.connect(postgres.url(postgres.name, OWNER).replace("+asyncpg", ""))
    of_one_table = [attack.format("account") for attack in ON_EACH_TABLE]

    kept_out = [attack for attack in (*of_one_table, *ON_ONE_THING[:6]) if await refused(connection, attack)]

    await connection.close()
    assert kept_out == []


async def test_the_applications_role_may_do_with_each_table_what_its_list_says_and_no_more(
    postgres: Postgres, postgres_database: Database
) -> None:
    connection = await asyncpg.connect(postgres.url(postgres.name).replace("+asyncpg", ""))
    rows = await connection.fetch(
        "SELECT relname AS name, array_agg(privilege_type::text) AS rights FROM pg_class,"
        " aclexplode(relacl) WHERE grantee = current_user::regrole GROUP BY relname"
    )
    await connection.close()

    found = {row["name"]: set(row["rights"]) for row in rows}
    all_rows = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    wanted = dict.fromkeys(TABLES, all_rows) | {"audit_line": {"SELECT", "INSERT"}}
    assert found == wanted | {"alembic_version": {"SELECT"}}
    assert await postgres_database.role_faults() == []
