"""Invitations in Slack: what the invited person reads and presses, and the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit
from bot.views.kit import Json, Message
from bot.views.ownership import ownership
from bot.views.roles import article, describe
from storage.models import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.notifications import InvitationAnswered, InvitationReceived, RoleChanged
    from bot.services.organizations.notifications import MemberRemoved

SHOWN = 3
"""Invitations shown at once; a home tab holds 100 blocks."""
NO_LONGER_STANDS = "This invitation has expired, or an owner withdrew it. Ask an owner to invite you again."


def message(one: InvitationReceived) -> Message:
    """Return the direct message with an invitation."""
    role = article(Role(one.role))
    text = f"You're invited to join {one.organization.name} in Octapost as {role}."
    return Message(text=text, blocks=card(one))


def card(one: InvitationReceived) -> list[Json]:
    """Return an invitation with its two buttons. It says who owns the organization, because names can be alike."""
    organization, role = one.organization, Role(one.role)
    name = kit.escape(organization.name)
    lines = (
        f"{kit.named(one.invited_by)} invites you to join *{name}* in Octapost as {article(role)}.",
        ownership(organization, one.realm),
    )
    accept = kit.button(
        "Accept",
        "invitation.accept",
        one.invitation_id,
        style="primary",
        label=f"Accept the invitation to {organization.name}",
    )
    decline = kit.button(
        "Decline",
        "invitation.decline",
        one.invitation_id,
        label=f"Decline the invitation to {organization.name}",
    )
    until = kit.mrkdwn(f"{describe(role)}. You can accept until {kit.day(one.expires_at)}.")
    return [
        kit.section("\n".join(lines)),
        {"type": "context", "elements": [until]},
        kit.actions(accept, decline),
    ]


def cards(found: Sequence[InvitationReceived]) -> list[Json]:
    """Return a person's invitations, the first few of them, for the home tab and `/octapost org`."""
    blocks = [block for one in found[:SHOWN] for block in card(one)]
    if (more := len(found) - SHOWN) > 0:
        others = "1 more invitation" if more == 1 else f"{more} more invitations"
        blocks.append(kit.fine_print(f"… and {others}. Answer these to see the next."))
    return [*blocks, kit.divider()] if blocks else []


def accepted(organization: str, role: Role) -> str:
    """Return what the person reads who has just accepted."""
    return f"You joined {organization} as {article(role)}. `/octapost help` shows what you can do."


def declined(organization: str) -> str:
    """Return what the person reads who has just declined."""
    return f"You declined the invitation to {organization}. I won't message you about it again for 30 days."


def answered(one: InvitationAnswered) -> Message:
    """Return what the owner who invited somebody reads: the person joined, or declined."""
    name = kit.escape(one.organization)
    if one.role is None:
        text, said = (
            f"Your invitation to {one.organization} was declined.",
            f"declined your invitation to {name}.",
        )
    else:
        text = f"Your invitation to {one.organization} was accepted."
        said = f"accepted your invitation and is now {article(Role(one.role))} of {name}."
    return Message(text=text, blocks=[kit.section(f"<@{one.user_id}> {said}")])


def member_removed(one: MemberRemoved) -> Message:
    """Return what a person who was removed from an organization reads."""
    text = f"You are no longer a member of {one.organization} in Octapost."
    removed = kit.mrkdwn(
        f"Removed by <@{one.removed_by}>. The accounts you connected stay with the organization."
    )
    return Message(text=text, blocks=[kit.words(text), {"type": "context", "elements": [removed]}])


def role_changed(one: RoleChanged) -> Message:
    """Return what a member whose role was changed reads."""
    text = f"You are now {article(Role(one.role))} of {one.organization} in Octapost."
    changed = kit.mrkdwn(f"Changed by <@{one.changed_by}>. `/octapost help` shows what you can do.")
    return Message(text=text, blocks=[kit.words(text), {"type": "context", "elements": [changed]}])
