"""Leases: the right to work on a row until a time. What is due is found and taken by one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlmodel import col, or_, select, update

from storage.engine.statements import now
from storage.models import Grant, Notice, Revocation

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

Leased = TypeVar("Leased", Grant, Notice, Revocation)


def waiting(model: type[Leased]) -> tuple[ColumnElement[bool], ...]:
    """Return what makes a row due and nobody's."""
    free = or_(col(model.lease_until).is_(None), col(model.lease_until) < now())
    return col(model.due_at) <= now(), free


async def claim(
    session: AsyncSession,
    model: type[Leased],
    *,
    limit: int,
    lease: timedelta,
    only: ColumnElement[bool] | None = None,
) -> list[Leased]:
    """Return up to `limit` due rows, the longest due first; they are the caller's for `lease`.

    Of many callers at once each gets other rows: PostgreSQL skips what another one is taking, SQLite
    has one writer. A caller that dies gives its rows back by the lease's end. `only` narrows what counts.
    """
    due = (
        select(model.id)
        .where(*waiting(model), *(() if only is None else (only,)))
        .order_by(col(model.due_at), col(model.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")  # PostgreSQL runs this once; as a plain subquery it may run again and take more
    )
    taken = (
        update(model)
        .where(col(model.id).in_(select(due.c.id)))
        .values(lease_until=now(lease))
        .returning(model)
    )
    rows = await session.exec(
        taken, execution_options={"synchronize_session": False, "populate_existing": True}
    )
    return sorted(rows.scalars(), key=lambda row: (row.due_at, row.id))
