"""Notices that the database was restored from a backup, so that nothing is published twice.

Every minute a count grows, first in the database and then in the media store. If the store is ahead, the database has
lost what it knew: what was due since may be out, so it is looked up, and where it can't be read, a person is asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.posts.contents import load
from storage.deliveries import PostDeliveries
from storage.engine.statements import database_time
from storage.recoveries import Mark, Recoveries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.posts.calls import PublishingCalls
    from bot.services.posts.results import Results
    from storage.engine.db import Database
    from storage.media_store import MediaStore

log = logger(__name__)


class Restoring:
    """Counts, and doubts what was due after a restore. Built once, in `bot.app`."""

    def __init__(
        self, *, calls: PublishingCalls, results: Results, marks: MediaStore, database: Database
    ) -> None:
        self._calls = calls
        self._results = results
        self._marks = marks
        self._database = database
        self._looked = False

    async def run(self) -> None:
        """Count on. If the store's count is ahead of the database's, doubt what was due since."""
        stored = _read(await self._marks.read_mark())
        async with self._database.system() as session:
            own = await Recoveries(session).mark()
            if stored.at is not None and stored.number > own.number:
                doubted = await self._doubt(session, since=own.at, until=stored.at)
                log.error("restore.found", deliveries=doubted, lost_from=own.at, lost_until=stored.at)
            counted = await Recoveries(session).count(max(stored.number, own.number))
        await self._marks.write_mark(f"{counted.number} {counted.at.isoformat() if counted.at else ''}")
        self._looked = True

    async def restored(self) -> int:
        """Doubt everything that was due by now, as the operator says; return how many deliveries that are."""
        async with self._database.system() as session:
            own = await Recoveries(session).mark()
            return await self._doubt(session, since=own.at, until=await database_time(session))

    def before(self, work: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
        """Return `work`, which does nothing until this process has compared the counts."""

        async def guarded() -> None:
            if not self._looked:
                await self.run()
            await work()

        return guarded

    async def _doubt(self, session: AsyncSession, *, since: datetime | None, until: datetime) -> int:
        recoveries, posts = Recoveries(session), PostDeliveries(session)
        found = await recoveries.in_doubt(until)
        for delivery in found:
            account = await posts.account(delivery)
            steps = self._calls.publisher(account.platform).steps(load(delivery.content))
            await recoveries.doubt(delivery, [step.kind for step in steps], since or delivery.due_at)
            post = await posts.post(delivery.organization_id, delivery.post_id)
            if post is not None:
                await self._results.update(session, post)
        return len(found)


def _read(mark: str) -> Mark:
    number, _, at = mark.partition(" ")
    return Mark(number=int(number), at=datetime.fromisoformat(at)) if number and at else Mark()
