"""The people of an organization: listing and inviting them, changing their roles, and removing them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import HIGHEST, LOWEST, Permission, role_called
from bot.slack.refusals import BadInputError, under
from bot.slack.routes import Answer, Done, Kind, OpenModal, Request, Say, UpdateModal, command, on
from bot.views import members as views
from bot.views.organizations import TOPIC
from storage.folding import fold

if TYPE_CHECKING:
    from bot.services.organizations.invitations import InvitationService
    from bot.services.organizations.members import MemberService
    from bot.slack.home_tab import HomeTab

MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")


@dataclass(frozen=True)
class MemberStory:
    """Shows members, and lets owners invite and remove them and change their roles."""

    members: MemberService
    invitations: InvitationService
    home: HomeTab

    @command(
        "org members",
        Permission.SEE_MEMBERS,
        topic=TOPIC,
        help="Who is in your organization.",
        opens=views.TITLE,
    )
    @on(Kind.ACTION, "org.members", Permission.SEE_MEMBERS, changes=False, opens=views.TITLE)
    async def show(self, request: Request) -> Answer:
        """List the members of the organization."""
        return OpenModal(views.members(await self.members.roster(request.actor)))

    @command(
        "org invite",
        Permission.INVITE,
        hint=f"@person [{views.ROLE_HINT}]",
        changes=True,
        topic=TOPIC,
        help="Invite someone to your organization.",
        aliases=("org add",),
    )
    async def invite(self, request: Request) -> Answer:
        """Invite one person, as a member unless another role is named.

        Raises:
            BadInputError: Nobody is mentioned, or the role does not exist.

        """
        user_id, word = person_and_role(request.words)
        role = role_called(word) if word else LOWEST
        if role is None:
            raise BadInputError(views.UNKNOWN_ROLE)
        [invited] = await self.invitations.invite(request.actor, [user_id], role)
        return Say(text=views.invited(invited, request.actor.organization))

    @command(
        "org role",
        Permission.MANAGE_MEMBERS,
        hint=f"@person {views.ROLE_HINT}",
        changes=True,
        topic=TOPIC,
        help="Make someone a member, an admin or an owner.",
    )
    async def set_role(self, request: Request) -> Answer:
        """Give a member another role.

        Raises:
            BadInputError: Nobody is mentioned, or the role does not exist.

        """
        user_id, word = person_and_role(request.words)
        role = role_called(word)
        if role is None:
            raise BadInputError(views.NO_ROLE)
        await self.members.set_role_of_person(request.actor, user_id, role)
        return Say.of(views.role_set(user_id, role, request.actor.organization))

    @command(
        "org remove",
        Permission.MANAGE_MEMBERS,
        hint="@person",
        changes=True,
        topic=TOPIC,
        help="Remove someone. The accounts they connected stay connected.",
    )
    async def remove(self, request: Request) -> Answer:
        """End a membership, or withdraw an invitation.

        Raises:
            BadInputError: Nobody is mentioned.

        """
        user_id, _ = person_and_role(request.words)
        removed = await self.members.remove_person(request.actor, user_id)
        return Say.of(views.removed(user_id, removed, request.actor.organization))

    @on(Kind.ACTION, "org.change", Permission.MANAGE_MEMBERS)
    async def change(self, request: Request) -> Answer:
        """Answer the menu beside a member: another role, or removal.

        Raises:
            NotFoundError: The menu does not offer this choice.

        """
        membership_id, _, word = request.target.partition(":")
        if word == views.REMOVE:
            await self.members.remove(request.actor, membership_id)
        elif role := role_called(word):
            await self.members.set_role(request.actor, membership_id, role)
        else:
            raise NotFoundError(Thing.CHOICE)
        actor = await self.members.current(request.actor)
        if actor is None or request.place != "modal":
            return Say(text=views.DONE)
        return UpdateModal(views.members(await self.members.roster(actor)))

    @on(Kind.ACTION, "org.withdraw", Permission.INVITE)
    async def withdraw(self, request: Request) -> Answer:
        """Withdraw an invitation."""
        await self.invitations.withdraw(request.actor, request.target)
        if request.place != "modal":
            return Say(text=views.WITHDRAWN)
        return UpdateModal(views.members(await self.members.roster(request.actor)))

    @on(Kind.SUBMISSION, "org.add", Permission.INVITE)
    async def add(self, request: Request) -> Answer:
        """Invite the people chosen in the members modal.

        Raises:
            NotFoundError: The submission is not from this modal.

        """
        if request.target:  # from another modal
            raise NotFoundError(Thing.FORM)
        chosen = [str(u) for u in request.typed(views.PERSON).get("selected_users") or ()]
        if not chosen:
            return Done()
        option = request.typed(views.ROLE).get("selected_option") or {}
        role = role_called(str(option.get("value"))) or LOWEST
        with under(views.PERSON):
            await self.invitations.invite(request.actor, chosen, role)
        return UpdateModal(views.members(await self.members.roster(request.actor)))

    @command(
        "org leave",
        Permission.LEAVE_ORGANIZATION,
        topic=TOPIC,
        help="Leave your organization. Its accounts stay connected.",
        opens=views.LEAVE,
    )
    async def confirm_leaving(self, request: Request) -> Answer:
        """Ask whether the member wants to leave; the only owner is told what to do first."""
        actor = request.actor
        if actor.role == HIGHEST and await self.members.owners(actor) == 1:
            return Say.of(views.only_owner(actor.organization, actor.organization_id))
        return OpenModal(views.confirm_leaving(actor.organization, actor.organization_id))

    @on(Kind.SUBMISSION, "org.left", Permission.LEAVE_ORGANIZATION)
    async def leave(self, request: Request) -> Answer:
        """End the sender's own membership."""
        if request.target:  # some other modal's metadata
            raise NotFoundError(Thing.FORM)
        await self.members.leave(request.actor)
        request.later.append(partial(self.home.redraw, request.sender, None))
        return UpdateModal(views.left(request.actor.organization))


def person_and_role(typed: str) -> tuple[str, str]:
    """Return the user id of the first mention in the typed text, and the word after it.

    Raises:
        BadInputError: It mentions nobody.

    """
    found = MENTION.search(typed)
    if found is None:
        raise BadInputError(views.NO_PERSON)
    rest = typed[found.end() :].split()
    return found[1], fold(rest[0]) if rest else ""
