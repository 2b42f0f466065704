"""The schema's version: which one the database has, which one this Octapost needs, and the upgrade between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parents[1] / "migrations"
REVISIONS = sorted(each.name[:4] for each in (MIGRATIONS / "versions").glob("[0-9]*.py"))
"""The schema's versions, oldest first: the first four characters of the migrations' file names."""

_REVISION = text("SELECT version_num FROM alembic_version")


class SchemaTooNew(Exception):
    """The database was upgraded by a newer Octapost than this one."""


class SchemaTooOld(Exception):
    """The database has not been upgraded to what this Octapost needs."""


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction.

    Raises:
        SchemaTooNew: A newer Octapost has upgraded the database.

    """
    from alembic import command  # noqa: PLC0415 - Alembic is only loaded when there is something to upgrade

    known_revision(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def check(connection: Connection) -> None:
    """Return if the schema is what this Octapost needs.

    Raises:
        SchemaTooNew: A newer Octapost has upgraded the database.
        SchemaTooOld: The database has not been upgraded.

    """
    current = known_revision(connection)
    if current != REVISIONS[-1]:
        raise SchemaTooOld(
            f"The database's schema is {current or 'empty'}, this Octapost needs"
            f" {REVISIONS[-1]}: run `octapost db upgrade` once, then start again."
        )


def known_revision(connection: Connection) -> str | None:
    """Return the schema's version; None for an empty database.

    Raises:
        SchemaTooNew: A newer Octapost has upgraded the database.

    """
    if not inspect(connection).has_table("alembic_version"):
        return None
    current: str | None = connection.execute(_REVISION).scalar_one_or_none()
    if current is not None and current not in REVISIONS:
        raise SchemaTooNew(
            f"The database's schema {current} is newer than this Octapost knows: start the newer version,"
            " or restore the backup made before the upgrade."
        )
    return current


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
