"""Organizations in Slack: which there are, who is in them, and how people get in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.notices import Message
from bot.views import kit
from bot.views.kit import Json
from storage.models import Membership, Role

if TYPE_CHECKING:
    from storage.tenants import Seat, Standing

PERSON, ROLE = "person", "role"
WHAT = {
    Role.MEMBER: "Member: sees accounts and posts",
    Role.ADMIN: "Admin: also connects and disconnects accounts",
    Role.OWNER: "Owner: also manages people",
}
MEMBERS_SHOWN = 40


def overview(standing: Standing) -> list[Json]:
    """Return the list of a person's organizations in this workspace, the current one marked."""
    blocks = [kit.words("Your organizations in this workspace:")]
    for seat in standing.choices[:15]:
        here = seat.organization_id == standing.default_organization_id
        this = ", and this channel is about it" if here and len(standing.choices) > 1 else ""
        text = f"{seat.organization_name}: you are {article(Role(seat.role))}{this}"
        accessory = kit.button("Members", "org.members", f"{seat.organization_id}/")
        blocks.append(kit.words(text, accessory=accessory))
    blocks.append(
        kit.section(
            "`/octapost org create NAME` starts another one, `/octapost org join CODE` joins another workspace's."
            " `/octapost help` lists the rest."
        )
    )
    return blocks


def article(role: Role) -> str:
    """Return a role with its article."""
    return f"an {role.word}" if role in {Role.ADMIN, Role.OWNER} else f"a {role.word}"


def members(seat: Seat, people: Sequence[Membership], elsewhere: Mapping[str, str]) -> Json:
    """Return the modal of an organization's members; owners can change them there.

    `elsewhere` names the workspaces of those who come from another one than the reader.
    """
    actor_role = Role(seat.role)
    blocks: list[Json] = []
    for member in people[:MEMBERS_SHOWN]:
        home = elsewhere.get(member.team_id, "")
        where = f"  (from {kit.escape(home)})" if home else ""
        line = kit.mrkdwn(f"<@{member.user_id}>  {Role(member.role).word}{where}")
        block: Json = {"type": "section", "text": line}
        if actor_role >= Role.OWNER:
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
    blocks.append(kit.fine_print(*WHAT.values()))
    blocks.append(kit.fine_print("Removing a person never disconnects an account."))
    if actor_role >= Role.OWNER:
        blocks += [
            kit.divider(),
            {
                "type": "input",
                "block_id": PERSON,
                "optional": True,
                "label": kit.plain("Add people"),
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
                "label": kit.plain("They become"),
                "element": {
                    "type": "static_select",
                    "action_id": "select",
                    "options": [kit.option(WHAT[role], role.word) for role in Role],
                    "initial_option": kit.option(WHAT[Role.MEMBER], Role.MEMBER.word),
                },
            },
        ]
    return kit.modal(
        kit.cut(f"Members of {seat.organization_name}", 24),
        blocks,
        callback_id="org.add",
        submit="Add" if actor_role >= Role.OWNER else None,
        metadata=f"{seat.organization_id}/",
    )


def invited(organization: str, role: Role, by: str) -> Message:
    """Return what a person reads who was just added. `by` is a Slack mention."""
    text = f"You are now {article(role)} of {organization} in Octapost."
    return Message(
        text=text,
        blocks=[
            kit.words(text),
            {
                "type": "context",
                "elements": [kit.mrkdwn(f"Added by {by}. `/octapost help` shows what you can do.")],
            },
        ],
    )


def joined(organization: str, workspace: str, by: str, role: Role) -> Message:
    """Return what the owners read when another workspace joined with a code that `by` typed there."""
    text = f"The workspace {workspace} joined {organization} with a one-time code."
    return Message(
        text=text,
        blocks=[
            kit.words(text),
            kit.words(f"{by} used it there, and is now {article(role)} of {organization}."),
            kit.fine_print(
                "If that surprises you: /octapost org members shows everybody and can remove people."
            ),
        ],
    )
