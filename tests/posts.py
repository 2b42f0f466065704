"""Posts for tests: what waits for an account, and what became of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select

from storage.engine.statements import now
from storage.models import Delivery, DeliveryStatus, new_id
from storage.posts import NewPost, Posts, Target

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.db import Database

HOUR = timedelta(hours=1)
MUGS = {"format": "text", "text": "Mugs"}
"""The content of a post that says "Mugs"."""


async def schedule(session: AsyncSession, organization_id: str, account_id: str, *due_in: timedelta) -> None:
    """Schedule a post for each of these times from now on; one before now has been overdue since then."""
    for span in due_in:
        due_at = (await session.exec(select(now(span)))).one()
        target = Target(account_id=account_id, due_at=due_at, content=MUGS)
        await Posts(session).schedule(
            organization_id, NewPost(draft_id=new_id("drf"), author="mem_x", text="Mugs"), [target]
        )


async def deliveries(database: Database, account_id: str = "") -> list[tuple[str, datetime]]:
    """Return the status and the time of every delivery, the first due first."""
    found = select(Delivery.status, Delivery.due_at).order_by(col(Delivery.due_at))
    if account_id:
        found = found.where(Delivery.account_id == account_id)
    async with database.system(write=False) as session:
        return list(await session.exec(found))


async def counted(database: Database, account_id: str = "") -> dict[DeliveryStatus, int]:
    """Return how many deliveries have each status."""
    return dict(Counter(DeliveryStatus(status) for status, _ in await deliveries(database, account_id)))
