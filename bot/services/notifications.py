"""What the outbox is told to say, and to whom. Called inside the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.permissions import Permission, allows
from bot.views.kit import fallback
from storage.memberships import Members
from storage.outbox import Notices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import ActorRef
    from bot.views.kit import Json
    from storage.models import Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to Slack: blocks, and the text that notifications and screen readers get."""

    text: str
    blocks: Sequence[Json]
    ours: bool = False
    """True: the text is mrkdwn of our own words, in which a mention is meant as one."""

    @property
    def body(self) -> Json:
        """What `chat.postMessage` is called with."""
        return {
            "text": self.text if self.ours else fallback(self.text),
            "blocks": list(self.blocks),
            "unfurl_links": False,
            "unfurl_media": False,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A channel of a workspace, or a person for a direct message, and the installation to speak through."""

    slack_id: str
    id: str


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
    """Owe a channel a message: a new one, a new state of an earlier one, or one in its thread.

    `edits` and `thread_of` are keys of earlier messages. False if the key was said before.
    """
    return await Notices(session).put(
        key=key,
        slack_id=where.slack_id,
        channel=where.id,
        body=message.body,
        organization_id=organization_id,
        edits=edits,
        thread_of=thread_of,
        fallback=fallback,
    )


async def say_to(
    session: AsyncSession, member: Membership, key: str, message: Message, *, fallback: str = ""
) -> None:
    """Owe one member a direct message. The same `key` is said to the same member once, as `key:member`."""
    await Notices(session).put(
        key=f"{key}:{member.id}",
        slack_id=member.team_id,
        channel=member.user_id,
        body=message.body,
        organization_id=member.organization_id,
        fallback=fallback,
    )


async def say_to_member(
    session: AsyncSession, organization_id: str, membership_id: str, key: str, message: Message
) -> None:
    """Owe a direct message to a member by id; one who has left gets none."""
    member = await Members(session).get(organization_id, membership_id)
    if member is not None:
        await say_to(session, member, key, message)


async def tell_admins(session: AsyncSession, actor: ActorRef, key: str, message: Message) -> None:
    """Owe every other admin and owner a direct message, so that a surprising change is seen."""
    for member in await Members(session).all(actor.organization_id):
        if allows(member.role, Permission.RECEIVE_NOTICES) and member.id != actor.membership_id:
            await say_to(session, member, key, message)


def in_order(people: Sequence[Membership], connected_by: str) -> list[Membership]:
    """Return whom to tell, one after the other, when no channel can be used.

    Only people who can reconnect: first who connected the account, then the others from the lowest role up.
    """
    able = [person for person in people if allows(person.role, Permission.CONNECT_ACCOUNTS)]
    others = [person for person in able if person.id != connected_by]
    return [
        *(person for person in able if person.id == connected_by),
        *sorted(others, key=lambda person: person.role),
    ]
