"""Who is sent a notification. Called in the transaction of the change it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from storage.models import Role
from storage.outbox import NewNotice, Notices
from storage.tenants import Members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.notifications import Notification
    from bot.views.kit import Message
    from storage.models import Membership


class ActorRef(Protocol):
    """The member behind a change: an actor, or the connection attempt a member made."""

    @property
    def organization_id(self) -> str:
        """The organization it was done in."""
        ...

    @property
    def membership_id(self) -> str:
        """The member who did it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A channel, or a person for a direct message, and the installation to speak through."""

    slack_id: str
    id: str


async def enqueue(
    session: AsyncSession,
    to: Conversation,
    key: str,
    notification: Notification,
    *,
    organization_id: str | None = None,
    edits: str | None = None,
    thread_of: str | None = None,
) -> bool:
    """Put a notification into the outbox; return False if its key was used before.

    `edits` and `thread_of` are keys of earlier ones: the message to replace, or to answer in its thread.
    """
    listener = notification.LISTENER
    new = NewNotice(
        key=key,
        slack_id=to.slack_id,
        channel=to.id,
        kind=notification.KIND,
        facts=notification.dump(),
        organization_id=organization_id,
        edits=edits,
        thread_of=thread_of,
        fallback="" if listener is None else str(listener),
    )
    return await Notices(session).put(new)


async def enqueue_dm(session: AsyncSession, member: Membership, key: str, notification: Notification) -> None:
    """Send one member a direct message. A member gets one message per `key`, stored as `key:member`."""
    to = Conversation(slack_id=member.team_id, id=member.user_id)
    await enqueue(session, to, f"{key}:{member.id}", notification, organization_id=member.organization_id)


async def enqueue_dm_by_id(
    session: AsyncSession, organization_id: str, membership_id: str, key: str, notification: Notification
) -> None:
    """Send a direct message to a member by id; one who has left gets none."""
    member = await Members(session).get(organization_id, membership_id)
    if member is not None:
        await enqueue_dm(session, member, key, notification)


async def notify_admins(session: AsyncSession, actor: ActorRef, key: str, notification: Notification) -> None:
    """Send every admin and owner but the actor a direct message, so that a surprising change is seen."""
    for member in await Members(session).all(actor.organization_id):
        if member.role >= Role.ADMIN and member.id != actor.membership_id:
            await enqueue_dm(session, member, key, notification)


async def say_in(
    session: AsyncSession,
    where: Conversation,
    key: str,
    message: Message,
    *,
    organization_id: str,
    edits: str | None = None,
    thread_of: str | None = None,
    fallback: str = "",
) -> bool:
    """Send a ready message."""
    return await Notices(session).put(
        NewNotice(
            key=key,
            slack_id=where.slack_id,
            channel=where.id,
            kind="",
            facts={},
            body=message.body,
            organization_id=organization_id,
            edits=edits,
            thread_of=thread_of,
            fallback=fallback,
        )
    )


def escalation_order(people: Sequence[Membership], connected_by: str) -> list[Membership]:
    """Return whom to ask when no channel can be: who connected the account, then the admins, then the owners.

    Only admins and owners can reconnect an account, so nobody else is asked.
    """
    able = [person for person in people if person.role >= Role.ADMIN]
    others = [person for person in able if person.id != connected_by]
    return [
        *(person for person in able if person.id == connected_by),
        *(person for person in others if person.role == Role.ADMIN),
        *(person for person in others if person.role >= Role.OWNER),
    ]
