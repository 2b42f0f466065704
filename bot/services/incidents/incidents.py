"""When a grant needs a person: one living card says so, and says what became of it.

Called inside the transaction that settled it, so that what is said and what is true cannot part. Where the
card stands, and how it gets there, is `bot.services.incidents.cards`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.base import Capability
from bot.ops.logs import logger
from bot.ops.metrics import PROMPTS
from bot.services.access import members_with
from bot.services.accounts.catalog import OVER
from bot.services.accounts.diagnosis import ends_at, only_data_ends
from bot.services.incidents.cards import Cards
from bot.services.incidents.quiet_hours import waits_too_long
from bot.services.permissions import Permission
from bot.views import incidents as views
from bot.views import kit
from storage.accounts import Accounts
from storage.alert_settings import Alerts
from storage.audit import SYSTEM, Audit
from storage.grants import Grants
from storage.incidents import IncidentRows
from storage.memberships import Members
from storage.models import GrantStatus, Incident, IncidentKind, LateAnswer, Resolution
from storage.organizations import Organizations
from storage.posts import Posts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.operator_alerts import Operator
    from storage.incidents import Patience
    from storage.models import Account, Grant
    from storage.vault import Vault

log = logger(__name__)
CLOCKS_APART = timedelta(hours=1)
"""By how much two readings of the same end may differ."""


class Incidents:
    """Turns a verdict into a card for the people it concerns, and keeps the card true."""

    def __init__(self, catalog: PlatformCatalog, vault: Vault, operator: Operator | None = None) -> None:
        self._catalog = catalog
        self._vault = vault
        self._operator = operator
        self.cards = Cards(catalog)

    # What happens to grants

    async def grant_died(self, session: AsyncSession, grant: Grant, code: str) -> None:
        """Hold back what waits for its accounts, and ask a person of every organization that uses the grant.

        The same death is told once.
        """
        held = await Posts(session).hold(grant.id)
        for organization_id in await Grants(session, self._vault).held_by(grant.id):
            accounts = await self._accounts(session, organization_id, grant)
            if not accounts:
                continue
            incident, new = await self._opened(
                session, organization_id, grant, accounts, IncidentKind.NEEDS_RECONNECT
            )
            if not new and incident.kind == IncidentKind.NEEDS_RECONNECT and not incident.grant_still_valid:
                continue
            incident.grant_still_valid = False
            line = "" if new else f"🔴 It is over: {views.why(self._catalog.platform(grant.platform), code)}."
            incident.kind, incident.since = IncidentKind.NEEDS_RECONNECT, datetime.now(UTC)
            incident.code, incident.snoozed_until, incident.deadline = code, None, None
            await Audit(session).write(
                organization_id,
                SYSTEM,
                "sign-in ended",
                grant.id,
                code=code,
                held=held.get(organization_id, 0),
            )
            PROMPTS.labels(grant.platform).inc()
            await self.cards.say(session, incident, line)
        log.warning("grant needs a person", grant=grant.id, platform=grant.platform, code=code)

    async def accounts_lost(
        self, session: AsyncSession, grant: Grant, could: Collection[str] = frozenset()
    ) -> None:
        """Hold back what waits for the accounts that a living grant lets us act for no more, and ask a person.

        Each is told once. While the whole grant needs a person, that card speaks for all of its accounts.
        `could`: the ids of accounts that could publish until now, so that it is news of these if they can't.
        """
        held = await Posts(session).hold(grant.id, lost=True)
        for organization_id in await Grants(session, self._vault).held_by(grant.id):
            here = await self._accounts(session, organization_id, grant)
            ill = {one.id: self._ailment(one, grant) for one in here if one.lost or one.id in could}
            lost = [one for one in here if ill.get(one.id)]
            if not lost:
                continue
            incident, new = await IncidentRows(session).open(
                organization_id,
                grant=grant,
                kind=IncidentKind.NEEDS_RECONNECT,
                connected_by=lost[0].connected_by,
            )
            if not new and incident.kind == IncidentKind.NEEDS_RECONNECT and not incident.grant_still_valid:
                continue
            told = [a for a in lost if not incident.grant_still_valid or a.id not in incident.accounts]
            if not told:
                continue
            known = incident.accounts if incident.grant_still_valid else {}
            code = ill[told[0].id]
            incident.narrow_to(known | {account.id: account.name for account in lost}, code)
            many = held.get(organization_id, 0)
            for account in told:
                await Audit(session).write(
                    organization_id, SYSTEM, "access ended", account.id, code=ill[account.id], held=many
                )
            PROMPTS.labels(grant.platform).inc()
            why = views.why(self._catalog.platform(grant.platform), code)
            await self.cards.say(session, incident, "" if new else views.newly_lost(len(told), why))

    def _ailment(self, account: Account, grant: Grant) -> str:
        """Return the code for why a living grant doesn't let us publish to an account; empty: it does."""
        if (
            account.lost
            or grant.status in OVER
            or Capability.PUBLISH in self._catalog.capabilities(account, grant)
        ):
            return account.lost
        return views.ROLE_LOST if str(Capability.PUBLISH) in account.missing else views.SCOPE_LOST

    async def accounts_back(self, session: AsyncSession, grant: Grant) -> None:
        """Take back what was said of accounts that the platform lets us act for again, though nobody did anything."""
        for organization_id in await Grants(session, self._vault).held_by(grant.id):
            await self.review(session, organization_id, None, Resolution.ACCESS_BACK)

    async def grant_ends(self, session: AsyncSession, grant: Grant, left: timedelta) -> None:
        """Warn each organization on each rung of its own ladder that only a person can renew the grant.

        Between two rungs the card counts the days without a sound.
        """
        for organization_id in await Grants(session, self._vault).held_by(grant.id):
            settings = await Alerts(session).get(organization_id)
            rung = min((days for days in settings.days if left <= timedelta(days=days)), default=None)
            accounts = await self._accounts(session, organization_id, grant)
            if rung is None or not accounts:
                continue
            incident, new = await self._opened(
                session, organization_id, grant, accounts, IncidentKind.EXPIRING
            )
            if not (new or incident.reminder_day):  # it is over already
                continue
            told = not new and (incident.reminder_day or 0) <= rung
            incident.deadline = ends_at(self._catalog.platform(grant.platform), grant)
            if told and not incident.card.channel:
                continue
            incident.reminder_day = min(rung, incident.reminder_day or rung)
            platform = self._catalog.platform(grant.platform)
            incident.code = views.DATA_ACCESS if only_data_ends(platform, grant) else ""
            quietly = new or told or incident.snoozed_until is not None
            line = f"🟡 {views.in_days(views.days_until(datetime.now(UTC) + left))} left."
            await self.cards.say(session, incident, "" if quietly else line)

    async def data_access_ended(self, session: AsyncSession, grant: Grant, end: datetime) -> None:
        """Say, once, that the platform shows no more of its data, although the sign-in works on."""
        for organization_id in await Grants(session, self._vault).held_by(grant.id):
            accounts = await self._accounts(session, organization_id, grant)
            if not accounts:
                continue
            incident, new = await self._opened(
                session, organization_id, grant, accounts, IncidentKind.EXPIRING
            )
            if incident.kind != IncidentKind.EXPIRING or incident.reminder_day == 0:
                continue
            incident.reminder_day, incident.deadline, incident.snoozed_until = 0, end, None
            incident.code = views.DATA_ACCESS
            name = self._catalog.platform(grant.platform).name
            line = f"🟠 {name} shows us its data no longer since {views.moment(end)}."
            await self.cards.say(session, incident, "" if new else line)

    async def review(
        self,
        session: AsyncSession,
        organization_id: str,
        by: str | None,
        otherwise: Resolution = Resolution.ELSEWHERE,
    ) -> None:
        """Bring the organization's cards up to date after accounts were connected or disconnected.

        `by` is the membership that did it. None when another organization did, which is not named here, or
        when nobody did: `otherwise` says which.
        """
        every = await Accounts(session, self._vault).all(organization_id)
        owners = {account.id: grant for account, grant in every if grant is not None}
        ill = {account.id: self._ailment(account, owner) for account, owner in every if owner is not None}
        for incident in await IncidentRows(session).all_open(organization_id):
            freed = await self._freed(session, incident, every)
            here = {
                key: name
                for key, name in incident.accounts.items()
                if key in owners and owners[key].id == incident.grant_id
                if ill[key] or not incident.grant_still_valid
            }
            left = {key: name for key, name in here.items() if ill[key]}
            grant = owners[next(iter(here))] if here else None
            if grant is None:
                moved = any(key in owners for key in incident.accounts)
                how = Resolution.RECONNECTED if moved else Resolution.DISCONNECTED
                if moved and by is None and incident.grant_still_valid:
                    how = otherwise
                await self.resolve(session, incident, how, by)
            elif grant.status == GrantStatus.HEALTHY and self._renewed(incident, grant):
                how = Resolution.RECONNECTED if by else otherwise
                if left:
                    await self._still(session, incident, left, ill[next(iter(left))])
                else:
                    await self.resolve(session, incident, how, by)
            elif by and incident.grant_still_valid and incident.code not in {ill[key] for key in left}:
                await self._still(session, incident, left, ill[next(iter(left))])
            elif freed or here != incident.accounts:
                incident.accounts = here
                await self.cards.say(session, incident)

    async def _still(
        self, session: AsyncSession, incident: Incident, left: dict[str, str], code: str
    ) -> None:
        """Let an incident go on about what a reconnect didn't bring back."""
        incident.narrow_to(left, code)
        why = views.why(self._catalog.platform(incident.platform), code)
        await self.cards.say(session, incident, views.still_lost(len(left), why))

    async def _freed(
        self, session: AsyncSession, incident: Incident, every: Sequence[tuple[Account, Grant | None]]
    ) -> bool:
        """Release what was held for those of its accounts that are well again; False if there was nothing."""
        well = {
            account.id: account.name
            for account, grant in every
            if grant is not None
            and grant.status == GrantStatus.HEALTHY
            and not self._ailment(account, grant)
            and (account.id in incident.accounts or grant.id == incident.grant_id)
        }
        freed = await Posts(session).release(incident.organization_id, well)
        incident.released += freed.scheduled
        if freed.late:
            incident.renewed = incident.renewed | well
            incident.late_posts = freed.late + (incident.late_posts if incident.awaits_late_answer else 0)
            incident.late_answer = ""
        return bool(freed.scheduled or freed.late)

    def _renewed(self, incident: Incident, grant: Grant) -> bool:
        """Tell whether a person has done what the incident asked for; what renews itself meanwhile doesn't count."""
        if incident.grant_still_valid:
            return False  # only its accounts say when they are well
        if incident.kind == IncidentKind.NEEDS_RECONNECT:
            return grant.generation > incident.generation
        end = ends_at(self._catalog.platform(grant.platform), grant)
        return end is None or incident.deadline is None or end > incident.deadline + CLOCKS_APART

    async def taken_back(self, session: AsyncSession, grant: Grant) -> None:
        """Resolve the warnings about a grant whose end has moved although nobody did anything here."""
        for organization_id in await Grants(session, self._vault).held_by(grant.id):
            incident = await IncidentRows(session).of_grant(organization_id, grant.id)
            if incident is not None and incident.kind == IncidentKind.EXPIRING:
                await self.review(session, organization_id, None, Resolution.RENEWED)

    async def reviewed_everywhere(
        self, session: AsyncSession, grant_id: str, organization_id: str, by: str
    ) -> None:
        """Do the same for every organization that shares a grant which one of them has just renewed."""
        await self.review(session, organization_id, by)
        for other in await Grants(session, self._vault).held_by(grant_id):
            if other != organization_id:
                await self.review(session, other, None)

    async def resolve(
        self, session: AsyncSession, incident: Incident, how: Resolution, by: str | None
    ) -> None:
        """Close an incident; its card says how, and keeps no buttons."""
        incident.resolved_at, incident.resolved_by, incident.resolution = datetime.now(UTC), by, how
        doer = by or SYSTEM
        await Audit(session).write(
            incident.organization_id,
            doer,
            "incident resolved",
            incident.id,
            how=str(how),
            released=incident.released,
            late=incident.late_posts,
        )
        card = await self.cards.draw(session, incident)
        await self.cards.say(session, incident, views.done(card))
        await self.cards.correct(session, incident)
        for key, member_id in incident.card.requests_sent.items():
            person = await self.cards.member(session, incident, member_id)
            await self.cards.amend(
                session, incident, key, views.pleaded(card) if person else views.moved_on()
            )

    # What people do about it

    async def claim(self, session: AsyncSession, incident: Incident, membership_id: str) -> bool:
        """Let a member take the incident; False when somebody else has it already."""
        if incident.claimed_by is not None:
            return incident.claimed_by == membership_id
        incident.claimed_by, incident.claimed_at = membership_id, datetime.now(UTC)
        incident.snoozed_until = None
        await self._acted(session, incident, membership_id, "claimed", "🙋 {} is on it.")
        return True

    async def unclaim(self, session: AsyncSession, incident: Incident, membership_id: str) -> None:
        """Give the incident back to everybody."""
        incident.claimed_by = incident.claimed_at = None
        await self._acted(session, incident, membership_id, "returned", "↩️ {} gave it back.")

    async def snooze(
        self, session: AsyncSession, incident: Incident, membership_id: str, until: datetime
    ) -> None:
        """Be silent about it until then."""
        incident.snoozed_until, incident.claimed_by, incident.claimed_at = until, None, None
        line = f"💤 {{}} snoozed it until {views.moment(until)}."
        await self._acted(session, incident, membership_id, "snoozed", line)

    async def late(
        self, session: AsyncSession, seen: Incident, answer: LateAnswer, membership_id: str
    ) -> bool:
        """Do as a member says about the late posts a card asks about; False if there are none any more.

        `seen` was read without a lock: posts are changed before cards, by everybody.
        """
        posts, organization_id = Posts(session), seen.organization_id
        settle = posts.publish_late if answer is LateAnswer.RELEASED else posts.discard_late
        settled = await settle(organization_id, seen.renewed)
        incident = await IncidentRows(session).get(organization_id, seen.id)
        if not settled or incident is None:
            return False
        incident.late_answer, incident.late_posts, incident.late_by = answer, settled, membership_id
        await Audit(session).write(
            organization_id, membership_id, f"late posts {answer}", incident.id, posts=settled
        )
        await self.cards.say(session, incident, views.answered(await self.cards.draw(session, incident)))
        return True

    async def _acted(
        self, session: AsyncSession, incident: Incident, membership_id: str, did: str, line: str
    ) -> None:
        await Audit(session).write(incident.organization_id, membership_id, f"incident {did}", incident.id)
        person = await self.cards.member(session, incident, membership_id)
        await self.cards.say(session, incident, line.replace("{}", kit.mention(person)))

    # What the clock does about it

    async def tick(self, session: AsyncSession, incident: Incident, patience: Patience) -> None:
        """Do what has become due for one incident; a second time it does nothing."""
        moment = datetime.now(UTC)
        if await Organizations(session).get(incident.organization_id) is None:
            if incident.open:
                await self.resolve(session, incident, Resolution.DELETED, None)
            incident.card.quiet_until = None
        elif incident.card.quiet_until is not None and incident.card.quiet_until <= moment:
            incident.card.quiet_until = None
            await self.cards.say(session, incident)
        elif not incident.open:
            return
        elif incident.snoozed_until is not None:
            if incident.snoozed_until <= moment:
                incident.snoozed_until = None
                line = "⏰ The snooze is over; it still needs somebody."
                await self.cards.say(session, incident, "" if _ended_meanwhile(incident, moment) else line)
        elif incident.claimed_by is not None:
            await self._lapse(session, incident, moment - patience.claimed)
        elif incident.escalated_at is None and waits_too_long(incident, moment, patience):
            await self._escalate(session, incident, moment)

    async def _lapse(self, session: AsyncSession, incident: Incident, before: datetime) -> None:
        """Give an incident back to everybody that was claimed before then, or by somebody who has left."""
        claimer = await self.cards.member(session, incident, incident.claimed_by)
        if claimer is None:
            line = "↩️ Whoever was on it has left; it needs somebody again."
        elif incident.claimed_at is not None and incident.claimed_at <= before:
            line = f"↩️ {kit.mention(claimer)} took it a day ago, and it still needs somebody. Anybody can take it now."
        else:
            return
        incident.claimed_by = incident.claimed_at = None
        await Audit(session).write(incident.organization_id, SYSTEM, "incident claim lapsed", incident.id)
        await self.cards.say(session, incident, line)

    async def _escalate(self, session: AsyncSession, incident: Incident, moment: datetime) -> None:
        """Ask the owners, or where there is none the admins; in quiet hours, when they are over."""
        quiet = await self.cards.quiet(session, incident, moment)
        if quiet is not None:
            incident.card.quiet_until = quiet
            return
        incident.escalated_at = moment
        members = Members(session)
        owners = await members.owners(incident.organization_id) or await members_with(
            session, incident.organization_id, Permission.HANDLE_INCIDENTS
        )
        await Audit(session).write(incident.organization_id, SYSTEM, "incident escalated", incident.id)
        await self.cards.say(session, incident, views.owners_asked(owners) if owners else "")
        for owner in owners:  # also where the card is in a channel: they may not be in it
            if owner.id != incident.card.holder:
                await self.cards.ask(session, incident, owner, views.NOBODY, f"owners:{incident.id}")

    async def _opened(
        self,
        session: AsyncSession,
        organization_id: str,
        grant: Grant,
        accounts: Sequence[Account],
        kind: IncidentKind,
    ) -> tuple[Incident, bool]:
        incident, new = await IncidentRows(session).open(
            organization_id, grant=grant, kind=kind, connected_by=accounts[0].connected_by
        )
        if kind in {IncidentKind.NEEDS_RECONNECT, incident.kind}:
            incident.accounts = {account.id: account.name for account in accounts}
        return incident, new

    async def _accounts(self, session: AsyncSession, organization_id: str, grant: Grant) -> list[Account]:
        if await Organizations(session).get(organization_id) is None:
            return []
        every = await Accounts(session, self._vault).all(organization_id, grant.platform)
        return [account for account, owner in every if owner is not None and owner.id == grant.id]

    async def page_operator(self, session: AsyncSession, platform: str, code: str) -> None:
        """Tell whoever runs this installation; members hear nothing of what is not theirs to mend."""
        if self._operator is not None:
            await self._operator.tell(session, platform, code)

    async def still_troubled(self, platform: str, code: str) -> None:
        """Note that what the operator was told of goes on; what they were not told of stays unsaid."""
        if self._operator is not None:
            await self._operator.still(platform, code)


def _ended_meanwhile(incident: Incident, moment: datetime) -> bool:
    """Tell whether the ladder is about to say that it is over, or that nothing is shown any more."""
    return bool(incident.reminder_day) and incident.deadline is not None and incident.deadline <= moment
