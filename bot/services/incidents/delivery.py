"""What happens to a card when Slack took it, or will never take it where it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.access import members_with
from bot.services.incidents.notifications import AlertsChannelLost
from bot.services.outbox import enqueue_dm
from bot.services.permissions import Permission
from storage.alert_settings import Alerts
from storage.incidents import Incidents
from storage.outbox import Notices

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.incidents.cards import Cards
    from storage.models import AlertSettings, Incident, Notice

log = logger(__name__)


class CardDelivery:
    """Passes a card on to the next recipient when a channel does not take it."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards

    async def on_undeliverable(
        self, session: AsyncSession, notice: Notice, code: str, *, app_removed: bool
    ) -> None:
        """Give the card to the next person who can be reached."""
        organization_id = notice.organization_id or ""
        alerts = Alerts(session)
        await alerts.set_channel_error(organization_id, notice.channel, code)
        settings = await alerts.get(organization_id)
        if notice.key.startswith("digest:"):
            await self._tell_admins(session, settings, notice.key)
        elif notice.key.startswith("amended:"):
            await self._remember_outdated(session, notice)
        else:
            not_in = notice.slack_id if app_removed else ""
            await self._pass_on(session, notice, settings, code, not_in)

    async def on_delivered(self, session: AsyncSession, notice: Notice) -> None:
        """Store that the channel takes messages again, and correct cards that are out of date there."""
        if notice.organization_id is not None:
            await self._cards.channel_works(session, notice.organization_id, notice.channel)

    async def _pass_on(
        self, session: AsyncSession, notice: Notice, settings: AlertSettings, code: str, not_in: str
    ) -> None:
        incident = await _incident_of(session, notice)
        if incident is None or not (incident.open or incident.awaits_late_answer):
            return
        card = incident.card
        log.warning(
            "incident.card_not_taken", incident=incident.id, tried=len(card.recipients_tried), code=code
        )
        to_people = card.holder is not None or settings.channel_id == card.channel
        if to_people and card.holder is None:
            card.channel_error = code
            if await Notices(session).place(card.key):
                card.stale_message_key = card.key
        await Notices(session).forget(card.key)
        await self._cards.post(session, incident, settings, not_in=not_in, to_people=to_people)

    async def _tell_admins(self, session: AsyncSession, settings: AlertSettings, key: str) -> None:
        """Tell the admins that the channel did not take a digest; a card says so itself."""
        lost = AlertsChannelLost(channel_id=settings.channel_id, code=settings.channel_error)
        for admin in await members_with(session, settings.organization_id, Permission.RECEIVE_NOTICES):
            await enqueue_dm(session, admin, f"lost:{key}", lost)

    async def _remember_outdated(self, session: AsyncSession, notice: Notice) -> None:
        """Remember that a card is still out of date in a channel that takes no messages."""
        _, incident_id, _ = notice.key.split(":")
        incident = await Incidents(session).get(notice.organization_id or "", incident_id)
        if incident is not None and notice.edits not in {None, *incident.card.requests_sent}:
            incident.card.stale_message_key = notice.edits or ""


async def _incident_of(session: AsyncSession, notice: Notice) -> Incident | None:
    """Return the incident whose present card a notice belongs to; None for an older card's."""
    what, incident_id, number, *_ = [*notice.key.split(":"), "", ""]
    if notice.organization_id is None or what != "incident":
        return None
    incident = await Incidents(session).get(notice.organization_id, incident_id)
    return incident if incident is not None and str(incident.card.number) == number else None
