"""The people of the simulated organization: they change their minds, answer questions truthfully, and reconnect."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from bot.services.access import Actor, Sender
from bot.services.acting import acting
from bot.services.errors import AlreadyResolvedError, PostOutError, PostSettledError
from bot.services.permissions import Permission
from bot.services.posts.changing import PostChanges
from bot.services.posts.contents import dump
from bot.services.posts.decisions import Decision, DeliveryDecider
from bot.services.posts.editing import applied
from bot.services.posts.holds import HoldService
from bot.services.posts.results import Results
from sandbox.simulation.clock import now
from storage.deliveries import PostDeliveries
from storage.models import Delivery, DeliveryStatus, DeliveryStep, GrantStatus, Role, StepStatus
from storage.post_edits import edit_draft
from storage.posts import NewPost, Posts, Target
from storage.refreshes import Refreshes
from storage.renewals import Renewal, renew

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from random import Random

    from sandbox.simulation.installation import Installation
    from sandbox.simulation.orders import Order
    from sandbox.simulation.venue import Key, Scene
    from storage.engine.db import Database

MOST_RETRIES = 3
IN_FRONT = (DeliveryStatus.LATE, DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN)


class People:
    """Everybody who decides something on a day."""

    def __init__(
        self, installation: Installation, scene: Scene, database: Database, anything: Callable[[], bool]
    ) -> None:
        self._installation = installation
        self._scene = scene
        self._rng: Random = scene.rng
        self._database = database
        self._anything = anything
        self._decider = DeliveryDecider(Results(), database)
        self._actor = Actor(
            sender=Sender(user_id="U1", team_id="T1", enterprise_id=None, channel_id=""),
            membership_id=installation.membership_id,
            organization_id=installation.organization_id,
            organization="Acme",
            role=Role.ADMIN,
        )
        self._changes = PostChanges({}, Results(), database)
        self._holds = HoldService(Results(), database)
        self.asked: dict[Key, str] = {}
        """The steps about which somebody was asked, with the reason: empty if there was none."""
        self.held_at: dict[str, datetime] = {}
        """When somebody last began to hold the posts of an account, by the platform's id of it."""

    async def decide(self, order: Order, decision: Decision) -> bool:
        """Decide about a delivery; return False where it is too late for that."""
        try:
            await self._decider.decide(self._actor, order.delivery_id, decision)
        except AlreadyResolvedError:
            return False
        order.cancelled = decision is Decision.CANCEL
        self._decided(f"a person decides about {order.number}: {decision}", order)
        return True

    def _decided(self, what: str, *orders: Order) -> None:
        for order in orders:
            order.freed_at = asyncio.get_running_loop().time()
        self._scene.counts["decided"] += 1
        self._scene.tell(what)

    async def edit(self, order: Order) -> bool:
        """Change what a post says; return False where it is too late for that."""
        organization_id, version = self._installation.organization_id, order.version + 1
        account_id = self._installation.accounts[order.kind.account]
        content = dump(order.kind.marked(order.number, version))
        try:
            async with acting(self._database, self._actor, Permission.PUBLISH) as session:
                [(delivery, _)] = await PostDeliveries(session).all(organization_id, order.post_id)
                post = await PostDeliveries(session).post(organization_id, order.post_id)
                if post is None or delivery.status == DeliveryStatus.CANCELLED:
                    return False
                target = Target(
                    account_id=account_id, due_at=delivery.due_at, content=content, place=str(order.number)
                )
                draft_id = edit_draft(post, self._actor.membership_id)
                new = NewPost(draft_id=draft_id, author=self._actor.membership_id, text=str(order.number))
                await applied(session, self._actor, draft_id, new, [target])
        except PostOutError:
            return False
        order.version = version
        self._decided(f"a person changes what {order.number} says", order)
        return True

    async def reschedule(self, order: Order, wanted: datetime) -> bool:
        """Let a post go out at another time; return False where it is too late for that."""
        try:
            await self._changes.reschedule(self._actor, order.post_id, wanted)
        except PostSettledError:
            return False
        self._decided(f"a person lets {order.number} go out at {wanted:%d %H:%M:%S}", order)
        return True

    async def hold(self, account: str, until: datetime) -> None:
        """Hold the posts of an account."""
        await self._holds.hold(self._actor, [self._installation.accounts[account]], until)
        self.held_at[account] = now()
        self._decided(f"a person holds {account} until {until:%d %H:%M:%S}", *self._of(account))

    async def resume(self, account: str) -> None:
        """Let the posts of an account go."""
        await self._holds.resume(self._actor, [self._installation.accounts[account]])
        self._decided(f"a person lets {account} go", *self._of(account))

    def _of(self, account: str) -> list[Order]:
        return [order for order in self._scene.orders.values() if order.kind.account == account]

    async def answer(self) -> None:
        """Look at everything that is in front of a person, and decide about some of it."""
        async with self._database.system(write=False) as session:
            found = select(Delivery).where(col(Delivery.status).in_(IN_FRONT)).order_by(col(Delivery.id))
            waiting = list(await session.exec(found))
        orders = {order.delivery_id: order for order in self._scene.orders.values()}
        for delivery in waiting:
            order = orders[delivery.id]
            if delivery.status == DeliveryStatus.UNKNOWN:
                if delivery.asks:
                    await self._say_what_is_live(order)
            elif self._rng.random() < 0.7:
                tired = order.retries >= MOST_RETRIES
                order.retries += 1
                gives_up = tired or self._rng.random() < 0.2
                await self.decide(order, Decision.CANCEL if gives_up else Decision.PUBLISH)

    async def _say_what_is_live(self, order: Order) -> None:
        """Look at the account, and say truthfully whether the step is there."""
        async with self._database.system(write=False) as session:
            unclear = (
                select(DeliveryStep)
                .where(
                    DeliveryStep.delivery_id == order.delivery_id,
                    col(DeliveryStep.status).in_([StepStatus.SENDING, StepStatus.ACCEPTED]),
                )
                .order_by(col(DeliveryStep.position))
            )
            row = (await session.exec(unclear)).first()
        if row is None:
            return
        index = row.position if row.kind == "post" else 0
        key, account = (order.number, row.kind, index), order.kind.account
        trace = self._scene.traces[key]
        why = self._why(trace.unreadable, trace.misses, account)
        self.asked.setdefault(key, why or ("spoiled" if order.spoiled else ""))
        if trace.under_way:
            return
        if self._rng.random() < 0.1:
            await self.decide(order, Decision.LOOK)
        else:
            await self.decide(order, Decision.LIVE if trace.live else Decision.NOT_LIVE)

    def _why(self, unreadable: bool, misses: int, account: str) -> str:
        if unreadable:
            return "cannot be read"
        if misses >= 3:
            return "not found in three looks"
        return "signed out" if account in self._scene.once_signed_out else ""

    async def reconnect(self, account: str) -> None:
        """Sign in again with an account, and let its posts go."""
        scene, installation = self._scene, self._installation
        scene.signed_out.discard(account)
        scene.ended.discard(account)
        number = scene.valid[account] = scene.valid.get(account, 1) + 1000
        async with self._database.system() as session:
            grant = await Refreshes(session).look(installation.grants[account])
            if grant is None:
                raise LookupError(account)
            dead = grant.status != GrantStatus.HEALTHY
            renewal = Renewal(
                access=f"{account}:{number}",
                refresh="again",
                access_expires_in=timedelta(hours=2),
                refresh_expires_in=None,
                due_in=timedelta(days=365),
            )
            await renew(session, installation.vault, grant, renewal)
            released = await Posts(session).release(
                installation.organization_id, [installation.accounts[account]]
            )
        scene.tell(f"{account} is reconnected, was dead: {dead}; {released}")

    async def live(self) -> None:
        """Look in now and then, for as long as the day lasts."""
        while True:
            await asyncio.sleep(self._rng.uniform(300, 2400))
            if self._anything():
                # Whoever has the right to write may stand still: then people are told to try again, and they do.
                with suppress(OperationalError):
                    await self.answer()
