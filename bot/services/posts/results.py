"""The one message about a post: where it goes, and the facts that it shows.

The message is living: whatever changes only says that it is to be drawn again, in the transaction of the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.outbox import Conversation, enqueue
from bot.services.posts import wishes
from bot.services.posts.faults import Fault, load
from bot.services.posts.notifications import PostAlert, PostResult
from storage.account_labels import labels
from storage.alert_settings import Alerts
from storage.deliveries import PostDeliveries
from storage.memberships import Members
from storage.models import BEFORE_SENDING, DeliveryStatus, StepStatus, new_id
from storage.outbox import Notices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.notifications import Living, Reader
    from bot.services.posts.wishes import WishKind
    from storage.models import Account, Delivery, DeliveryStep, Notice, Post

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """How far one delivery is."""

    id: str
    account_id: str
    account: str
    """Its name, told apart from others of the same name."""
    platform: str
    place: str
    status: DeliveryStatus
    due_at: datetime
    asks: bool
    code: str
    outcome: str
    live: int
    """How many of its steps are live."""
    url: str
    """Where the post is; empty: it is not live, or has no address."""
    held_until: datetime | None = None
    """Until when members hold it. None: they don't."""
    notes: tuple[str, ...] = ()
    """Codes for what people should know about what is live."""
    failed_extras: tuple[str, ...] = ()
    """The kinds of steps that failed while the post is live: a first comment, a thumbnail."""
    wish: WishKind | None = None
    """What a member wants done with what is live. Beside a `code`: it was not done."""
    fault: Fault | None = None
    """What keeps it from going out, as far as it was checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostReport:
    """How far a post is, on every account."""

    post_id: str
    organization_id: str
    text: str
    author: str | None
    """The user id of whoever scheduled it; None: they have left."""
    deliveries: tuple[DeliveryReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """What somebody should know about one delivery of a post."""

    post: PostReport
    delivery: DeliveryReport


class Results:
    """Keeps each post's message where people see it. Built once, in `bot.app`."""

    async def update(self, session: AsyncSession, post: Post) -> None:
        """Bring the post's message up to date; post it if there is none yet."""
        key = key_of(post.id)
        notice = await Notices(session).get(key)
        one = PostResult(organization_id=post.organization_id, post_id=post.id)
        if notice is None:
            for to in (await _recipients(session, post))[:1]:
                await enqueue(session, to, key, one)
            return
        to = Conversation(slack_id=notice.slack_id, id=notice.channel, organization_id=post.organization_id)
        await enqueue(session, to, f"{key}:{new_id('upd')}", one, edits=key)

    @property
    def readers(self) -> dict[type[Living], Reader]:
        """What the messages about posts say now."""
        return {PostResult: self.read, PostAlert: self.read_alert}

    async def read(self, session: AsyncSession, one: PostResult) -> PostReport | None:
        """Return what the message says now; None if the post is gone."""
        repository = PostDeliveries(session)
        post = await repository.post(one.organization_id, one.post_id)
        if post is None:
            return None
        rows = await repository.all(one.organization_id, one.post_id)
        steps = await repository.steps(one.organization_id, one.post_id)
        author = await Members(session).get(one.organization_id, post.author)
        return report(post, rows, steps, author.user_id if author is not None else None)

    async def alert(self, session: AsyncSession, post: Post, delivery: Delivery, about: str) -> None:
        """Tell people about one delivery, once for each `about`."""
        one = PostAlert(organization_id=post.organization_id, post_id=post.id, delivery_id=delivery.id)
        for to in (await _recipients(session, post))[:1]:
            await enqueue(session, to, f"alert:{delivery.id}:{about}", one)

    async def read_alert(self, session: AsyncSession, one: PostAlert) -> AlertReport | None:
        """Return what an alert says now; None if nothing is the matter any more."""
        about = PostResult(organization_id=one.organization_id, post_id=one.post_id)
        post = await self.read(session, about)
        found = next((each for each in post.deliveries if each.id == one.delivery_id), None) if post else None
        if post is None or found is None:
            return None
        wrong = found.status in BEFORE_SENDING and found.fault is not None
        return (
            AlertReport(post=post, delivery=found) if wrong or found.status == DeliveryStatus.GONE else None
        )

    async def on_delivered(self, session: AsyncSession, notice: Notice) -> None:
        """Nothing follows: the message is where people see it."""

    async def on_undeliverable(
        self,
        session: AsyncSession,
        notice: Notice,
        code: str,
        *,
        app_removed: bool,  # noqa: ARG002 - the next place may be in another workspace
    ) -> None:
        """Send the message to the next place that takes it: a result nobody sees is as good as none."""
        post_id = notice.facts["post_id"]
        post = await PostDeliveries(session).post(notice.facts["organization_id"], post_id)
        places = await _recipients(session, post) if post is not None else []
        ids = [place.id for place in places]
        following = places[ids.index(notice.channel) + 1 :] if notice.channel in ids else places
        if following:
            await Notices(session).redirect(notice, following[0].slack_id, following[0].id)
        else:
            log.error("post.no_recipient", post=post_id, code=code)


def key_of(post_id: str) -> str:
    """Return the key of the notice that carries a post's message."""
    return f"post:{post_id}"


def report(
    post: Post,
    rows: Sequence[tuple[Delivery, Account]],
    steps: Sequence[DeliveryStep],
    author: str | None,
) -> PostReport:
    """Return how far a post is. `rows`, `steps`: all of its own; `author`: a user id, or None if they have left."""
    named = labels(account for _, account in rows)
    return PostReport(
        post_id=post.id,
        organization_id=post.organization_id,
        text=post.text,
        author=author,
        deliveries=tuple(
            _report(row, account, named, [step for step in steps if step.delivery_id == row.id])
            for row, account in rows
        ),
    )


def _report(
    row: Delivery, account: Account, named: dict[str, str], steps: list[DeliveryStep]
) -> DeliveryReport:
    live = [step for step in steps if step.status == StepStatus.SENT]
    wish = wishes.load(row.wish)
    return DeliveryReport(
        id=row.id,
        account_id=account.id,
        account=named.get(account.id, account.name),
        platform=account.platform,
        place=row.place,
        status=DeliveryStatus(row.status),
        due_at=row.due_at,
        held_until=account.held_until if row.status == DeliveryStatus.HELD else None,
        asks=row.asks,
        code=row.code,
        outcome=row.outcome,
        live=len(live),
        url=live[0].url if live else "",
        notes=tuple(step.note for step in live if step.note),
        failed_extras=tuple(step.kind for step in steps if step.status == StepStatus.FAILED),
        wish=wish.kind if wish is not None else None,
        fault=load(row.fault),
    )


async def _recipients(session: AsyncSession, post: Post) -> list[Conversation]:
    """Return where the message can go, the best first: where it was decided, the alerts channel, its author."""
    organization_id = post.organization_id
    found = []
    if post.channel:
        found.append(Conversation(slack_id=post.slack_id, id=post.channel, organization_id=organization_id))
    settings = await Alerts(session).get(organization_id)
    if settings.channel_id and settings.channel_id != post.channel:
        found.append(
            Conversation(slack_id=settings.slack_id, id=settings.channel_id, organization_id=organization_id)
        )
    author = await Members(session).get(organization_id, post.author)
    if author is not None:
        found.append(
            Conversation(slack_id=author.team_id, id=author.user_id, organization_id=organization_id)
        )
    return found
