"""Runs the revisions: on the connection `Database.upgrade` hands over, or on `alembic -x url=...`.

A new revision is drafted with `uv run alembic -c storage/migrations/alembic.ini -x url=<an upgraded
database> revision --autogenerate -m "<what changes>"` and then read by a person: policies, triggers and
everything else that models do not say are written by hand.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

from storage.models import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata(),
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect_and_run(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


handed_over = context.config.attributes.get("connection")
if handed_over is None:
    asyncio.run(_connect_and_run(context.get_x_argument(as_dictionary=True)["url"]))
else:
    _run(handed_over)
