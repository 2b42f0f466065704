"""Finds the incidents and digests whose time has come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.incidents.escalation import Escalation
from bot.services.incidents.quiet_hours import digest_slot, quiet_until
from storage.alert_settings import Alerts
from storage.incidents import EscalationPolicy, Incidents

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bot.services.incidents.incidents import IncidentService
    from storage.engine.db import Database
    from storage.models import AlertSettings

log = logger(__name__)
ESCALATION = EscalationPolicy()


class IncidentWatch:
    """Looks at what waits for its time. Any number of processes may run one."""

    def __init__(self, incidents: IncidentService, database: Database) -> None:
        self._escalation = Escalation(incidents.cards, incidents.reviews, ESCALATION)
        self._digests = incidents.digests
        self._database = database

    async def run(self) -> None:
        """Do what is due, each piece in a transaction of its own."""
        async with self._database.system(write=False) as session:
            due = await Incidents(session).due(ESCALATION)
            settings = await Alerts(session).with_digest()
        for organization_id, incident_id in due:
            await self._isolated(self._look(organization_id, incident_id), incident=incident_id)
        for one in settings:
            moment = datetime.now(UTC)
            slot = digest_slot(one, moment)
            if one.digest_sent_at < slot and quiet_until(one, moment) is None:
                await self._isolated(self._digest(one, slot), organization=one.organization_id)

    async def _isolated(self, work: Awaitable[None], **about: str) -> None:
        """Do one piece of work; when it fails, the others are still done."""
        try:
            await work
        except Exception as error:
            log.exception("incident.look_failed", type=type(error).__name__, **about)

    async def _look(self, organization_id: str, incident_id: str) -> None:
        async with self._database.system() as session:
            incident = await Incidents(session).get(organization_id, incident_id)
            if incident is not None:
                await self._escalation.look(session, incident)

    async def _digest(self, settings: AlertSettings, slot: datetime) -> None:
        async with self._database.system() as session:
            await self._digests.enqueue(session, settings, slot)
