"""The buttons of an incident's card: reconnect, claim, snooze, "Who can do this?", and sending the link to somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.incidents.responses import IneligibleError
from bot.services.permissions import Permission
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Done, Kind, OpenModal, Request, Say, UpdateModal, on
from bot.views import connect as connect_views
from bot.views import incidents as views
from bot.views import reconnect_requests as request_views
from storage.models import LateAnswer

if TYPE_CHECKING:
    from bot.services.accounts.reconnecting import Reconnecting
    from bot.services.incidents.responses import IncidentResponses


class IncidentStory:
    """Handles what people do about a sign-in that needs one of them."""

    def __init__(self, reconnecting: Reconnecting, responses: IncidentResponses) -> None:
        self._reconnecting = reconnecting
        self._responses = responses

    @on(Kind.ACTION, "incident.reconnect", Permission.SEE_ACCOUNTS, changes=False)
    async def reconnect(self, request: Request) -> Answer:
        """Answer Reconnect with a link that only the actor can use, or with the people who can reconnect."""
        actor = request.actor
        if not actor.may(Permission.CONNECT_ACCOUNTS):
            return await self.who(request)
        card = await self._responses.card(actor, request.target, still_open=True)
        link = await self._reconnecting.link(actor, next(iter(card.incident.accounts)), request.key)
        return Say.of(connect_views.renewal(link))

    @on(Kind.ACTION, "incident.claim", Permission.HANDLE_INCIDENTS)
    async def claim(self, request: Request) -> Answer:
        """Assign the incident to the actor; if it is claimed already, say by whom."""
        result = await self._responses.claim(request.actor, request.target)
        if result.granted:
            return Done()
        return Say.of(views.claimed_by(result.holder))

    @on(Kind.ACTION, "incident.unclaim", Permission.HANDLE_INCIDENTS)
    async def unclaim(self, request: Request) -> Answer:
        """End the claim, no matter who made it."""
        await self._responses.release(request.actor, request.target)
        return Done()

    @on(Kind.ACTION, "incident.snooze", Permission.HANDLE_INCIDENTS)
    async def snooze(self, request: Request) -> Answer:
        """Stop reminders for the chosen time."""
        incident_id, _, choice = request.target.partition(":")
        await self._responses.snooze(request.actor, incident_id, choice)
        return Done()

    @on(Kind.ACTION, "incident.who", Permission.SEE_ACCOUNTS, changes=False)
    async def who(self, request: Request) -> Answer:
        """Name the people who can reconnect."""
        actor = request.actor
        card = await self._responses.card(actor, request.target)
        people = await self._responses.eligible(actor)
        return Say.of(request_views.who_can(card, people, can_send=actor.may(Permission.HANDLE_INCIDENTS)))

    @on(
        Kind.ACTION,
        "incident.send",
        Permission.HANDLE_INCIDENTS,
        changes=False,
        opens=request_views.SEND_TITLE,
    )
    async def send(self, request: Request) -> Answer:
        """Open the modal that asks whom to send the link to."""
        card = await self._responses.card(request.actor, request.target, still_open=True)
        return OpenModal(request_views.send_to(card))

    @on(Kind.SUBMISSION, "incident.sent", Permission.HANDLE_INCIDENTS)
    async def sent(self, request: Request) -> Answer:
        """Send one person a message with a button for a link that only they can use.

        Raises:
            BadInputError: Nobody was chosen, or the person can't reconnect.

        """
        actor, user_id = request.actor, str(request.typed(request_views.PERSON).get("selected_user") or "")
        if not user_id:
            raise BadInputError(request_views.NOBODY_CHOSEN, field=request_views.PERSON)
        try:
            await self._responses.request(actor, request.target, user_id)
        except IneligibleError as error:
            raise BadInputError(
                request_views.ineligible(error.why, actor.organization), field=request_views.PERSON
            ) from None
        return UpdateModal(request_views.link_sent())

    @on(Kind.ACTION, "incident.publish", Permission.RELEASE_LATE_POSTS)
    async def publish(self, request: Request) -> Answer:
        """Publish the late posts of a card."""
        return await self._late(request, LateAnswer.RELEASED)

    @on(Kind.ACTION, "incident.discard", Permission.RELEASE_LATE_POSTS)
    async def discard(self, request: Request) -> Answer:
        """Discard the late posts of a card."""
        return await self._late(request, LateAnswer.DISCARDED)

    async def _late(self, request: Request, answer: LateAnswer) -> Answer:
        await self._responses.decide_late_posts(request.actor, request.target, answer)
        return Done()
