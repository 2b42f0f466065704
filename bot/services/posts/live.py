"""What members do with posts that are live: edit and delete them, where the platform lets Octapost do that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.base import Publishes
from bot.services.acting import acting
from bot.services.errors import NotFoundError, PostDecidedError, Thing
from bot.services.permissions import Permission
from bot.services.posts.contents import load
from bot.services.posts.results import DeliveryReport, report
from bot.services.posts.wishes import Wish, WishKind, dump
from storage.audit import Audit
from storage.deliveries import PostDeliveries
from storage.delivery_decisions import DeliveryDecisions
from storage.models import DeliveryStatus, StepStatus
from storage.post_listings import PostListings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Adapter, Problem, Publisher, PublishingFacts
    from bot.services.access import Actor
    from bot.services.posts.results import Results
    from storage.engine.db import Database
    from storage.models import Delivery, DeliveryStep

LIVE = (DeliveryStatus.SENT, DeliveryStatus.CHANGING)
ONE_TEXT = 1
"""A thread has several texts, so there is none that an edit would replace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDelivery:
    """One account's share of a post that is live, and what Octapost can do about it."""

    report: DeliveryReport
    text: str
    can_edit: bool
    can_delete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePost:
    """What of a post is live."""

    post_id: str
    organization_id: str
    deliveries: tuple[LiveDelivery, ...]


class TextProblemsError(Exception):
    """The platform does not take this text."""

    def __init__(self, found: Sequence[Problem], platform: str, facts: PublishingFacts) -> None:
        super().__init__("problems")
        self.found, self.platform, self.facts = tuple(found), platform, facts


class LivePosts:
    """Decides about live posts; the engine carries it out. Built once, in `bot.publishing`."""

    def __init__(self, adapters: Mapping[str, Adapter], results: Results, database: Database) -> None:
        self._adapters = adapters
        self._results = results
        self._database = database

    async def of(self, actor: Actor, post_id: str) -> LivePost:
        """Return what of a post is live.

        Raises:
            NotFoundError: The actor's organization has no such post.

        """
        async with self._database.organization(actor.organization_id, write=False) as session:
            listed = await PostListings(session).get(actor.organization_id, post_id)
        if listed is None:
            raise NotFoundError(Thing.POST)
        shown = report(listed.post, listed.deliveries, listed.steps, listed.author)
        rows = {row.id: row for row, _ in listed.deliveries}
        found = [
            self._live(one, rows[one.id], [step for step in listed.steps if step.delivery_id == one.id])
            for one in shown.deliveries
            if one.status in LIVE
        ]
        return LivePost(post_id=post_id, organization_id=actor.organization_id, deliveries=tuple(found))

    async def one(self, actor: Actor, delivery_id: str) -> LiveDelivery:
        """Return one account's share of a post that can be edited.

        Raises:
            NotFoundError: The actor's organization has no such delivery.
            PostDecidedError: It is not live, or its platform does not let Octapost edit it.

        """
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            delivery = await _delivery(session, actor, delivery_id)
        found = await self.of(actor, delivery.post_id)
        one = next((each for each in found.deliveries if each.report.id == delivery_id), None)
        if one is None or not one.can_edit:
            raise PostDecidedError
        return one

    async def delete(self, actor: Actor, delivery_id: str) -> LivePost:
        """Have what is live deleted on its platform, and return what is live of its post.

        Raises:
            NotFoundError: The actor's organization has no such delivery.
            PostDecidedError: It is not live, is being changed, or its platform does not let Octapost delete it.

        """
        post_id = await self._alter(actor, delivery_id, Wish(kind=WishKind.DELETE))
        return await self.of(actor, post_id)

    async def edit(self, actor: Actor, delivery_id: str, text: str) -> LivePost:
        """Have another text put in the place of a live one. See `delete`.

        Raises:
            TextProblemsError: The platform does not take this text.

        """
        post_id = await self._alter(actor, delivery_id, Wish(kind=WishKind.EDIT, text=text))
        return await self.of(actor, post_id)

    async def _alter(self, actor: Actor, delivery_id: str, wish: Wish) -> str:
        organization_id = actor.organization_id
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            delivery = await _delivery(session, actor, delivery_id)
            deliveries = PostDeliveries(session)
            rows = await deliveries.all(organization_id, delivery.post_id)
            steps = await deliveries.steps(organization_id, delivery.post_id)
            platform = next(account.platform for row, account in rows if row.id == delivery_id)
            can = self._can(platform, delivery, [step for step in steps if step.delivery_id == delivery_id])
            if wish.kind not in can:
                raise PostDecidedError
            if wish.kind is WishKind.EDIT:
                self._check(platform, delivery, wish.text)
            if not await DeliveryDecisions(session).alter(organization_id, delivery_id, dump(wish)):
                raise PostDecidedError
            await Audit(session).write(
                organization_id, actor.membership_id, f"live post {wish.kind}", delivery_id
            )
            post = await deliveries.post(organization_id, delivery.post_id)
            if post is not None:
                await self._results.update(session, post)
        return delivery.post_id

    def _check(self, platform: str, delivery: Delivery, text: str) -> None:
        publisher, before = self._publisher(platform), load(delivery.content)
        if publisher is None:
            raise PostDecidedError
        known = publisher.check(before)
        # What was there before is live all the same: only the text is new.
        found = [one for one in publisher.check(replace(before, text=text)) if one not in known]
        if found:
            raise TextProblemsError(found, platform, publisher.facts)

    def _live(self, one: DeliveryReport, row: Delivery, steps: Sequence[DeliveryStep]) -> LiveDelivery:
        can = self._can(one.platform, row, steps)
        return LiveDelivery(
            report=one,
            text=load(row.content).text,
            can_edit=WishKind.EDIT in can,
            can_delete=WishKind.DELETE in can,
        )

    def _publisher(self, platform: str) -> Publisher | None:
        adapter = self._adapters.get(platform)
        return adapter.publisher if isinstance(adapter, Publishes) else None

    def _can(self, platform: str, row: Delivery, steps: Sequence[DeliveryStep]) -> frozenset[WishKind]:
        """Return what can be done about a delivery now."""
        publisher = self._publisher(platform)
        live = [step for step in steps if step.status == StepStatus.SENT]
        named = live and all(step.receipt_id for step in live if step.kind != "thumbnail")
        if row.status != DeliveryStatus.SENT or publisher is None or not named:
            return frozenset()
        facts = publisher.facts
        edits = facts.can_edit and len(live) == ONE_TEXT
        return frozenset(
            {*((WishKind.EDIT,) if edits else ()), *((WishKind.DELETE,) if facts.can_delete else ())}
        )


async def _delivery(session: AsyncSession, actor: Actor, delivery_id: str) -> Delivery:
    found = await DeliveryDecisions(session).get(actor.organization_id, delivery_id)
    if found is None:
        raise NotFoundError(Thing.POST)
    return found
