"""Organizations: list, create, rename, switch, join; and the people in them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.acting import acting
from bot.services.errors import Limit, LimitReachedError, NotFoundError, ServiceError, Thing
from bot.services.notifications import RoleChanged, WorkspaceJoined
from bot.services.organizations.invitations import invite, tell, waiting_for
from bot.services.outbox import enqueue_dm
from bot.services.permissions import LOWEST, Permission, allows, lowest_role, role_called
from bot.slack.people import person, team_name
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Done, Kind, OpenModal, Request, Routes, Say, UpdateModal, Who
from bot.views import invitations, kit
from bot.views import organization as views
from bot.views.errors import sentence
from bot.views.roles import article
from storage.audit import Audit
from storage.founding import FOUNDED_A_DAY, TooManyFounded, found, let_in
from storage.invitations import Invitations
from storage.join_codes import JoinCodes
from storage.memberships import LastOwner, Members
from storage.models import Role
from storage.organization_names import NameTaken, looks
from storage.organization_summaries import summaries
from storage.organizations import Organizations
from storage.standing import Seat
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.incidents.incidents import IncidentService
    from storage.engine.db import Database
    from storage.models import Invitation, Membership

log = logger(__name__)
LONGEST_NAME = 80
MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
ROLE_WORDS = [role.word for role in Role]
TOPIC = "Organizations and people"


class OrganizationStory:
    """Who owns the accounts, and who may do what with them."""

    def __init__(self, incidents: IncidentService, database: Database) -> None:
        self._incidents = incidents
        self._database = database

    def register(self, routes: Routes) -> None:
        """Add this story to the table."""
        command = routes.command
        command(
            "org",
            self.overview,
            permission=Who.ANYONE,
            topic=TOPIC,
            help="Your organizations here.",
            aliases=("orgs", "organization"),
        )
        command(
            "org create",
            self.create,
            permission=Who.ANYONE,
            hint="NAME",
            changes=True,
            topic=TOPIC,
            help="Start another organization; you become its owner.",
        )
        command(
            "org rename",
            self.rename,
            permission=Permission.RENAME_ORGANIZATION,
            hint="NAME",
            changes=True,
            topic=TOPIC,
            help="Rename your organization.",
        )
        command(
            "org join",
            self.join,
            permission=Who.ANYONE,
            hint="CODE",
            changes=True,
            topic=TOPIC,
            help="Join another workspace's organization with its code.",
        )
        command(
            "org members",
            self.members,
            permission=Permission.SEE_MEMBERS,
            topic=TOPIC,
            help="Who is in your organization.",
            opens="Members",
        )
        command(
            "org invite",
            self.invite,
            permission=Permission.INVITE,
            hint=f"@person [{' | '.join(ROLE_WORDS)}]",
            changes=True,
            topic=TOPIC,
            help="Invite someone to your organization.",
            aliases=("org add",),
        )
        command(
            "org role",
            self.set_role,
            permission=Permission.MANAGE_MEMBERS,
            hint=f"@person {' | '.join(ROLE_WORDS)}",
            changes=True,
            topic=TOPIC,
            help="Change what somebody may do.",
        )
        command(
            "org remove",
            self.remove,
            permission=Permission.MANAGE_MEMBERS,
            hint="@person",
            changes=True,
            topic=TOPIC,
            help="Remove somebody. Their accounts stay connected.",
        )
        routes.add(
            Kind.ACTION,
            "org.members",
            self.members,
            permission=Permission.SEE_MEMBERS,
            changes=False,
            opens="Members",
        )
        routes.add(Kind.ACTION, "org.change", self.change, permission=Permission.MANAGE_MEMBERS)
        routes.add(Kind.ACTION, "org.withdraw", self.withdraw, permission=Permission.INVITE)
        routes.add(Kind.SUBMISSION, "org.add", self.add_people, permission=Permission.INVITE)

    # Organizations

    async def overview(self, request: Request) -> Answer:
        """Answer `/octapost org`: the sender's invitations, and their organizations."""
        standing, sender = await request.standing(), request.sender
        async with self._database.system(write=False) as session:
            waiting = await waiting_for(session, sender.realm, sender.user_id)
            listed = await summaries(session, [seat.organization_id for seat in standing.choices])
        if not standing.choices and not waiting:
            await request.act()
        blocks = [*invitations.cards(waiting), *views.overview(standing, listed, sender.realm)]
        return Say(text="Your organizations in this workspace", blocks=blocks)

    async def create(self, request: Request) -> Answer:
        """Create an organization in this workspace. Guests cannot."""
        name = name_of(request.words)
        client, sender = await request.client(), request.sender
        await person(client, sender.user_id, sender)
        workspace = await team_name(client, sender.team_id)
        try:
            async with self._database.system() as session:
                await Workspaces(session).ensure(sender.team_id, sender.enterprise_id, workspace)
                await found(session, name, realm=sender.realm, user_id=sender.user_id, team_id=sender.team_id)
        except NameTaken:
            raise BadInputError(name_taken(name)) from None
        except TooManyFounded:
            raise LimitReachedError(Limit.ORGANIZATIONS_A_DAY, FOUNDED_A_DAY) from None
        return Say(
            text=f"{name} exists, and you are its owner. `/octapost org switch {name}` makes this channel about it.",
            blocks=[
                kit.words(f"{name} exists, and you are its owner."),
                kit.section(
                    "`/octapost org switch NAME` makes a channel about it; `org invite @person` invites people."
                ),
            ],
        )

    async def rename(self, request: Request) -> Answer:
        """Rename the organization of this channel."""
        name, actor = name_of(request.words, "rename"), request.actor
        try:
            async with acting(self._database, actor, Permission.RENAME_ORGANIZATION) as session:
                await Organizations(session).rename(actor.organization_id, name)
                await Audit(session).write(actor.organization_id, actor.membership_id, "organization renamed")
        except NameTaken:
            raise BadInputError(name_taken(name)) from None
        return Say(text=f"{actor.organization} is now called {name}.")

    async def join(self, request: Request) -> Answer:
        """Link this workspace to an organization with its one-time code. Guests cannot."""
        sender, typed = request.sender, request.words.strip()
        if not typed:
            raise BadInputError("Type the code after it: `/octapost org join ABCD-EFGH-JKLM`.")
        client = await request.client()
        who = await person(client, sender.user_id, sender)
        name = await team_name(client, sender.team_id)
        async with self._database.system() as session:
            redeemed = await JoinCodes(session).redeem(typed, lowest_role(Permission.INVITE))
            organization = await Organizations(session).get(redeemed.organization_id) if redeemed else None
            if redeemed is None or organization is None:
                raise BadInputError(
                    "That code isn't valid any more. Codes work once, for 24 hours; ask the owner for a new one."
                )
            members = Members(session)
            await Workspaces(session).ensure(sender.team_id, sender.enterprise_id, name)
            try:
                await let_in(session, sender.team_id, organization.id)
            except NameTaken:
                raise BadInputError(
                    f"This workspace already has an organization whose name looks like {organization.name}."
                    " Ask one of the two owners to rename theirs; your code stays good until then."
                ) from None
            already = await members.find(organization.id, sender.realm, sender.user_id)
            role = max(Role(redeemed.role), Role(already.role)) if already else Role(redeemed.role)
            member = await members.add(
                organization.id, realm=sender.realm, user_id=sender.user_id, team_id=sender.team_id, role=role
            )
            await Audit(session).write(organization.id, member.id, "workspace joined", sender.team_id)
            for owner in await members.all(organization.id):
                if allows(owner.role, Permission.INVITE) and owner.id != member.id:
                    key = f"joined:{organization.id}:{redeemed.id}"
                    joined = WorkspaceJoined(
                        organization=organization.name, workspace=name, by_name=who, role=member.role
                    )
                    await enqueue_dm(session, owner, key, joined)
        return Say(
            text=f"This workspace can now use {organization.name}, and you are {article(role)} of it."
            f" `/octapost org switch {organization.name}` makes this channel about it.",
        )

    # People

    async def members(self, request: Request) -> Answer:
        """Show who is in the organization."""
        return OpenModal(await self._members_view(request.actor))

    async def invite(self, request: Request) -> Answer:
        """Answer `/octapost org invite @person [role]`."""
        user_id, word = who_and_role(request.words)
        role = role_called(word) if word else LOWEST
        if role is None:
            raise BadInputError(f"The role is one of {', '.join(ROLE_WORDS)}.")
        actor, client = request.actor, await request.client()
        name = await person(client, user_id, actor.sender)
        async with acting(self._database, actor, Permission.INVITE, system=True) as session:
            [one] = await invite(session, actor, [user_id], role)
        if one.before is None:
            return Say(text=invitations.invited(name, actor.organization, one.after, told=one.told))
        if one.before == one.after:
            return Say(
                text=f"{name} is already {article(one.after)} of {actor.organization}."
                " `/octapost org role @person role` changes that."
            )
        return Say(text=f"{name} is now {article(one.after)} of {actor.organization}. I've told them.")

    async def set_role(self, request: Request) -> Answer:
        """Answer `/octapost org role @person role`."""
        user_id, word = who_and_role(request.words)
        role = role_called(word)
        if role is None:
            words = kit.listed(ROLE_WORDS, "or")
            raise BadInputError(f"Say who and what: `/octapost org role @person admin` ({words}).")
        member = await self._member(request.actor, user_id)
        await self._set_role(request.actor, member.id, role)
        return about(user_id, f"is {article(role)} of {request.actor.organization} from now on.")

    async def remove(self, request: Request) -> Answer:
        """Answer `/octapost org remove @person`: end a membership, or withdraw an invitation."""
        user_id, _ = who_and_role(request.words)
        actor = request.actor
        async with acting(self._database, actor, Permission.MANAGE_MEMBERS) as session:
            withdrawn = await Invitations(session).withdraw_from(
                actor.organization_id, actor.sender.realm, user_id
            )
            if withdrawn is not None:
                await self._withdrawn(session, actor, withdrawn)
        if withdrawn is not None:
            return about(user_id, f"isn't invited to {actor.organization} any more.")
        member = await self._member(actor, user_id)
        await self._end(actor, member.id)
        return about(
            user_id, f"isn't a member of {actor.organization} any more. Every account stays connected."
        )

    async def withdraw(self, request: Request) -> Answer:
        """Withdraw an invitation in the members modal."""
        actor = request.actor
        async with acting(self._database, actor, Permission.INVITE) as session:
            withdrawn = await Invitations(session).withdraw(actor.organization_id, request.target)
            if withdrawn is None:
                raise NotFoundError(Thing.INVITATION)
            await self._withdrawn(session, actor, withdrawn)
        if request.place != "modal":
            return Say(text="Withdrawn.")
        return UpdateModal(await self._members_view(actor))

    async def change(self, request: Request) -> Answer:
        """Answer the menu beside a member: another role, or removal."""
        membership_id, _, word = request.target.partition(":")
        if word == "remove":
            await self._end(request.actor, membership_id)
        elif role := role_called(word):
            await self._set_role(request.actor, membership_id, role)
        else:
            raise NotFoundError(Thing.CHOICE)
        actor = await self._refreshed(request)
        if actor is None or request.place != "modal":
            return Say(text="Done.")
        return UpdateModal(await self._members_view(actor))

    async def add_people(self, request: Request) -> Answer:
        """Add the people chosen in the members modal."""
        if request.target:  # some other modal's metadata
            raise NotFoundError(Thing.FORM)
        chosen = [str(u) for u in request.typed(views.PERSON).get("selected_users") or ()]
        if not chosen:
            return Done()
        option = request.typed(views.ROLE).get("selected_option") or {}
        client = await request.client()
        for user_id in chosen:
            try:
                await person(client, user_id, request.sender)
            except ServiceError as error:
                raise BadInputError(sentence(error), field=views.PERSON) from None
        role = role_called(str(option.get("value"))) or LOWEST
        async with acting(self._database, request.actor, Permission.INVITE, system=True) as session:
            await invite(session, request.actor, chosen, role)
        return UpdateModal(await self._members_view(request.actor))

    # What they share

    async def _members_view(self, actor: Actor) -> kit.Json:
        async with self._database.organization(actor.organization_id, write=False) as session:
            people = await Members(session).all(actor.organization_id)
            asked = await Invitations(session).open(actor.organization_id)
        elsewhere = {member.team_id for member in people if member.realm != actor.sender.realm}
        async with self._database.system(write=False) as session:
            homes = [await Workspaces(session).get(team_id) for team_id in elsewhere]
        names = {home.team_id: home.name for home in homes if home is not None}
        seat = Seat(
            membership_id=actor.membership_id,
            organization_id=actor.organization_id,
            organization_name=actor.organization,
            role=actor.role,
        )
        return views.members(seat, people, names, asked)

    async def _withdrawn(self, session: AsyncSession, actor: Actor, invitation: Invitation) -> None:
        await Audit(session).write(
            actor.organization_id, actor.membership_id, "invitation withdrawn", invitation.id
        )

    async def _member(self, actor: Actor, user_id: str) -> Membership:
        async with self._database.organization(actor.organization_id, write=False) as session:
            found = await Members(session).find(actor.organization_id, actor.sender.realm, user_id)
        if found is None:
            raise BadInputError(
                f"They aren't a member of {actor.organization}. `/octapost org members` shows who is."
            )
        return found

    async def _set_role(self, actor: Actor, membership_id: str, role: Role) -> None:
        async with acting(self._database, actor, Permission.MANAGE_MEMBERS) as session:
            await self._write_role(session, actor, membership_id, role)

    async def _write_role(self, session: AsyncSession, actor: Actor, membership_id: str, role: Role) -> None:
        try:
            done = await Members(session).set_role(actor.organization_id, membership_id, role)
        except LastOwner:
            raise BadInputError(last_owner(actor)) from None
        if not done:
            raise NotFoundError(Thing.MEMBER)
        if not allows(role, Permission.INVITE):
            await Members(session).end_offers([membership_id])
        if not allows(role, Permission.HANDLE_INCIDENTS):
            await self._incidents.cards.on_member_left(session, actor.organization_id, membership_id)
        await Audit(session).write(
            actor.organization_id, actor.membership_id, "role changed", membership_id, role=role.word
        )
        member = await Members(session).get(actor.organization_id, membership_id)
        if member is not None and member.id != actor.membership_id:
            changed_by = actor.sender.user_id
            changed = RoleChanged(organization=actor.organization, role=role, changed_by=changed_by)
            await tell(session, member, changed)

    async def _end(self, actor: Actor, membership_id: str) -> None:
        async with acting(self._database, actor, Permission.MANAGE_MEMBERS) as session:
            try:
                done = await Members(session).end(actor.organization_id, membership_id)
            except LastOwner:
                raise BadInputError(last_owner(actor)) from None
            if not done:
                raise NotFoundError(Thing.MEMBER)
            await self._incidents.cards.on_member_left(session, actor.organization_id, membership_id)
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "member removed", membership_id
            )

    async def _refreshed(self, request: Request) -> Actor | None:
        """Return the actor as of now: an owner may just have changed their own role."""
        actor = request.actor
        async with self._database.organization(actor.organization_id, write=False) as session:
            member = await Members(session).get(actor.organization_id, actor.membership_id)
        if member is None:
            return None
        return replace(actor, role=Role(member.role))


def name_of(typed: str, word: str = "create") -> str:
    """Return an organization's name as typed, tidied. Raises BadInputError for none, or too much."""
    name = " ".join(typed.split())
    if not name:
        raise BadInputError(f"Type a name after it: `/octapost org {word} Blue Door Bakery`.")
    if len(name) > LONGEST_NAME:
        raise BadInputError(f"That name has {len(name)} characters; at most {LONGEST_NAME} work.")
    if not looks(name):
        raise BadInputError("That name has no character that can be seen. Choose one that people can read.")
    return name


def name_taken(name: str) -> str:
    """Return why an organization can't have this name."""
    return (
        f"An organization whose name looks like {name} is already used in the same workspace."
        " Choose a name that nobody can take for it."
    )


def who_and_role(typed: str) -> tuple[str, str]:
    """Return the user id of the mention in what was typed, and the word after it."""
    found = MENTION.search(typed)
    if found is None:
        raise BadInputError(
            "Name the person with @, so that Slack knows whom you mean: `/octapost org invite @person`."
        )
    rest = typed[found.end() :].split()
    return found[1], rest[0].lower() if rest else ""


def last_owner(actor: Actor) -> str:
    """Return why the last owner stays."""
    return f"{actor.organization} needs at least one owner. Make somebody else an owner first."


def about(user_id: str, rest: str) -> Say:
    """Return a sentence about a person, whose name Slack puts in: what was done needs no answer of Slack's."""
    return Say(text=f"This person {rest}", blocks=[kit.section(f"<@{user_id}> {kit.escape(rest)}")])
