"""The people of an organization in Slack: who is in it, and what comes of inviting, promoting and removing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.organizations.members import Removed
from bot.services.permissions import LOWEST, Permission, allows
from bot.views import kit
from bot.views.kit import Json, Message
from bot.views.roles import article, describe
from storage.models import Role

if TYPE_CHECKING:
    from bot.services.notifications import MemberResigned, OwnerAppointed
    from bot.services.organizations.invitations import Invited
    from bot.services.organizations.members import Roster
    from storage.models import Invitation, Membership

TITLE = "Members"
PERSON, ROLE = "person", "role"
"""The inputs of the members modal."""
REMOVE = "remove"
"""The choice beside a member that is not a role."""
MEMBERS_SHOWN = 40
INVITATIONS_SHOWN = 15
DONE, WITHDRAWN = "Done.", "Withdrawn."
LEAVE = "Leave organization"

_WORDS = [role.word for role in Role]
ROLE_HINT = " | ".join(_WORDS)
UNKNOWN_ROLE = f"Choose a role: {kit.listed(_WORDS, 'or')}."
NO_ROLE = f"Say who and what: `/octapost org role @person admin` ({kit.listed(_WORDS, 'or')})."
NO_PERSON = "Mention the person with @: `/octapost org invite @person`."


def members(roster: Roster) -> Json:
    """Return the modal of an organization's members, in which those who may do so can change them."""
    may_invite = allows(roster.role, Permission.INVITE)
    blocks = [_member(roster, member) for member in roster.members[:MEMBERS_SHOWN]]
    if (more := len(roster.members) - MEMBERS_SHOWN) > 0:
        blocks.append(kit.fine_print(f"… and {more} more."))
    if may_invite:
        blocks += [_invitation(roster, one) for one in roster.invitations[:INVITATIONS_SHOWN]]
    blocks.append(kit.fine_print(*map(describe, Role)))
    blocks.append(kit.fine_print("Removing a person never disconnects an account."))
    if may_invite:
        blocks += [kit.divider(), *_invite_inputs()]
    return kit.modal(
        kit.cut(f"Members of {roster.organization}", kit.MODAL_TITLE),
        blocks,
        callback_id="org.add",
        submit="Invite" if may_invite else None,
        metadata=f"{roster.organization_id}/",
    )


def _member(roster: Roster, member: Membership) -> Json:
    home = roster.workspaces.get(member.team_id, "")
    where = f"  (from {kit.escape(home)})" if home else ""
    line = f"<@{member.user_id}>  {Role(member.role).word}{where}"
    if not allows(roster.role, Permission.MANAGE_MEMBERS):
        return kit.section(line)
    value = f"{roster.organization_id}/{member.id}"
    others = [role for role in Role if role != member.role]
    menu = {
        "type": "overflow",
        "action_id": "org.change",
        "options": [
            *(kit.option(f"Make {role.word}", f"{value}:{role.word}") for role in others),
            kit.option("Remove", f"{value}:{REMOVE}"),
        ],
        "confirm": kit.confirm(
            "Are you sure?",
            "An owner can do everything, including remove you. Someone you remove loses access right away; the"
            " accounts they connected stay. I'll tell them either way.",
            "Yes, do it",
        ),
    }
    return kit.section(line, accessory=menu)


def _invitation(roster: Roster, invitation: Invitation) -> Json:
    who = f"<@{invitation.user_id}>  invited as {Role(invitation.role).word}"
    withdraw = kit.button("Withdraw", "org.withdraw", f"{roster.organization_id}/{invitation.id}")
    return kit.section(f"{who}, until {kit.day(invitation.expires_at)}", accessory=withdraw)


def _invite_inputs() -> list[Json]:
    return [
        {
            "type": "input",
            "block_id": PERSON,
            "optional": True,
            "label": kit.plain("Invite people"),
            "element": {
                "type": "multi_users_select",
                "action_id": "select",
                "placeholder": kit.plain("Choose people", 150),
                "max_selected_items": 20,
            },
        },
        {
            "type": "input",
            "block_id": ROLE,
            "optional": False,
            "label": kit.plain("They can join as"),
            "element": {
                "type": "static_select",
                "action_id": "select",
                "options": [kit.option(describe(role), role.word) for role in Role],
                "initial_option": kit.option(describe(LOWEST), LOWEST.word),
            },
        },
    ]


def invited(one: Invited, organization: str) -> str:
    """Return what the owner who has just invited a person reads."""
    role = article(one.after)
    if one.before is None:
        sentence = f"I've invited {one.name} to {organization} as {role}. They join when they accept."
        if one.told:
            return f"{sentence} The invitation lasts 7 days."
        return (
            f"{sentence} They declined less than 30 days ago, so I won't message them. They can accept within 7 days"
            " with `/octapost org`."
        )
    if one.before == one.after:
        return (
            f"{one.name} is already {role} of {organization}. `/octapost org role @person role` changes that."
        )
    return f"{one.name} is now {role} of {organization}. I've told them."


def role_set(user_id: str, role: Role, organization: str) -> Message:
    """Return what the owner who has just changed a person's role reads."""
    return _about(user_id, f"is now {article(role)} of {organization}.")


def removed(user_id: str, what: Removed, organization: str) -> Message:
    """Return what the owner who has just removed a person reads."""
    if what is Removed.INVITATION:
        return _about(user_id, f"isn't invited to {organization} any more.")
    return _about(user_id, f"isn't a member of {organization} any more. The accounts they connected stay.")


def confirm_leaving(organization: str, organization_id: str) -> Json:
    """Return the modal that says what leaving means before it happens."""
    return kit.modal(
        LEAVE,
        [
            kit.words(f"You'll lose access to {organization} right away."),
            kit.words("The accounts you connected stay: they belong to the organization."),
            kit.fine_print("To come back, you need a new invitation from one of its owners."),
        ],
        callback_id="org.left",
        submit="Leave",
        close="Stay",
        metadata=f"{organization_id}/",
    )


def left(organization: str) -> Json:
    """Return what the modal says once the person has left."""
    return kit.modal(LEAVE, [kit.words(f"You've left {organization}.")], callback_id="org.gone")


def only_owner(organization: str, organization_id: str) -> Message:
    """Return what the only owner of an organization reads who wants to leave it."""
    value = f"{organization_id}/"
    text = (
        f"You're the only owner of {organization}, so you can't leave yet."
        " Make someone else an owner first, or delete the organization."
    )
    return Message(
        text=text,
        blocks=[
            kit.words(text),
            kit.actions(
                kit.button("Choose another owner", "org.members", value, style="primary"),
                kit.button("Delete organization…", "org.delete", value, style="danger"),
            ),
        ],
    )


def resigned(one: MemberResigned) -> Message:
    """Return what admins are told when a member has left the organization."""
    return Message(
        text=f"A member left {one.organization}.",
        blocks=[
            kit.section(f"<@{one.user_id}> left {kit.escape(one.organization)}."),
            kit.fine_print("The accounts they connected stay."),
        ],
    )


def appointed(one: OwnerAppointed) -> Message:
    """Return what the members read when the operator gave their organization an owner."""
    return Message(
        text=f"{one.organization} has a new owner.",
        blocks=[
            kit.section(f"<@{one.user_id}> now owns {kit.escape(one.organization)}."),
            kit.words(f"{one.organization} had no owner left, so whoever runs Octapost made them its owner."),
        ],
    )


def _about(user_id: str, rest: str) -> Message:
    """Return a sentence about a person. Slack puts their name in, so what was done needs no answer of Slack's."""
    return Message(text=f"This person {rest}", blocks=[kit.section(f"<@{user_id}> {kit.escape(rest)}")])
