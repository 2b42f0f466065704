"""The digest: how all accounts of an organization are doing, daily or weekly, in its alerts channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.accounts.diagnosis import Diagnosis, diagnose, state_of
from bot.services.incidents.card_facts import IncidentCard
from bot.services.incidents.notifications import Digest
from bot.services.outbox import Conversation, enqueue
from storage.accounts import Accounts
from storage.alert_settings import Alerts
from storage.incidents import Incidents
from storage.organizations import Organizations

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.card_facts import CardReader
    from storage.models import AlertSettings
    from storage.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestFacts:
    """How every account is doing, and the incidents that are open."""

    organization: str
    accounts: Sequence[Diagnosis]
    incidents: Sequence[IncidentCard]
    every: str
    """`day` or `week`."""


class Digests:
    """Sends digests, and reads what they say when they go out."""

    def __init__(self, catalog: PlatformCatalog, reader: CardReader, vault: Vault) -> None:
        self._catalog = catalog
        self._reader = reader
        self._vault = vault

    async def enqueue(self, session: AsyncSession, settings: AlertSettings, slot: datetime) -> None:
        """Send an organization's digest for the time `slot`; of two processes that want to, one does."""
        organization_id = settings.organization_id
        if await Organizations(session).get(organization_id) is None:
            return
        if not await Alerts(session).claim_digest(organization_id, settings.digest_sent_at):
            return
        channel = Conversation(
            slack_id=settings.slack_id, id=settings.channel_id, organization_id=organization_id
        )
        every = "day" if settings.digest == "daily" else "week"
        digest = Digest(organization_id=organization_id, every=every)
        await enqueue(session, channel, f"digest:{organization_id}:{slot:%Y-%m-%dT%H:%M}", digest)

    async def read(self, session: AsyncSession, one: Digest) -> DigestFacts | None:
        """Return what a digest says now; None if its organization was deleted."""
        organization = await Organizations(session).get(one.organization_id)
        if organization is None:
            return None
        found = await Accounts(session, self._vault).all(one.organization_id)
        open_ = [
            await self._reader.facts(session, incident)
            for incident in await Incidents(session).all_open(one.organization_id, lock=False)
        ]
        warned = {account_id for card in open_ for account_id in card.incident.accounts}
        return DigestFacts(
            organization=organization.name,
            # Without the health of platforms: an outage that passes by itself is no news for a day or a week.
            accounts=[
                diagnose(state_of(self._catalog, account, grant, warned=account.id in warned))
                for account, grant in found
            ],
            incidents=open_,
            every=one.every,
        )
