"""Connections to PostgreSQL: SQLAlchemy's dialect with fewer trips per transaction.

A trip costs more than a small query. A transaction would begin with one message and say for whom it works with
another; here both are one message. Loaded only where the database is PostgreSQL.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from storage.engine.autocommit import AutocommitRunner, StatementFailed
from storage.engine.compiled import COMPILED, Alike

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import URL, Connection
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.sql.elements import ClauseElement

    from storage.engine.autocommit import Rows

SYSTEM = {"octapost.system": "on"}
IN_ORDER_ONLY = {"synchronous_commit": "off"}
DRIVER_FAILURES = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""asyncpg's own errors, about the connection. A server that shuts down in the middle of an answer leaves it with the
latter."""


class PostgresDialect(Alike, PGDialect_asyncpg):
    """SQLAlchemy's dialect for asyncpg, except that `do_terminate` does not wait."""

    supports_statement_cache = True

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Close a connection at once. SQLAlchemy's own waits 2 s for a server that does not answer."""
        dbapi_connection.driver_connection.terminate()


registry.register("postgresql.asyncpg", __name__, PostgresDialect.__name__)


class PostgresConnection(asyncpg.Connection):  # type: ignore[misc]
    """An asyncpg connection whose transactions begin with their own settings."""

    begins = ""
    """Statements that follow the next BEGIN, such as `SET LOCAL ...`."""

    def transaction(self, *, readonly: bool = False, **_defaults: Any) -> PostgresTransaction:
        """Return a transaction that has not begun."""
        return PostgresTransaction(self, "BEGIN READ ONLY" if readonly else "BEGIN")


class PostgresTransaction:
    """One transaction at the server's default isolation level."""

    __slots__ = ("_begin", "_connection")

    def __init__(self, connection: PostgresConnection, begin: str) -> None:
        self._connection = connection
        self._begin = begin

    async def start(self) -> None:
        """Begin, with the settings in `begins`."""
        await self._connection.execute(f"{self._begin}; {self._connection.begins}")

    async def commit(self) -> None:
        """Commit; the settings end with the transaction."""
        await self._connection.execute("COMMIT")

    async def rollback(self) -> None:
        """Roll back; the settings end with the transaction."""
        await self._connection.execute("ROLLBACK")


def postgres_engine(url: str, pool_size: int, limits: Mapping[str, float | None]) -> AsyncEngine:
    """Return an engine. `limits` are asyncpg's `timeout` and `command_timeout`, in seconds."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        hide_parameters=True,  # an error's text ends up in logs, values must not
        execution_options={"compiled_cache": COMPILED},
        connect_args={"connection_class": PostgresConnection, **limits},
    )
    event.listen(engine.sync_engine, "begin", _postgres_begin)
    return engine


def _postgres_begin(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.begins = connection.get_execution_options().get("octapost_begins", "")


class PostgresAutocommitRunner(AutocommitRunner):
    """One round trip per statement: a single statement is a transaction on PostgreSQL.

    Its connections get a system session's rights when they are opened, and are used for nothing else. `limits` are
    asyncpg's `timeout` and `command_timeout`, in seconds.

    Not `asyncpg.create_pool`: when a caller is cancelled, its `release` waits until the server confirms that the query
    was cancelled, which a server that is unreachable never does. Here the connection is closed at once.
    """

    def __init__(
        self, url: URL, size: int, *, limits: Mapping[str, float | None], durable: bool = False
    ) -> None:
        dialect: Any = url.get_dialect()()
        super().__init__(dialect)
        self._settings = SYSTEM if durable else SYSTEM | IN_ORDER_ONLY
        self._options: dict[str, Any] = dialect.create_connect_args(url)[1]
        self._options.pop("prepared_statement_cache_size", None)  # SQLAlchemy's own
        self._options |= limits
        self._free = asyncio.Semaphore(size)
        self._idle: list[asyncpg.Connection] = []

    async def _rows(self, statement: ClauseElement, values: dict[str, Any]) -> Rows:
        compiled = self._compile(statement)
        async with self._free:
            connection = await self._connection()
            try:
                found: Rows = await connection.fetch(compiled.sql, *compiled.arguments(values))
            except asyncpg.PostgresError as error:
                self._idle.append(connection)
                raise StatementFailed from error
            except DRIVER_FAILURES as error:
                connection.terminate()
                raise StatementFailed from error
            except BaseException:
                connection.terminate()  # cancelled, perhaps in the middle of an answer
                raise
            self._idle.append(connection)
            return found

    async def _connection(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        try:
            return await asyncpg.connect(**self._options, server_settings=self._settings)
        except (asyncpg.PostgresError, *DRIVER_FAILURES) as error:
            raise StatementFailed from error

    async def close(self) -> None:
        """Close every connection."""
        while self._idle:
            await self._idle.pop().close()
