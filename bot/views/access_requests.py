"""Requests for access: whom to ask after a refusal, what the owners read, and the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.organizations.access_requests import Asked, Asks
from bot.services.permissions import HIGHEST
from bot.views import invitations, kit
from bot.views.kit import Message
from bot.views.roles import article
from storage.models import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.services.organizations.access_requests import AccessAsked, Door, WhoCanHelp
    from bot.services.organizations.notifications import AccessAnswered, AccessDecided, AccessRequested
    from bot.views.kit import Json

OWNERS_SHOWN = 3
CREATE = "`/octapost org create NAME` starts an organization of your own."
OVER = "This request was answered or has expired."


def refused(said: str, helpers: WhoCanHelp) -> Message:
    """Return a refusal with the people who can help, and a button to ask them. `said` says what was refused."""
    blocks = [kit.words(said), *invitations.cards(helpers.invitations)]
    blocks += [_door(door, helpers) for door in helpers.doors]
    if not helpers.doors and helpers.asks is Asks.HELP:
        blocks.append(kit.words("Guests can't use Octapost themselves. Ask a colleague who isn't a guest."))
    if not helpers.doors and helpers.member:
        blocks.append(kit.words("There's no owner to ask. Whoever runs Octapost here can appoint one."))
    if helpers.asks is Asks.ROLE and not helpers.member:
        blocks.append(kit.section(CREATE))
    return Message(text=said, blocks=blocks)


def _door(door: Door, helpers: WhoCanHelp) -> Json:
    """Return the line about one organization's owners. It doesn't name the organization."""
    if not door.owners and helpers.asks is Asks.NOTHING:
        return kit.section("Ask the people who added Octapost here.")
    who = _people(door.owners, "its owners")
    value = f"{door.organization_id}:{helpers.role.word}"
    match helpers.asks:
        case Asks.ROLE:
            does = f"make you {article(helpers.role)}" if helpers.member else "let you in"
            return kit.section(
                f"Ask {who} to {does}.", accessory=kit.button("Request access", "access.request", value)
            )
        case Asks.HELP:
            ask = kit.button("Ask for help", "access.request", value)
            return kit.section(f"Guests can't be members. {who} can do this for you.", accessory=ask)
        case Asks.NOTHING:
            return kit.section(f"Ask {who}.")


def asked(one: AccessAsked) -> Message:
    """Return what the person reads who has just asked for access."""
    who = _people(one.owners, "the owners")
    text, said = {
        Asked.SENT: (
            "Sent.",
            f"I've asked {_people(one.owners, 'the owners', 'and')}. You'll hear from me when they answer.",
        ),
        Asked.WAITS: (
            "You asked within the last week.",
            f"You asked {who} within the last week, so I won't ask again yet. If it's urgent, write to them.",
        ),
        Asked.HAS_IT: ("You already have access.", "You already have access. Try again."),
    }[one.came_to]
    return Message(text=text, blocks=[kit.section(said)])


def asks(one: AccessRequested) -> Message:
    """Return what the owners are asked."""
    name, who = kit.escape(one.organization), kit.named(one.user_id)
    if one.role is None:
        return Message(
            text=f"A guest asks for help with {one.organization} in Octapost.",
            blocks=[
                kit.section(f"{who} asks for help with *{name}* in Octapost."),
                kit.fine_print("They are a guest of this workspace, so they can't be a member."),
            ],
        )
    role = Role(one.role)
    wish = f"be {article(role)} of *{name}*" if one.member else f"join *{name}* as {article(role)}"
    value = f"{one.organization_id}/{one.request_id}"
    sure = kit.confirm("Make them an owner?", "Owners can do everything, and remove you too.", "Make owner")
    return Message(
        text=f"Someone asks for access to {one.organization} in Octapost.",
        blocks=[
            kit.section(f"{who} would like to {wish} in Octapost."),
            kit.actions(
                kit.button(
                    "Approve",
                    "access.approve",
                    value,
                    style="primary",
                    confirm=sure if role == HIGHEST else None,
                ),
                kit.button("Decline", "access.decline", value),
            ),
            kit.fine_print("Any owner can answer this, for 7 days."),
        ],
    )


def answered(one: AccessAnswered) -> Message:
    """Return what stands in every owner's messages once one of them has answered."""
    who, by = kit.named(one.user_id), kit.named(one.answered_by)
    if one.role is None:
        text, said = (
            "Declined.",
            f"{by} declined {who}'s request for access to {kit.escape(one.organization)}.",
        )
    else:
        role = article(Role(one.role))
        text, said = "Approved.", f"{by} made {who} {role} of {kit.escape(one.organization)}."
    return Message(text=text, blocks=[kit.section(said)])


def decided(one: AccessDecided) -> Message:
    """Return what the person reads who asked."""
    name, by = kit.escape(one.organization), kit.named(one.answered_by)
    if one.role is None:
        return Message(
            text=f"Your request for access to {one.organization} was declined.",
            blocks=[kit.section(f"{by} declined your request for access to {name}.")],
        )
    role = article(Role(one.role))
    return Message(
        text=f"You're now {role} of {one.organization} in Octapost.",
        blocks=[kit.section(f"{by} made you {role} of {name}. `/octapost help` shows what you can do.")],
    )


def _people(user_ids: Iterable[str], nobody: str, last: str = "or") -> str:
    """Return the people as mentions, the first of them, or the words for when there are none."""
    return kit.listed([kit.named(each) for each in list(user_ids)[:OWNERS_SHOWN]], last) or nobody
