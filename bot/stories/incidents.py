"""The buttons of an incident's card: reconnect, claim, snooze, who can do this, and asking somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.incidents.responses import IneligibleError
from bot.services.permissions import Permission
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Done, Kind, OpenModal, Request, Say, UpdateModal, on
from bot.views import connect as connect_views
from bot.views import incidents as views
from bot.views import kit
from storage.models import LateAnswer

if TYPE_CHECKING:
    from bot.services.accounts.reconnecting import Reconnecting
    from bot.services.incidents.responses import IncidentResponses


class IncidentStory:
    """What people do about a sign-in that needs one of them."""

    def __init__(self, reconnecting: Reconnecting, responses: IncidentResponses) -> None:
        self._reconnecting = reconnecting
        self._responses = responses

    @on(Kind.ACTION, "incident.reconnect", Permission.SEE_ACCOUNTS, changes=False)
    async def reconnect(self, request: Request) -> Answer:
        """Answer Reconnect: a link of the actor's own, or who can reconnect."""
        actor = request.actor
        if not actor.may(Permission.CONNECT_ACCOUNTS):
            return await self.who(request)
        card = await self._responses.card(actor, request.target, still_open=True)
        link = await self._reconnecting.link(actor, next(iter(card.incident.accounts)), request.key)
        return Say.of(connect_views.renewal(link))

    @on(Kind.ACTION, "incident.claim", Permission.HANDLE_INCIDENTS)
    async def claim(self, request: Request) -> Answer:
        """Let the actor take it; the second of two is told who was first."""
        result = await self._responses.claim(request.actor, request.target)
        if result.granted:
            return Done()
        said = f"{kit.mention(result.holder)} is on it already. You can still press *Reconnect* yourself."
        return Say(text="Somebody is on it already.", blocks=[kit.section(said)])

    @on(Kind.ACTION, "incident.unclaim", Permission.HANDLE_INCIDENTS)
    async def unclaim(self, request: Request) -> Answer:
        """End the claim, whoever made it."""
        await self._responses.release(request.actor, request.target)
        return Done()

    @on(Kind.ACTION, "incident.snooze", Permission.HANDLE_INCIDENTS)
    async def snooze(self, request: Request) -> Answer:
        """Be silent for the time that was chosen."""
        incident_id, _, choice = request.target.partition(":")
        await self._responses.snooze(request.actor, incident_id, choice)
        return Done()

    @on(Kind.ACTION, "incident.who", Permission.SEE_ACCOUNTS, changes=False)
    async def who(self, request: Request) -> Answer:
        """Name the people who can reconnect."""
        actor = request.actor
        card = await self._responses.card(actor, request.target)
        people = await self._responses.eligible(actor)
        return Say.of(views.who_can(card, people, can_send=actor.may(Permission.HANDLE_INCIDENTS)))

    @on(Kind.ACTION, "incident.send", Permission.HANDLE_INCIDENTS, changes=False, opens="Send the link")
    async def send(self, request: Request) -> Answer:
        """Open the modal that asks whom to send the link to."""
        card = await self._responses.card(request.actor, request.target, still_open=True)
        return OpenModal(views.send_to(card))

    @on(Kind.SUBMISSION, "incident.sent", Permission.HANDLE_INCIDENTS)
    async def sent(self, request: Request) -> Answer:
        """Send one person a message with a button that makes a link only they can use."""
        actor, user_id = request.actor, str(request.typed(views.PERSON).get("selected_user") or "")
        if not user_id:
            raise BadInputError("Choose a person.", field=views.PERSON)
        try:
            await self._responses.request(actor, request.target, user_id)
        except IneligibleError as error:
            raise BadInputError(views.ineligible(error.why, actor.organization), field=views.PERSON) from None
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
        await self._responses.decide_late_posts(request.actor, request.target, answer)
        return Done()
