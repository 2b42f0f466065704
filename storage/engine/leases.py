"""Leases: the right to work on a row until a time. Due rows are found and claimed by one statement."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Float, Integer, bindparam
from sqlalchemy import select as core_select
from sqlmodel import col, or_, select, update

from storage.engine.statements import Now, now, rows
from storage.models import Grant, Notice, Revocation

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.sql.dml import ReturningUpdate
    from sqlmodel.ext.asyncio.session import AsyncSession

Leased = TypeVar("Leased", Grant, Notice, Revocation)


def waiting(model: type[Leased]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a row is due and has no lease."""
    free = or_(col(model.lease_until).is_(None), col(model.lease_until) < now())
    return col(model.due_at) <= now(), free


async def any_waiting(session: AsyncSession, model: type[Leased]) -> bool:
    """Return whether a row is due and has no lease: a read, before `claim` takes the right to write."""
    return bool(await rows(session, _some_waiting(model)))


@cache
def _some_waiting(model: type[Leased]) -> Select[str]:
    """Return the question for one row that waits."""
    return core_select(col(model.id)).where(*waiting(model)).limit(1)


async def claim(
    session: AsyncSession,
    model: type[Leased],
    *,
    limit: int,
    lease: timedelta,
    only: ColumnElement[bool] | None = None,
    **values: Any,
) -> list[Leased]:
    """Return up to `limit` due rows, the longest due first; no other caller gets them for `lease`.

    Simultaneous callers get different rows: PostgreSQL skips rows that another one is claiming, SQLite has one writer.
    The rows of a caller that crashed are free again when the lease ends. `only` is a further condition, always the same
    object because the statement is kept; `values` are those of its parameters.
    """
    taken = await session.exec(
        _claiming(model, only),
        params={"at_most": limit, "lease_s": lease.total_seconds()} | values,
        execution_options={"synchronize_session": False, "populate_existing": True},
    )
    return sorted(taken.scalars(), key=lambda row: (row.due_at, row.id))


@cache
def _claiming(model: type[Leased], only: ColumnElement[bool] | None) -> ReturningUpdate[Leased]:
    """Return the statement that claims rows, with the parameters `at_most` and `lease_s`."""
    due = (
        select(model.id)
        .where(*waiting(model), *(() if only is None else (only,)))
        .order_by(col(model.due_at), col(model.id))
        .limit(bindparam("at_most", type_=Integer))
        .with_for_update(skip_locked=True)
        .cte("due")  # PostgreSQL runs this once; as a plain subquery it may run again and take more
    )
    taken = update(model).where(col(model.id).in_(select(due.c.id)))
    return taken.values(lease_until=Now(bindparam("lease_s", type_=Float))).returning(model)
