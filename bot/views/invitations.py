"""Invitations in Slack: what the invited person reads and presses, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.notifications import Message
from bot.views import kit
from bot.views.kit import Json
from bot.views.organization import ownership
from bot.views.roles import article, describe
from storage.models import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.models import Invitation
    from storage.organization_summaries import Summary

SHOWN = 3
"""Invitations shown at once; a home tab holds 100 blocks."""
NO_LONGER_STANDS = (
    "This invitation has expired or was withdrawn. Ask an owner of the organization to invite you again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An invitation as the invited person sees it."""

    organization: Summary
    invitation: Invitation
    by: str
    """Who made it, as a Slack mention."""


def message(asked: Asked) -> Message:
    """Return the direct message with an invitation."""
    role = article(Role(asked.invitation.role))
    text = f"You're invited to join {asked.organization.name} in Octapost as {role}."
    return Message(text=text, blocks=card(asked))


def card(asked: Asked) -> list[Json]:
    """Return an invitation with its two buttons; it says who owns the organization, whatever its name."""
    organization, invitation = asked.organization, asked.invitation
    role = Role(invitation.role)
    name = kit.escape(organization.name)
    lines = (
        f"{asked.by} invites you to join *{name}* in Octapost as {article(role)}.",
        ownership(organization, invitation.realm),
    )
    accept = kit.button(
        "Accept",
        "invitation.accept",
        invitation.id,
        style="primary",
        label=f"Accept the invitation to {organization.name}",
    )
    decline = kit.button(
        "Decline", "invitation.decline", invitation.id, label=f"Decline the invitation to {organization.name}"
    )
    until = kit.mrkdwn(f"{describe(role)}. You can accept until {kit.day(invitation.expires_at)}.")
    return [
        kit.section("\n".join(lines)),
        {"type": "context", "elements": [until]},
        kit.actions(accept, decline),
    ]


def cards(found: Sequence[Asked]) -> list[Json]:
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
    return (
        f"You declined the invitation to {organization}. You won't get another message about it for 30 days."
    )


def answered(organization: str, user_id: str, *, role: Role | None) -> Message:
    """Return what the owner reads who invited somebody: they joined with this role, or declined (None)."""
    name = kit.escape(organization)
    if role is None:
        text, said = (
            f"Your invitation to {organization} was declined.",
            f"declined your invitation to {name}.",
        )
    else:
        text = f"Your invitation to {organization} was accepted."
        said = f"accepted your invitation and is now {article(role)} of {name}."
    return Message(text=text, blocks=[kit.section(f"<@{user_id}> {said}")])


def role_changed(organization: str, role: Role, by: str) -> Message:
    """Return what a member reads whose role was changed. `by` is a Slack mention."""
    text = f"You are now {article(role)} of {organization} in Octapost."
    changed = kit.mrkdwn(f"Changed by {by}. `/octapost help` shows what you can do.")
    return Message(text=text, blocks=[kit.words(text), {"type": "context", "elements": [changed]}])


def invited(person: str, organization: str, role: Role, *, told: bool) -> str:
    """Return what the owner reads who has just invited `person`."""
    sentence = (
        f"I've invited {person} to {organization} as {article(role)}. They become one when they accept."
    )
    if told:
        return f"{sentence} The invitation is good for 7 days."
    return (
        f"{sentence} They declined less than 30 days ago, so I'm not sending them a message: within 7 days"
        " they can accept it with `/octapost org`."
    )
