"""What becomes due about incidents: held cards, ended snoozes, escalation, digests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.accounts.diagnosis import diagnose, tally, worst
from bot.services.incidents.cards import FALLBACK
from bot.services.incidents.quiet_hours import digest_slot, quiet_until
from bot.services.outbox import Conversation, say_in
from bot.views import incidents as views
from storage.accounts import Accounts
from storage.alert_settings import Alerts
from storage.incidents import IncidentRows, Patience
from storage.organizations import Organizations

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.accounts.diagnosis import Diagnosis
    from bot.services.incidents.incidents import Incidents
    from storage.engine.db import Database
    from storage.models import Account, AlertSettings, Grant
    from storage.vault import Vault

log = logger(__name__)
PATIENCE = Patience()


class IncidentWatch:
    """Looks at what waits for its time. Any number of these may run, in any number of processes."""

    def __init__(
        self, incidents: Incidents, catalog: PlatformCatalog, database: Database, vault: Vault
    ) -> None:
        self._catalog = catalog
        self._incidents = incidents
        self._database = database
        self._vault = vault

    async def run(self) -> None:
        """Say what is due, each in a transaction of its own."""
        async with self._database.system(write=False) as session:
            due = await IncidentRows(session).with_something_to_say(PATIENCE)
            digests = await Alerts(session).with_digest()
        for organization_id, incident_id in due:
            await self._apart(self._look(organization_id, incident_id), incident=incident_id)
        for settings in digests:
            moment = datetime.now(UTC)
            slot = digest_slot(settings, moment)
            if settings.told_at < slot and quiet_until(settings, moment) is None:
                await self._apart(self._digest(settings, slot), organization=settings.organization_id)

    async def _apart(self, work: Awaitable[None], **about: str) -> None:
        """Do one piece of work; what ails it must not silence the others."""
        try:
            await work
        except Exception as error:
            log.exception("not looked at", type=type(error).__name__, **about)

    async def _look(self, organization_id: str, incident_id: str) -> None:
        async with self._database.system() as session:
            incident = await IncidentRows(session).get(organization_id, incident_id)
            if incident is not None:
                await self._incidents.tick(session, incident, PATIENCE)

    async def _digest(self, settings: AlertSettings, slot: datetime) -> None:
        """Say the digest of one organization; of two processes that want to, one does."""
        async with self._database.system() as session:
            await self._say_digest(session, settings, slot)

    async def _say_digest(self, session: AsyncSession, settings: AlertSettings, slot: datetime) -> None:
        organization_id = settings.organization_id
        organization = await Organizations(session).get(organization_id)
        if organization is None or not await Alerts(session).told(organization_id, settings.told_at):
            return
        found = await Accounts(session, self._vault).all(organization_id)
        open_ = [
            await self._incidents.cards.draw(session, one)
            for one in await IncidentRows(session).all_open(organization_id)
        ]
        warned = {account_id for one in open_ for account_id in one.incident.accounts}
        diagnoses = [self._diagnosis(account, grant, warned=account.id in warned) for account, grant in found]
        every = "day" if settings.digest == "daily" else "week"
        await say_in(
            session,
            Conversation(slack_id=settings.slack_id, id=settings.channel_id),
            f"digest:{organization_id}:{slot:%Y-%m-%dT%H:%M}",
            views.digest(organization.name, tally(diagnoses), worst(diagnoses), open_, every),
            organization_id=organization_id,
            fallback=FALLBACK,
        )

    def _diagnosis(self, account: Account, grant: Grant | None, *, warned: bool) -> Diagnosis:
        """Return how an account is by itself, whatever its platform is doing to everybody just now."""
        platform, catalog = self._catalog.platform(account.platform), self._catalog
        can, missing = catalog.capabilities(account, grant), catalog.missing_scopes(account, grant)
        return diagnose(account, grant, platform, can=can, missing=missing, warned=warned)
