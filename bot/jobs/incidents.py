"""What becomes due about incidents: held cards, ended snoozes, escalation, digests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.incidents import FALLBACK
from bot.logs import logger
from bot.notices import Conversation, say_in
from bot.offer import OVER
from bot.schedule import digest_slot, quiet_until
from bot.views import incidents as views
from storage.grants import Accounts
from storage.incident_models import IncidentKind
from storage.incidents import Alerts, IncidentRows, Patience
from storage.tenants import Organizations

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.incidents import Incidents
    from storage.db import Database
    from storage.incident_models import AlertSettings
    from storage.vault import Vault

log = logger(__name__)
PATIENCE = Patience()


class IncidentWatch:
    """Looks at what waits for its time. Any number of these may run, in any number of processes."""

    def __init__(self, incidents: Incidents, database: Database, vault: Vault) -> None:
        self._incidents = incidents
        self._database = database
        self._vault = vault

    async def run(self) -> None:
        """Say what is due, each in a transaction of its own."""
        async with self._database.system(write=False) as session:
            due = await IncidentRows(session).with_something_to_say(PATIENCE)
            digests = await Alerts(session).with_digest()
        for organization_id, incident_id in due:
            async with self._database.system() as session:
                incident = await IncidentRows(session).get(organization_id, incident_id)
                if incident is not None:
                    await self._incidents.tick(session, incident, PATIENCE)
        for settings in digests:
            moment = datetime.now(UTC)
            slot = digest_slot(settings, moment)
            if settings.told_at < slot and quiet_until(settings, moment) is None:
                async with self._database.system() as session:
                    await self._digest(session, settings, slot)

    async def _digest(self, session: AsyncSession, settings: AlertSettings, slot: datetime) -> None:
        """Say the digest of one organization; of two processes that want to, one does."""
        organization_id = settings.organization_id
        organization = await Organizations(session).get(organization_id)
        if organization is None or not await Alerts(session).told(organization_id, settings.told_at):
            return
        found = await Accounts(session, self._vault).all(organization_id)
        open_ = [
            await self._incidents.card(session, one)
            for one in await IncidentRows(session).all_open(organization_id)
        ]
        broken = sum(grant is None or grant.status in OVER for _, grant in found)
        expiring = (one.incident for one in open_ if one.incident.kind == IncidentKind.EXPIRING)
        ending = sum(len(incident.accounts) for incident in expiring)
        counts = len(found) - broken - ending, ending, broken
        every = "day" if settings.digest == "daily" else "week"
        await say_in(
            session,
            Conversation(slack_id=settings.slack_id, id=settings.channel_id),
            f"digest:{organization_id}:{slot:%Y-%m-%dT%H:%M}",
            views.digest(organization.name, counts, open_, every),
            organization_id=organization_id,
            fallback=FALLBACK,
        )
