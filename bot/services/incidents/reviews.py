"""Brings incidents up to date after accounts changed, and resolves those that are over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.base import Capability
from bot.services.accounts.catalog import OVER
from bot.services.incidents.notifications import AccessStillLost, IncidentResolved
from bot.services.incidents.reasons import ROLE_LOST, SCOPE_LOST
from bot.services.tokens.lifetimes import ends_at
from storage.accounts import Accounts
from storage.audit import SYSTEM, Audit
from storage.grants import Grants
from storage.incidents import Incidents
from storage.memberships import Members
from storage.models import Account, Grant, GrantStatus, IncidentKind, Resolution
from storage.organizations import Organizations
from storage.posts import Posts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.cards import Cards
    from storage.models import Incident
    from storage.vault import Vault

CLOCKS_APART = timedelta(hours=1)
"""By how much two readings of the same end may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changed accounts: a membership, or nobody of the organization."""

    by: str | None
    otherwise: Resolution
    """How an incident is resolved when `by` is None."""

    @property
    def resolution(self) -> Resolution:
        """How an incident is resolved whose sign-in works again."""
        return Resolution.RECONNECTED if self.by else self.otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """An organization's accounts as they are now, each with the grant that carries it."""

    accounts: Sequence[tuple[Account, Grant | None]]
    grants: dict[str, Grant]
    """By account id."""
    problems: dict[str, str]
    """By account id: why the grant gives no access to publish; empty: it does."""

    def covered(self, incident: Incident) -> dict[str, str]:
        """Return the names, by id, of the incident's accounts that are still on its grant and not well."""
        return {
            account_id: name
            for account_id, name in incident.accounts.items()
            if account_id in self.grants and self.grants[account_id].id == incident.grant_id
            if self.problems[account_id] or not incident.grant_still_valid
        }

    def well(self, incident: Incident) -> dict[str, str]:
        """Return the names, by id, of the accounts that work and are the incident's or on its grant."""
        return {
            account.id: account.name
            for account, grant in self.accounts
            if grant is not None
            and grant.status == GrantStatus.HEALTHY
            and not self.problems[account.id]
            and (account.id in incident.accounts or grant.id == incident.grant_id)
        }


def access_problem(catalog: PlatformCatalog, account: Account, grant: Grant) -> str:
    """Return the code for why a living grant does not let us publish to an account; empty: it does."""
    if (
        account.access_error
        or grant.status in OVER
        or Capability.PUBLISH in catalog.capabilities(account, grant)
    ):
        return account.access_error
    return ROLE_LOST if str(Capability.PUBLISH) in account.missing else SCOPE_LOST


class Reviews:
    """Compares open incidents with the accounts as they are."""

    def __init__(self, catalog: PlatformCatalog, vault: Vault, cards: Cards) -> None:
        self._catalog = catalog
        self._vault = vault
        self._cards = cards

    async def review(
        self,
        session: AsyncSession,
        organization_id: str,
        by: str | None,
        otherwise: Resolution = Resolution.ELSEWHERE,
    ) -> None:
        """Bring the organization's incidents up to date after accounts were connected or disconnected.

        `by` is the membership that did it. None when another organization did, which is not named here, or
        when nobody did: `otherwise` says which.
        """
        change, state = Change(by=by, otherwise=otherwise), await self._state(session, organization_id)
        for incident in await Incidents(session).all_open(organization_id):
            released = await self._release_posts(session, incident, state)
            await self._review(session, incident, state, change, released=released)

    async def review_everywhere(
        self, session: AsyncSession, grant_id: str, organization_id: str, by: str
    ) -> None:
        """Review every organization that shares a grant which `by`, a membership of one of them, has renewed."""
        await self.review(session, organization_id, by)
        for other in await Grants(session, self._vault).holder_ids(grant_id):
            if other != organization_id:
                await self.review(session, other, None)

    async def resolve(
        self, session: AsyncSession, incident: Incident, how: Resolution, by: str | None
    ) -> None:
        """Close an incident. Its card says how, and keeps no buttons."""
        incident.resolved_at, incident.resolved_by, incident.resolution = datetime.now(UTC), by, how
        await Audit(session).write(
            incident.organization_id,
            by or SYSTEM,
            "incident resolved",
            incident.id,
            how=str(how),
            released=incident.released,
            late=incident.late_posts,
        )
        reply = await self._resolved(session, incident, how) if how is not Resolution.DELETED else None
        await self._cards.update(session, incident, reply)
        await self._cards.correct(session, incident)
        await self._cards.close_requests(session, incident)

    async def _resolved(self, session: AsyncSession, incident: Incident, how: Resolution) -> IncidentResolved:
        by = None
        if incident.resolved_by is not None:
            member = await Members(session).get(incident.organization_id, incident.resolved_by)
            by = member.user_id if member is not None else ""
        there = await Organizations(session).get(incident.organization_id) is not None
        late = await Posts(session).late(incident.organization_id, incident.renewed) if there else 0
        return IncidentResolved(
            platform=incident.platform, resolution=how, by=by, released=incident.released, late=late
        )

    async def _state(self, session: AsyncSession, organization_id: str) -> State:
        every = await Accounts(session, self._vault).all(organization_id)
        on_grants = [(account, grant) for account, grant in every if grant is not None]
        return State(
            accounts=every,
            grants={account.id: grant for account, grant in on_grants},
            problems={
                account.id: access_problem(self._catalog, account, grant) for account, grant in on_grants
            },
        )

    async def _review(
        self, session: AsyncSession, incident: Incident, state: State, change: Change, *, released: bool
    ) -> None:
        covered = state.covered(incident)
        broken = {account_id: name for account_id, name in covered.items() if state.problems[account_id]}
        codes = [state.problems[account_id] for account_id in broken]
        grant = state.grants[next(iter(covered))] if covered else None
        if grant is None:
            await self.resolve(session, incident, _how_it_ended(incident, state, change), change.by)
        elif grant.status == GrantStatus.HEALTHY and self._renewed(incident, grant):
            if broken:
                await self._narrow(session, incident, broken, codes[0])
            else:
                await self.resolve(session, incident, change.resolution, change.by)
        elif change.by and incident.grant_still_valid and incident.code not in codes:
            await self._narrow(session, incident, broken, codes[0])
        elif released or covered != incident.accounts:
            incident.accounts = covered
            await self._cards.update(session, incident)

    async def _narrow(
        self, session: AsyncSession, incident: Incident, accounts: dict[str, str], code: str
    ) -> None:
        """Let an incident go on about the accounts that a reconnect did not bring back."""
        incident.narrow_to(accounts, code)
        news = AccessStillLost(platform=incident.platform, code=code, accounts=len(accounts))
        await self._cards.update(session, incident, news)

    async def _release_posts(self, session: AsyncSession, incident: Incident, state: State) -> bool:
        """Release the held posts of accounts that work again; return whether there were any."""
        well = state.well(incident)
        freed = await Posts(session).release(incident.organization_id, well)
        incident.released += freed.scheduled
        if freed.late:
            incident.renewed = incident.renewed | well
            incident.late_posts = freed.late + (incident.late_posts if incident.awaits_late_answer else 0)
            incident.late_answer = ""
        return bool(freed.scheduled or freed.late)

    def _renewed(self, incident: Incident, grant: Grant) -> bool:
        """Tell whether a person did what the incident asked for; a token that renewed itself does not count."""
        if incident.grant_still_valid:
            return False  # only its accounts show whether they work
        if incident.kind == IncidentKind.NEEDS_RECONNECT:
            return grant.generation > incident.generation
        end = ends_at(self._catalog.platform(grant.platform), grant)
        return end is None or incident.deadline is None or end > incident.deadline + CLOCKS_APART


def _how_it_ended(incident: Incident, state: State, change: Change) -> Resolution:
    """Return how an incident is resolved none of whose accounts is on its grant, or ill, any more."""
    elsewhere = any(account_id in state.grants for account_id in incident.accounts)
    if elsewhere and change.by is None and incident.grant_still_valid:
        return change.otherwise
    return Resolution.RECONNECTED if elsewhere else Resolution.DISCONNECTED
