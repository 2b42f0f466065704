"""Where an incident's card stands in Slack: posted, edited, moved, answered in its thread.

Nothing here speaks to Slack, and nothing here says what a card looks like: notifications go into the outbox in
the transaction that made them true, and the card is drawn from the facts of the moment it is sent.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.incidents.notifications import (
    CardMoved,
    CardNotification,
    CardWithdrawn,
    OutdatedCard,
    ReconnectRequest,
    that_waited,
    to_wait,
)
from bot.services.incidents.quiet_hours import quiet_until
from bot.services.outbox import Conversation, enqueue, enqueue_dm, escalation_order
from storage.alert_settings import Alerts
from storage.incidents import Incidents
from storage.memberships import Members
from storage.outbox import Notices

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.incidents.notifications import Reply
    from bot.services.notifications import Notification
    from storage.models import AlertSettings, Incident, Membership

log = logger(__name__)
RETRY_AFTER = timedelta(hours=6)
"""When to try again after no recipient could be reached."""


class Cards:
    """Keeps the one message of each incident where people see it, and up to date."""

    async def update(self, session: AsyncSession, incident: Incident, reply: Reply | None = None) -> None:
        """Bring the card up to date, and post a reply in its thread.

        Quiet hours hold back what notifies people, a new card or a reply, unless the sign-in ends before they
        do. An incident that ends before anybody was told is not posted, unless it leaves a question.
        """
        settings = await Alerts(session).get(incident.organization_id)
        quiet = _quiet(settings, incident, datetime.now(UTC))
        card = incident.card
        if card.channel:
            await self._edit(session, incident, _card(incident))
            if reply is not None:
                card.pending_replies = [*card.pending_replies, to_wait(reply)]
            if quiet is None:
                await self._post_replies(session, incident)
            card.quiet_until = quiet if card.pending_replies else None
        else:
            wanted = incident.open or incident.awaits_late_answer
            card.quiet_until = quiet if wanted else None
            if wanted and quiet is None:
                await self.post(session, incident, settings)
        await session.flush()

    async def quiet_until(
        self, session: AsyncSession, incident: Incident, moment: datetime
    ) -> datetime | None:
        """Return until when nothing about the incident may notify anyone; None: it may."""
        return _quiet(await Alerts(session).get(incident.organization_id), incident, moment)

    async def post(
        self,
        session: AsyncSession,
        incident: Incident,
        settings: AlertSettings,
        *,
        not_in: str = "",
        to_people: bool = False,
    ) -> None:
        """Post the card in the channel, else to the first person who has not had it yet.

        Nobody gets it through the installation `not_in`. When no recipient is left, all are tried again later.
        """
        card = incident.card
        to = await self._next_recipient(session, incident, settings, not_in=not_in, to_people=to_people)
        if to is None:
            log.error("incident.no_recipient", incident=incident.id, organization=incident.organization_id)
            _reset_location(incident)
            card.quiet_until = datetime.now(UTC) + RETRY_AFTER
            return
        card.slack_id, card.channel = to.slack_id, to.id
        card.number += 1
        await enqueue(session, to, card.key, _card(incident))
        await session.flush()

    async def _next_recipient(
        self,
        session: AsyncSession,
        incident: Incident,
        settings: AlertSettings,
        *,
        not_in: str,
        to_people: bool,
    ) -> Conversation | None:
        """Return where the card goes next, and store which person that is."""
        organization_id, tried = incident.organization_id, incident.card.recipients_tried
        if not (to_people or tried) and settings.channel_id and settings.slack_id != not_in:
            return Conversation(
                slack_id=settings.slack_id, id=settings.channel_id, organization_id=organization_id
            )
        people = escalation_order(await Members(session).all(organization_id), incident.connected_by)
        left = [person for person in people if person.id not in tried and person.team_id != not_in]
        if not left:
            return None
        incident.card.recipients_tried = [*tried, left[0].id]
        return Conversation(slack_id=left[0].team_id, id=left[0].user_id, organization_id=organization_id)

    async def request(
        self, session: AsyncSession, incident: Incident, person: Membership, asked_by: str | None, key: str
    ) -> None:
        """Ask one person to reconnect, in a direct message that says so when it is done.

        `asked_by` is a user id; None: Octapost asks, because no one has picked the incident up.
        """
        request = _request(incident, person.id, asked_by)
        await enqueue_dm(session, person, key, request)
        incident.card.requests_sent = incident.card.requests_sent | {f"{key}:{person.id}": person.id}

    async def show_names(self, session: AsyncSession, incident: Incident) -> None:
        """Draw the card and the requests again, with the names of now. Notifies nobody."""
        if incident.card.channel:
            await self._edit(session, incident, _card(incident))
        for key in incident.card.requests_sent:
            asked = await Notices(session).get(key)
            if asked is not None:
                await self.edit_message(session, incident, key, ReconnectRequest.load(asked.facts))

    async def close_requests(self, session: AsyncSession, incident: Incident) -> None:
        """Let the requests say that the incident is resolved; to people who have left they say nothing."""
        for key, member_id in incident.card.requests_sent.items():
            member = await Members(session).get(incident.organization_id, member_id)
            news = CardWithdrawn() if member is None else _request(incident, member_id, None)
            await self.edit_message(session, incident, key, news)

    async def correct(self, session: AsyncSession, incident: Incident) -> None:
        """Replace an earlier card that is out of date in a channel which took no more messages."""
        if incident.card.stale_message_key:
            key, incident.card.stale_message_key = incident.card.stale_message_key, ""
            outdated = OutdatedCard(organization_id=incident.organization_id, incident_id=incident.id)
            await self.edit_message(session, incident, key, outdated)

    async def edit_message(
        self, session: AsyncSession, incident: Incident, key: str, notification: Notification
    ) -> None:
        """Edit a message about the incident that is not its card, wherever it stands."""
        notice = await Notices(session).get(key)
        if notice is None:
            return
        incident.card.version += 1
        to = Conversation(
            slack_id=notice.slack_id, id=notice.channel, organization_id=incident.organization_id
        )
        amended = f"amended:{incident.id}:{incident.card.version}"
        await enqueue(session, to, amended, notification, edits=key)

    async def channel_works(self, session: AsyncSession, organization_id: str, channel: str) -> None:
        """Store that a channel takes messages, and correct cards that are out of date there."""
        await Alerts(session).set_channel_error(organization_id, channel, "")
        for incident in await Incidents(session).left_behind(organization_id, channel):
            await self.correct(session, incident)

    async def on_channel_chosen(self, session: AsyncSession, organization_id: str) -> None:
        """Move the open cards that people have, or nobody, into the channel that was just chosen."""
        settings = await Alerts(session).get(organization_id)
        await self.channel_works(session, organization_id, settings.channel_id)
        for incident in await Incidents(session).all_open(organization_id):
            if incident.card.holder is not None:
                await Notices(session).forget(incident.card.key)
                await self._edit(session, incident, CardMoved(channel_id=settings.channel_id))
                _reset_location(incident)
                await self.post(session, incident, settings)  # a person asked for it, quiet hours or not
            elif not incident.card.channel:
                _reset_location(incident)
                await self.update(session, incident)

    async def on_member_left(self, session: AsyncSession, organization_id: str, membership_id: str) -> None:
        """Take the cards out of the messages of a member who may not handle incidents any more.

        What stands there then names nothing; the next person gets the card at once.
        """
        for incident in await Incidents(session).held_by(organization_id, membership_id):
            await Notices(session).forget(incident.card.key)
            await self._edit(session, incident, CardWithdrawn())
            incident.card.slack_id, incident.card.channel, incident.card.pending_replies = "", "", []
            incident.card.number += 1  # so that what Slack says of the old card no longer counts
            await self.update(session, incident)

    async def _edit(self, session: AsyncSession, incident: Incident, notification: Notification) -> None:
        card = incident.card
        card.version += 1
        await enqueue(
            session, _location(incident), f"{card.key}:{card.version}", notification, edits=card.key
        )

    async def _post_replies(self, session: AsyncSession, incident: Incident) -> None:
        card = incident.card
        for stored in card.pending_replies:
            card.version += 1
            key = f"{card.key}:{card.version}"
            await enqueue(session, _location(incident), key, that_waited(stored), thread_of=card.key)
        card.pending_replies = []


def _card(incident: Incident) -> CardNotification:
    return CardNotification(
        organization_id=incident.organization_id, incident_id=incident.id, member_id=incident.card.holder
    )


def _request(incident: Incident, member_id: str, asked_by: str | None) -> ReconnectRequest:
    return ReconnectRequest(
        organization_id=incident.organization_id,
        incident_id=incident.id,
        member_id=member_id,
        asked_by=asked_by,
    )


def _location(incident: Incident) -> Conversation:
    card = incident.card
    return Conversation(slack_id=card.slack_id, id=card.channel, organization_id=incident.organization_id)


def _quiet(settings: AlertSettings, incident: Incident, moment: datetime) -> datetime | None:
    """Return when the quiet hours end; None outside them, and when the sign-in ends before they do."""
    quiet = quiet_until(settings, moment)
    ends_before = quiet is not None and incident.deadline is not None and incident.deadline <= quiet
    return None if ends_before else quiet


def _reset_location(incident: Incident) -> None:
    """Let the card be posted as if it were a new one."""
    card = incident.card
    card.slack_id, card.channel, card.channel_error, card.recipients_tried = "", "", "", []
