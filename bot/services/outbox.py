"""Who is sent a notification. Called in the transaction of the change it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.permissions import Permission, allows
from storage.memberships import Members
from storage.outbox import NewNotice, Notices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import ActorRef
    from bot.services.notifications import Notification
    from storage.models import Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A channel, or a person for a direct message, and the installation to speak through."""

    slack_id: str
    id: str
    organization_id: str | None = None
    """Whose message it is; None: it is about no organization."""


async def enqueue(
    session: AsyncSession,
    to: Conversation,
    key: str,
    notification: Notification,
    *,
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
        organization_id=to.organization_id,
        edits=edits,
        thread_of=thread_of,
        fallback="" if listener is None else str(listener),
        apart=notification.EDITS_APART,
    )
    return await Notices(session).put(new)


async def enqueue_dm(session: AsyncSession, member: Membership, key: str, notification: Notification) -> None:
    """Send one member a direct message. A member gets one message per `key`, stored as `key:member`."""
    to = Conversation(slack_id=member.team_id, id=member.user_id, organization_id=member.organization_id)
    await enqueue(session, to, f"{key}:{member.id}", notification)


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
        if allows(member.role, Permission.RECEIVE_NOTICES) and member.id != actor.membership_id:
            await enqueue_dm(session, member, key, notification)


def escalation_order(people: Sequence[Membership], connected_by: str) -> list[Membership]:
    """Return whom to ask, one after the other, when no channel can be used.

    Only people who can reconnect: first who connected the account, then the others from the lowest role up.
    """
    able = [person for person in people if allows(person.role, Permission.CONNECT_ACCOUNTS)]
    others = [person for person in able if person.id != connected_by]
    return [
        *(person for person in able if person.id == connected_by),
        *sorted(others, key=lambda person: person.role),
    ]
