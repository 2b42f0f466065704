"""Opens an incident when a grant or an account needs a person, and keeps it to one card.

Called inside the transaction that found out, so that what people are told and what is true cannot part.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.ops.metrics import PROMPTS
from bot.services.incidents.card_facts import CardReader
from bot.services.incidents.cards import Cards
from bot.services.incidents.delivery import CardDelivery
from bot.services.incidents.digests import Digests
from bot.services.incidents.notifications import (
    AccessLost,
    CardNotification,
    DataAccessEnded,
    DaysLeft,
    Digest,
    GrantEnded,
    OutdatedCard,
    ReconnectRequest,
)
from bot.services.incidents.reasons import DATA_ACCESS
from bot.services.incidents.reviews import Reviews, access_problem
from bot.services.tokens.lifetimes import ends_at, only_data_ends
from storage.account_labels import labels
from storage.accounts import Accounts
from storage.alert_settings import Alerts
from storage.audit import SYSTEM, Audit
from storage.grants import Grants
from storage.incidents import Incidents
from storage.models import IncidentKind, Resolution
from storage.posts import Posts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.notifications import Living, Reader
    from storage.models import Account, Grant, Incident
    from storage.vault import Vault

log = logger(__name__)


class IncidentService:
    """Turns what happens to grants into incidents. Built once, in `bot.app`."""

    def __init__(self, catalog: PlatformCatalog, vault: Vault) -> None:
        self._catalog = catalog
        self._vault = vault
        self.cards = Cards()
        self.reviews = Reviews(catalog, vault, self.cards)
        self.reader = CardReader(catalog, vault)
        self.delivery = CardDelivery(self.cards)
        self.digests = Digests(catalog, self.reader, vault)

    @property
    def readers(self) -> Mapping[type[Living], Reader]:
        """What reads the facts of each living notification when it goes out."""
        return {
            CardNotification: self.reader.card,
            Digest: self.digests.read,
            OutdatedCard: self.reader.outdated,
            ReconnectRequest: self.reader.request,
        }

    async def grant_died(self, session: AsyncSession, grant: Grant, code: str) -> None:
        """Hold the posts of its accounts, and ask a person of every organization that uses the grant.

        A second call about the same death changes nothing.
        """
        held = await Posts(session).hold(grant.id)
        for organization_id, accounts in await self._holders(session, grant):
            incident, new = await self._open(
                session, organization_id, grant, accounts, IncidentKind.NEEDS_RECONNECT, code
            )
            ended = None
            if not new:
                if _is_dead(incident):
                    continue
                incident.grant_still_valid = False
                incident.kind, incident.since = IncidentKind.NEEDS_RECONNECT, datetime.now(UTC)
                incident.code, incident.snoozed_until, incident.deadline = code, None, None
                ended = GrantEnded(platform=grant.platform, code=code)
            PROMPTS.labels(grant.platform).inc()
            await self.cards.update(session, incident, ended)
            posts = held.get(organization_id, 0)
            audit = Audit(session)
            await audit.write(organization_id, SYSTEM, "sign-in ended", grant.id, code=code, held=posts)
        log.warning("incident.grant_needs_person", grant=grant.id, platform=grant.platform, code=code)

    async def accounts_lost(
        self, session: AsyncSession, grant: Grant, could: Collection[str] = frozenset()
    ) -> None:
        """Hold the posts of accounts that a living grant gives no access to any more, and ask a person.

        Each account is mentioned once. While the whole grant needs a person, its card covers all accounts.
        `could` are the ids of accounts that could publish until now: only of these it is news if they cannot.
        """
        held = await Posts(session).hold(grant.id, lost=True)
        for organization_id, accounts in await self._holders(session, grant):
            problems: dict[str, str] = {}
            lost = []
            for account in accounts:
                relevant = account.access_error or account.id in could
                if relevant and (problem := access_problem(self._catalog, account, grant)):
                    problems[account.id] = problem
                    lost.append(account)
            if lost:
                held_here = held.get(organization_id, 0)
                await self._accounts_lost_in(session, organization_id, grant, lost, problems, held_here)

    async def _accounts_lost_in(  # one organization's part of `accounts_lost`
        self,
        session: AsyncSession,
        organization_id: str,
        grant: Grant,
        lost: Sequence[Account],
        problems: dict[str, str],
        held: int,
    ) -> None:
        incident, new = await Incidents(session).open(
            organization_id, grant=grant, kind=IncidentKind.NEEDS_RECONNECT, accounts=lost
        )
        if not new and _is_dead(incident):
            return
        known = incident.accounts if incident.grant_still_valid else {}
        fresh = [account for account in lost if account.id not in known]
        if not fresh:
            return
        code = problems[fresh[0].id]
        incident.narrow_to(known | labels(lost), code)
        for account in fresh:
            await Audit(session).write(
                organization_id, SYSTEM, "access ended", account.id, code=problems[account.id], held=held
            )
        PROMPTS.labels(grant.platform).inc()
        news = AccessLost(platform=grant.platform, code=code, accounts=len(fresh))
        await self.cards.update(session, incident, None if new else news)

    async def accounts_back(self, session: AsyncSession, grant: Grant) -> None:
        """Resolve incidents about accounts that work again although nobody did anything."""
        for organization_id in await Grants(session, self._vault).holder_ids(grant.id):
            await self.reviews.review(session, organization_id, None, Resolution.ACCESS_BACK)

    async def accounts_renamed(self, session: AsyncSession, grant: Grant) -> None:
        """Show the accounts' new names on the open cards about the grant."""
        for organization_id, accounts in await self._holders(session, grant):
            incident = await Incidents(session).of_grant(organization_id, grant.id)
            if incident is None:
                continue
            called = labels(accounts).items()
            names = {account_id: name for account_id, name in called if account_id in incident.accounts}
            if (shown := incident.accounts | names) != incident.accounts:
                incident.accounts = shown
                await self.cards.show_names(session, incident)

    async def grant_ends(self, session: AsyncSession, grant: Grant, left: timedelta) -> None:
        """Remind each organization, on the days it chose, that only a person can renew the grant.

        Between two reminders the card counts the days without a sound.
        """
        platform = self._catalog.platform(grant.platform)
        for organization_id, accounts in await self._holders(session, grant):
            settings = await Alerts(session).get(organization_id)
            day = min((days for days in settings.reminder_days if left <= timedelta(days=days)), default=None)
            if day is None:
                continue
            incident, new = await self._open(session, organization_id, grant, accounts, IncidentKind.EXPIRING)
            if not (new or incident.reminder_day):  # it has ended already
                continue
            reminded = not new and (incident.reminder_day or 0) <= day
            incident.deadline = ends_at(platform, grant)
            if reminded and not incident.card.channel:
                continue
            incident.reminder_day = min(day, incident.reminder_day or day)
            incident.code = DATA_ACCESS if only_data_ends(platform, grant) else ""
            silent = new or reminded or incident.snoozed_until is not None
            days_left = DaysLeft(days=max(1, ceil(left / timedelta(days=1))))
            await self.cards.update(session, incident, None if silent else days_left)

    async def data_access_ended(self, session: AsyncSession, grant: Grant, end: datetime) -> None:
        """Say, once, that the platform stopped showing its data, although the sign-in still works."""
        for organization_id, accounts in await self._holders(session, grant):
            incident, new = await self._open(session, organization_id, grant, accounts, IncidentKind.EXPIRING)
            if incident.kind != IncidentKind.EXPIRING or incident.reminder_day == 0:
                continue
            incident.reminder_day, incident.deadline, incident.snoozed_until = 0, end, None
            incident.code = DATA_ACCESS
            ended = DataAccessEnded(platform=grant.platform, ended_at=end)
            await self.cards.update(session, incident, None if new else ended)

    async def deadline_moved(self, session: AsyncSession, grant: Grant) -> None:
        """Resolve the reminders about a grant whose end has moved although nobody did anything here."""
        for organization_id in await Grants(session, self._vault).holder_ids(grant.id):
            incident = await Incidents(session).of_grant(organization_id, grant.id)
            if incident is not None and incident.kind == IncidentKind.EXPIRING:
                await self.reviews.review(session, organization_id, None, Resolution.RENEWED)

    async def _open(
        self,
        session: AsyncSession,
        organization_id: str,
        grant: Grant,
        accounts: Sequence[Account],
        kind: IncidentKind,
        code: str = "",
    ) -> tuple[Incident, bool]:
        """Return the organization's open incident about the grant, and whether it is new."""
        incident, new = await Incidents(session).open(
            organization_id, grant=grant, kind=kind, accounts=accounts, code=code
        )
        if not new and kind in {IncidentKind.NEEDS_RECONNECT, incident.kind}:
            incident.accounts = labels(accounts)
        return incident, new

    async def _holders(self, session: AsyncSession, grant: Grant) -> Iterable[tuple[str, list[Account]]]:
        """Return each organization that has accounts on the grant, with these accounts."""
        return (await Accounts(session, self._vault).by_holder(grant.id)).items()


def _is_dead(incident: Incident) -> bool:
    """Tell whether the incident already says that the whole grant is dead."""
    return incident.kind == IncidentKind.NEEDS_RECONNECT and not incident.grant_still_valid
