"""What happens to the posts of a day: people change their minds, sign-ins end, contents spoil, and clocks are set."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError
from sqlmodel import col, select, update

from bot.services.posts.decisions import Decision
from bot.services.tokens.policy import SECOND_OPINION
from sandbox.simulation.clock import jump, now
from sandbox.simulation.orders import RENEWABLE
from storage.models import Delivery, Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from datetime import datetime

    from sandbox.simulation.installation import Installation
    from sandbox.simulation.orders import Order
    from sandbox.simulation.people import People
    from sandbox.simulation.venue import Scene
    from storage.engine.db import Database

HOUR_S = 3600.0
BESIDE_S = (-600.0, 0.0, 0.5, 1.0, 2.0, 3.0, 60.0)
"""How long after a post is due people change their minds: most often while it goes out."""
NONSENSE = {"format": "nonsense"}
_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, kw_only=True)
class Happenings:
    """Everything that happens on a day and is no fault of a process or platform."""

    installation: Installation
    scene: Scene
    people: People
    office: Database
    wake: Callable[[], None]

    def begin(self, jumps: list[tuple[float, float]]) -> list[asyncio.Task[None]]:
        """Let it begin; return the tasks. `jumps`: when the clock is set, and by how many seconds."""
        return [asyncio.create_task(each) for each in self._drawn(jumps)]

    def _drawn(self, jumps: list[tuple[float, float]]) -> Iterator[Coroutine[Any, Any, None]]:
        rng, troubled = self.scene.rng, bool(self.scene.trouble)
        for order in self.scene.orders.values():
            if rng.random() < 0.3:
                yield self._change(order)
            if troubled and rng.random() < 0.03:
                yield self._spoil(order)
        for account in self.installation.accounts:
            if rng.random() < 0.1:
                yield self._hold(account)
        for account in RENEWABLE:
            if troubled and rng.random() < 0.2:
                yield self._sign_out(account)
        for at, by in jumps:
            yield self._set_clock(at, by)

    async def _due_at(self, order: Order) -> datetime:
        async with self.office.system(write=False) as session:
            return (await session.exec(select(Delivery.due_at).where(Delivery.id == order.delivery_id))).one()

    async def _until_due(self, order: Order, before: float = 0.0) -> None:
        """Return about when a post is due, or so long before."""
        left = (await self._due_at(order) - now()).total_seconds()
        await asyncio.sleep(max(0.0, left - before))

    async def _change(self, order: Order) -> None:
        """Let somebody change their mind about a post."""
        rng = self.scene.rng
        await self._until_due(order, -rng.choice(BESIDE_S))
        match rng.randrange(6):
            case 0 | 1:
                await self.people.decide(order, Decision.CANCEL)
            case 2:
                await self.people.decide(order, Decision.PUBLISH)
            case 3:
                await self.people.reschedule(order, now() + timedelta(minutes=rng.uniform(1, 120)))
            case _:
                await self.people.edit(order)
        self.wake()

    async def _hold(self, account: str) -> None:
        """Let somebody hold an account, most often while something goes out, and perhaps let it go again."""
        rng = self.scene.rng
        mine = [order for order in self.scene.orders.values() if order.kind.account == account]
        if mine and rng.random() < 0.7:
            await self._until_due(rng.choice(mine), -rng.choice(BESIDE_S))
        else:
            await asyncio.sleep(rng.uniform(0, 8 * HOUR_S))
        await self.people.hold(account, now() + timedelta(minutes=rng.uniform(1, 180)))
        self.wake()
        if rng.random() < 0.5:
            await asyncio.sleep(rng.uniform(1, HOUR_S))
            await self.people.resume(account)
            self.wake()

    async def _sign_out(self, account: str) -> None:
        """End a sign-in, and let somebody reconnect hours later."""
        rng, scene = self.scene.rng, self.scene
        staged = [
            order
            for order in scene.orders.values()
            if order.kind.account == account and order.kind.content.all_media
        ]
        scene.once_signed_out.add(account)
        if staged and rng.random() < 0.7:
            # That it has ended is certain in the second in which a post is due, and its access token still works.
            await self._until_due(rng.choice(staged), SECOND_OPINION.total_seconds() + rng.uniform(0, 3))
            scene.ended.add(account)
            await self._renew(account)
        else:
            await asyncio.sleep(rng.uniform(0, 8 * HOUR_S))
            scene.signed_out.add(account)
        scene.tell(f"the sign-in of {account} ends")
        await asyncio.sleep(rng.uniform(HOUR_S / 2, 6 * HOUR_S))
        while True:
            with suppress(OperationalError):  # whoever has the right to write may stand still
                await self.people.reconnect(account)
                break
            await asyncio.sleep(10)
        self.wake()

    async def _renew(self, account: str) -> None:
        """Let the tokens of an account be due for a refresh."""
        ours = update(Grant).where(col(Grant.id) == self.installation.grants[account])
        async with self.office.system() as session:
            await session.exec(ours.values(due_at=now()), execution_options=_UNSYNCHRONIZED)
        self.wake()

    async def _spoil(self, order: Order) -> None:
        """Let nobody be able to read what a post says for some time, as after an update that was taken back."""
        rng = self.scene.rng
        await self._until_due(order, rng.uniform(-120, 1200))
        row = col(Delivery.id) == order.delivery_id
        async with self.office.system() as session:
            content = (await session.exec(select(Delivery.content).where(row))).one()
            await session.exec(
                update(Delivery).where(row).values(content=NONSENSE), execution_options=_UNSYNCHRONIZED
            )
        order.spoiled = True
        self.scene.tell(f"nobody can read what {order.number} says")
        await asyncio.sleep(rng.uniform(600, 4 * HOUR_S))
        async with self.office.system() as session:
            if (await session.exec(select(Delivery.content).where(row))).one() == NONSENSE:
                await session.exec(
                    update(Delivery).where(row).values(content=content), execution_options=_UNSYNCHRONIZED
                )
        self.scene.tell(f"{order.number} can be read again")

    async def _set_clock(self, at_s: float, by_s: float) -> None:
        """Set the host's clock."""
        await asyncio.sleep(at_s)
        jump(timedelta(seconds=by_s))
        self.scene.counts["jumps"] += 1
        self.scene.tell(f"the clock is set by {by_s:.0f} s")
        self.wake()
