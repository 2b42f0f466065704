"""Organizations in Slack: which there are, who is in them, and how people get in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.services.permissions import LOWEST, Permission, allows
from bot.views import kit
from bot.views.kit import Json
from bot.views.roles import article, describe
from storage.models import Membership, Role

if TYPE_CHECKING:
    from storage.models import Invitation
    from storage.organization_summaries import Summary
    from storage.standing import Seat, Standing
from bot.views.kit import Message

if TYPE_CHECKING:
    from bot.services.notifications import WorkspaceJoined

PERSON, ROLE = "person", "role"
MEMBERS_SHOWN = 40
INVITATIONS_SHOWN = 15
OWNERS_SHOWN = 2


def overview(standing: Standing, about: Mapping[str, Summary], realm: str) -> list[Json]:
    """Return the list of a person's organizations in this workspace, the current one marked.

    Each says who owns it, so that two of the same name can be told apart.
    """
    blocks = [kit.words("Your organizations in this workspace:")] if standing.choices else []
    for seat in standing.choices[:15]:
        here = seat.organization_id == standing.default_organization_id
        this = ", and this channel is about it" if here and len(standing.choices) > 1 else ""
        lines = [f"{kit.escape(seat.organization_name)}: you are {article(Role(seat.role))}{this}"]
        if summary := about.get(seat.organization_id):
            lines.append(ownership(summary, realm))
        accessory = kit.button("Members", "org.members", f"{seat.organization_id}/")
        blocks.append(kit.section("\n".join(lines), accessory=accessory))
    blocks.append(
        kit.section(
            "`/octapost org create NAME` starts another one, `/octapost org join CODE` joins another workspace's."
            " `/octapost help` lists the rest."
        )
    )
    return blocks


def ownership(organization: Summary, realm: str) -> str:
    """Return, in mrkdwn, who owns an organization and how many accounts it has.

    Slack shows a mention only of people in the reader's own `realm`; others are named by their workspace.
    """
    owners = [
        f"<@{owner.user_id}>" if owner.realm == realm else f"someone at {kit.escape(owner.workspace)}"
        for owner in organization.owners[:OWNERS_SHOWN]
    ]
    if more := len(organization.owners) - len(owners):
        owners.append(f"{more} more")
    owned = f"Owned by {kit.listed(owners)}" if owners else "Has no owner"
    return f"{owned} · {accounts(organization.accounts)}"


def accounts(count: int) -> str:
    """Return a number of accounts in words."""
    if count == 0:
        return "no accounts"
    return "1 account" if count == 1 else f"{count} accounts"


def members(
    seat: Seat,
    people: Sequence[Membership],
    elsewhere: Mapping[str, str],
    invitations: Sequence[Invitation] = (),
) -> Json:
    """Return the modal of an organization's members; owners can change them there.

    `elsewhere` names the workspaces of those who come from another one than the reader.
    """
    may_invite = allows(seat.role, Permission.INVITE)
    blocks: list[Json] = []
    for member in people[:MEMBERS_SHOWN]:
        home = elsewhere.get(member.team_id, "")
        where = f"  (from {kit.escape(home)})" if home else ""
        line = kit.mrkdwn(f"<@{member.user_id}>  {Role(member.role).word}{where}")
        block: Json = {"type": "section", "text": line}
        if allows(seat.role, Permission.MANAGE_MEMBERS):
            value = f"{seat.organization_id}/{member.id}"
            block["accessory"] = {
                "type": "overflow",
                "action_id": "org.change",
                "options": [
                    *(
                        kit.option(f"Make {role.word}", f"{value}:{role.word}")
                        for role in Role
                        if role != member.role
                    ),
                    kit.option("Remove", f"{value}:remove"),
                ],
            }
        blocks.append(block)
    if len(people) > MEMBERS_SHOWN:
        blocks.append(kit.fine_print(f"… and {len(people) - MEMBERS_SHOWN} more."))
    if may_invite:
        blocks += [invited(seat, invitation) for invitation in invitations[:INVITATIONS_SHOWN]]
    blocks.append(kit.fine_print(*map(describe, Role)))
    blocks.append(kit.fine_print("Removing a person never disconnects an account."))
    if may_invite:
        blocks += [
            kit.divider(),
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
    return kit.modal(
        kit.cut(f"Members of {seat.organization_name}", 24),
        blocks,
        callback_id="org.add",
        submit="Invite" if may_invite else None,
        metadata=f"{seat.organization_id}/",
    )


def invited(seat: Seat, invitation: Invitation) -> Json:
    """Return the line of somebody who was invited and has not answered."""
    who = f"<@{invitation.user_id}>  invited as {Role(invitation.role).word}"
    withdraw = kit.button("Withdraw", "org.withdraw", f"{seat.organization_id}/{invitation.id}")
    return kit.section(f"{who}, until {kit.day(invitation.expires_at)}", accessory=withdraw)


def joined(one: WorkspaceJoined) -> Message:
    """Return what the owners read when another workspace joined with a one-time code."""
    text = f"The workspace {one.workspace} joined {one.organization} with a one-time code."
    return Message(
        text=text,
        blocks=[
            kit.words(text),
            kit.words(
                f"{one.by_name} used it there, and is now {article(Role(one.role))} of {one.organization}."
            ),
            kit.fine_print(
                "If that surprises you: /octapost org members shows everybody and can remove people."
            ),
        ],
    )
