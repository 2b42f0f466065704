"""The buttons of an incident's card: reconnect, claim, snooze, who can do this, and asking somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.services.access import members_with
from bot.services.acting import acting
from bot.services.errors import AlreadyResolvedError, NotFoundError, Thing
from bot.services.permissions import Permission, allows
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Done, Kind, OpenModal, Request, Say, UpdateModal, on
from bot.views import incidents as views
from bot.views import kit
from storage.audit import Audit
from storage.incidents import Incidents
from storage.memberships import Members
from storage.models import LateAnswer, new_id

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.incidents.incidents import IncidentService
    from bot.stories.accounts import AccountsStory
    from storage.engine.db import Database
    from storage.models import Incident, Membership

SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


class IncidentStory:
    """What people do about a sign-in that needs one of them."""

    def __init__(self, accounts: AccountsStory, incidents: IncidentService, database: Database) -> None:
        self._accounts = accounts
        self._incidents = incidents
        self._database = database

    @on(Kind.ACTION, "incident.reconnect", Permission.SEE_ACCOUNTS, changes=False)
    async def reconnect(self, request: Request) -> Answer:
        """Answer Reconnect: an admin's own link; to others, who can do it."""
        actor = request.actor
        if not actor.may(Permission.CONNECT_ACCOUNTS):
            return await self.who(request)
        async with self._database.organization(actor.organization_id, write=False) as session:
            incident = await self._open(session, request, lock=False)
            accounts = list(incident.accounts)
        return await self._accounts.invitation(request, accounts[0])

    @on(Kind.ACTION, "incident.claim", Permission.HANDLE_INCIDENTS)
    async def claim(self, request: Request) -> Answer:
        """Let the actor take it; the second of two is told who was first."""
        actor = request.actor
        async with acting(self._database, actor, Permission.HANDLE_INCIDENTS) as session:
            incident = await self._open(session, request)
            if await self._incidents.claim(session, incident, actor.membership_id):
                return Done()
            first = await Members(session).get(actor.organization_id, incident.claimed_by or "")
        said = f"{kit.mention(first)} is on it already. You can still press *Reconnect* yourself."
        return Say(text="Somebody is on it already.", blocks=[kit.section(said)])

    @on(Kind.ACTION, "incident.unclaim", Permission.HANDLE_INCIDENTS)
    async def unclaim(self, request: Request) -> Answer:
        """Give it back, whoever had taken it."""
        actor = request.actor
        async with acting(self._database, actor, Permission.HANDLE_INCIDENTS) as session:
            incident = await self._open(session, request)
            if incident.claimed_by is not None:
                await self._incidents.unclaim(session, incident, actor.membership_id)
        return Done()

    @on(Kind.ACTION, "incident.snooze", Permission.HANDLE_INCIDENTS)
    async def snooze(self, request: Request) -> Answer:
        """Be silent for the time that was chosen."""
        actor, (incident_id, _, word) = request.actor, request.target.partition(":")
        async with acting(self._database, actor, Permission.HANDLE_INCIDENTS) as session:
            incident = await self._open(session, request, incident_id)
            now = datetime.now(UTC)
            until = incident.deadline if word == "deadline" else now + SPANS.get(word, timedelta(0))
            if until is None or until <= now:
                raise NotFoundError(Thing.CHOICE)
            await self._incidents.snooze(session, incident, actor.membership_id, until)
        return Done()

    @on(Kind.ACTION, "incident.who", Permission.SEE_ACCOUNTS, changes=False)
    async def who(self, request: Request) -> Answer:
        """Name the people who can do it."""
        actor = request.actor
        async with self._database.organization(actor.organization_id, write=False) as session:
            incident = await self._known(session, actor.organization_id, request.target, lock=False)
            people = await members_with(session, actor.organization_id, Permission.CONNECT_ACCOUNTS)
            card = await self._incidents.cards.draw(session, incident)
        return views.who_can(card, people, can_send=actor.may(Permission.HANDLE_INCIDENTS))

    @on(Kind.ACTION, "incident.send", Permission.HANDLE_INCIDENTS, changes=False, opens="Send the link")
    async def send(self, request: Request) -> Answer:
        """Ask whom to send the link to."""
        async with self._database.organization(request.actor.organization_id, write=False) as session:
            incident = await self._open(session, request, lock=False)
            return OpenModal(views.send_to(await self._incidents.cards.draw(session, incident)))

    @on(Kind.SUBMISSION, "incident.sent", Permission.HANDLE_INCIDENTS)
    async def sent(self, request: Request) -> Answer:
        """Send one named person a message in which only they get a link."""
        actor, user_id = request.actor, str(request.typed(views.PERSON).get("selected_user") or "")
        async with acting(self._database, actor, Permission.HANDLE_INCIDENTS) as session:
            incident = await self._open(session, request)
            person = await self._admin(session, request, user_id)
            asker, key = f"<@{actor.sender.user_id}>", f"please:{new_id('ask')}"
            await self._incidents.cards.ask(session, incident, person, asker, key)
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "link sent", incident.id, to=person.id
            )
        text = "✅ Sent. You'll see on the card when it is done."
        return UpdateModal(kit.message_modal("Send the link", text))

    @on(Kind.ACTION, "incident.publish", Permission.RELEASE_LATE_POSTS)
    async def publish(self, request: Request) -> Answer:
        """Let the posts go out that a card says are late."""
        return await self._late(request, LateAnswer.RELEASED)

    @on(Kind.ACTION, "incident.discard", Permission.RELEASE_LATE_POSTS)
    async def discard(self, request: Request) -> Answer:
        """Let the posts never go out that a card says are late."""
        return await self._late(request, LateAnswer.DISCARDED)

    async def _late(self, request: Request, answer: LateAnswer) -> Answer:
        actor = request.actor
        async with acting(self._database, actor, Permission.RELEASE_LATE_POSTS) as session:
            seen = await self._known(session, actor.organization_id, request.target, lock=False)
            if not await self._incidents.late(session, seen, answer, actor.membership_id):
                raise AlreadyResolvedError
        return Done()

    async def _admin(self, session: AsyncSession, request: Request, user_id: str) -> Membership:
        """Return the chosen person's membership. Raises BadInputError with why they can't do it."""
        actor = request.actor
        if not user_id:
            raise BadInputError("Choose a person.", field=views.PERSON)
        member = await Members(session).find(actor.organization_id, actor.sender.realm, user_id)
        if member is None:
            raise BadInputError(
                f"They aren't a member of {actor.organization}. An owner can add them as an admin with"
                " /octapost org invite.",
                field=views.PERSON,
            )
        if not allows(member.role, Permission.CONNECT_ACCOUNTS):
            raise BadInputError(
                f"They are a member of {actor.organization}, and only admins can reconnect. An owner can make them"
                " one with /octapost org role.",
                field=views.PERSON,
            )
        return member

    async def _open(
        self, session: AsyncSession, request: Request, incident_id: str = "", *, lock: bool = True
    ) -> Incident:
        """Return the open incident a button names, locked.

        Raises:
            NotFoundError: There is none in this organization.
            AlreadyResolvedError: It is closed.

        """
        actor = request.actor
        named = incident_id or request.target
        found = await self._known(session, actor.organization_id, named, lock=lock)
        if not found.open:
            raise AlreadyResolvedError
        return found

    async def _known(
        self, session: AsyncSession, organization_id: str, incident_id: str, *, lock: bool = True
    ) -> Incident:
        found = await Incidents(session).get(organization_id, incident_id, lock=lock)
        if found is None:
            raise NotFoundError(Thing.INCIDENT)
        return found
