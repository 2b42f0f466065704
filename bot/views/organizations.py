"""Organizations in Slack: which there are, who owns each, a new one, and joining one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import invitations, kit
from bot.views.kit import Json, Message
from bot.views.ownership import choice, ownership
from bot.views.roles import article
from storage.models import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.notifications import WorkspaceJoined
    from bot.services.organizations.join_codes import JoinedByCode
    from bot.services.organizations.organizations import Overview
    from storage.organization_summaries import Summary
    from storage.standing import Standing

TOPIC = "Organizations and people"
"""The heading of these commands in the help."""
WHICH = "octapost.organization"
"""The action_id of a button that does what a command did, for one organization; its value says both."""
ORGANIZATIONS_SHOWN = 45
"""A message holds 50 blocks."""
OVERVIEW = "Your organizations in this workspace"
NO_CODE = "Type the code after it: `/octapost org join ABCD-EFGH-JKLM`."


def which(command: str, words: str, found: Sequence[Summary], realm: str, *, may_switch: bool) -> Message:
    """Return the question for which organization a command and the words after it are; nothing is done yet."""
    blocks = [
        kit.words(
            f"Which organization is `/octapost {command}` for? You're in several, and this channel has no default."
            " Nothing has changed yet."
        )
    ]
    blocks += [
        choice(one, realm, WHICH, f"{one.organization_id}/{command} {words}")
        for one in found[:ORGANIZATIONS_SHOWN]
    ]
    if may_switch:
        blocks.append(kit.fine_print("/octapost org switch sets the default for this channel."))
    return Message(text="Which organization is that for?", blocks=blocks)


def overview(standing: Standing, found: Overview, realm: str) -> list[Json]:
    """Return a person's invitations and their organizations in this workspace, the current one marked.

    Each says who owns it, so that two of the same name can be told apart.
    """
    blocks = invitations.cards(found.invitations)
    if standing.choices:
        blocks.append(kit.words("Your organizations in this workspace:"))
    for seat in standing.choices[:15]:
        here = seat.organization_id == standing.default_organization_id
        this = " (default for this channel)" if here and len(standing.choices) > 1 else ""
        lines = [f"{kit.escape(seat.organization_name)}: you are {article(Role(seat.role))}{this}"]
        if summary := found.summaries.get(seat.organization_id):
            lines.append(ownership(summary, realm))
        accessory = kit.button("Members", "org.members", f"{seat.organization_id}/")
        blocks.append(kit.section("\n".join(lines), accessory=accessory))
    blocks.append(
        kit.section(
            "`/octapost org create NAME` creates another one. `/octapost org join CODE` joins one from another"
            " workspace. `/octapost help` lists the rest."
        )
    )
    return blocks


def created(name: str) -> Message:
    """Return what the owner of a new organization reads."""
    return Message(
        text=f"Created {name}. You're its owner. `/octapost org switch {name}` links this channel to it.",
        blocks=[
            kit.words(f"Created {name}. You're its owner."),
            kit.section(
                "`/octapost org switch NAME` links a channel to it. `/octapost org invite @person` invites people."
            ),
        ],
    )


def renamed(before: str, name: str) -> str:
    """Return what the owner who has just renamed an organization reads."""
    return f"{before} is now called {name}."


def no_name(word: str) -> str:
    """Return what is missing after `org create` or `org rename`."""
    return f"Type a name after it: `/octapost org {word} Blue Door Bakery`."


def joined_by_code(one: JoinedByCode) -> str:
    """Return what the person who has just used a join code reads."""
    return (
        f"This workspace now has {one.organization}, and you're {article(one.role)} of it."
        f" `/octapost org switch {one.organization}` links this channel to it."
    )


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
                "Didn't expect this? See who is in, and remove people, with /octapost org members."
            ),
        ],
    )
