"""What an incident's card says, read when it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.base import Platform
from bot.services.accounts.sign_in_as import SignInAs, owner_of
from bot.services.incidents.reasons import DATA_ACCESS
from bot.services.permissions import Permission, allows
from bot.services.tokens.lifetimes import fixed_length
from storage.alert_settings import Alerts
from storage.grants import Grants
from storage.incidents import Incidents
from storage.memberships import Members
from storage.models import Incident, IncidentKind, Membership
from storage.organizations import Organizations
from storage.posts import Posts, Waiting

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.notifications import CardNotification, OutdatedCard, ReconnectRequest
    from storage.models import Grant
    from storage.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCard:
    """Everything an incident's card says."""

    incident: Incident
    platform: Platform
    organization: str
    connector: Membership | None
    sign_in_as: SignInAs | None = None
    """Whom to sign in as, while it is open."""
    lasts: timedelta | None = None
    """How long each sign-in lasts, while it is open; None: renewals move the end, or the length isn't known."""
    claimer: Membership | None = None
    resolver: Membership | None = None
    lost_channel: str = ""
    """The channel that was meant to hold the card, and did not take it."""
    waiting: Waiting | None = None
    """The posts that the incident holds back, or will."""
    late: int = 0
    """The posts that missed their time, and wait for somebody's decision."""
    answerer: Membership | None = None
    """Who decided about earlier ones."""

    @property
    def value(self) -> str:
        """What its buttons carry."""
        return f"{self.incident.organization_id}/{self.incident.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """A request to reconnect: the incident it is about, and who asked."""

    card: IncidentCard
    asked_by: str | None


class CardReader:
    """Reads the facts of cards and requests, and whether their recipients may still see them."""

    def __init__(self, catalog: PlatformCatalog, vault: Vault) -> None:
        self._catalog = catalog
        self._vault = vault

    async def facts(self, session: AsyncSession, incident: Incident) -> IncidentCard:
        """Return everything the card says, as of now."""
        organization = await Organizations(session).get(incident.organization_id)
        lost_channel, late = "", 0
        if incident.card.recipients_tried and incident.card.channel_error:
            lost_channel = (await Alerts(session).get(incident.organization_id)).channel_id
        if organization and incident.renewed:
            late = await Posts(session).late(incident.organization_id, incident.renewed)
        platform, grant = self._catalog.platform(incident.platform), await self._grant(session, incident)
        return IncidentCard(
            incident=incident,
            platform=platform,
            organization=organization.name if organization else "it",
            connector=await _member(session, incident, incident.connected_by),
            sign_in_as=await self._whom(session, incident, grant),
            lasts=fixed_length(platform, grant) if grant else None,
            claimer=await _member(session, incident, incident.claimed_by),
            resolver=await _member(session, incident, incident.resolved_by),
            lost_channel=lost_channel,
            waiting=await _waiting(session, incident),
            late=late,
            answerer=await _member(session, incident, incident.late_by),
        )

    async def _grant(self, session: AsyncSession, incident: Incident) -> Grant | None:
        if not incident.open or incident.grant_id is None:
            return None
        return await Grants(session, self._vault).get(incident.organization_id, incident.grant_id)

    async def _whom(self, session: AsyncSession, incident: Incident, grant: Grant | None) -> SignInAs | None:
        if grant is None:
            return None
        return await owner_of(session, self._vault, incident.organization_id, grant)

    async def card(self, session: AsyncSession, one: CardNotification) -> IncidentCard | None:
        """Return what the card says; None if its recipient may not see it any more."""
        card = await self._of(session, one.organization_id, one.incident_id)
        if card is None or one.member_id is None or await _may_see(session, card, one.member_id):
            return card
        return None

    async def outdated(self, session: AsyncSession, one: OutdatedCard) -> IncidentCard | None:
        """Return what an outdated card says about its incident."""
        return await self._of(session, one.organization_id, one.incident_id)

    async def request(self, session: AsyncSession, one: ReconnectRequest) -> RequestFacts | None:
        """Return what a request says; None if its recipient may not see it any more."""
        card = await self._of(session, one.organization_id, one.incident_id)
        if card is None or not await _may_see(session, card, one.member_id):
            return None
        return RequestFacts(card=card, asked_by=one.asked_by)

    async def _of(self, session: AsyncSession, organization_id: str, incident_id: str) -> IncidentCard | None:
        incident = await Incidents(session).get(organization_id, incident_id, lock=False)
        return await self.facts(session, incident) if incident is not None else None


async def _may_see(session: AsyncSession, card: IncidentCard, member_id: str) -> bool:
    """Tell whether a member may read the card in a direct message: while it is open, if they can act on it."""
    member = await _member(session, card.incident, member_id)
    needed = Permission.HANDLE_INCIDENTS if card.incident.open else Permission.SEE_ACCOUNTS
    return member is not None and allows(member.role, needed)


async def _member(session: AsyncSession, incident: Incident, membership_id: str | None) -> Membership | None:
    if membership_id is None:
        return None
    return await Members(session).get(incident.organization_id, membership_id)


async def _waiting(session: AsyncSession, incident: Incident) -> Waiting | None:
    """Return the posts that the incident holds back, or will; None when there can be none."""
    ended = incident.kind == IncidentKind.NEEDS_RECONNECT
    end = None if ended else incident.deadline
    if not incident.open or incident.code == DATA_ACCESS or (end is None and not ended):
        return None
    return await Posts(session).waiting(incident.organization_id, incident.accounts, after=end)
