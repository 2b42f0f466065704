"""What a consent came to: the accounts it covers are connected, renewed, or kept for the member to choose."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from adapters.base import Capability, Hint, Refresh, missing_scopes
from bot.ops.logs import logger
from bot.services.accounts.facts import cannot_publish, found_account
from bot.services.accounts.problems import BlockedAccount
from bot.services.acting import acting
from bot.services.errors import NotMemberError
from bot.services.notifications import AccountsConnected, ConsentSettled
from bot.services.outbox import enqueue_dm_by_id, notify_admins
from bot.services.permissions import Permission
from bot.services.tokens.policy import DATE_MISSING, HEALTH_CHECK, next_refresh_in
from storage.account_labels import labels
from storage.accounts import Accounts
from storage.audit import Audit
from storage.discoveries import Discoveries, NewDiscovery
from storage.engine.statements import database_time
from storage.grants import Grants
from storage.models import BLOCKED, Account, ConnectionAttempt, Grant
from storage.organizations import Organizations
from storage.refreshes import Refreshes

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Client, Discovery, Platform, RemoteAccount, Tokens
    from bot.services.access import Actor
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.incidents import IncidentService
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Who consented, for which organization, and where they asked for it."""

    organization_id: str
    membership_id: str
    team_id: str
    channel_id: str
    platform: str
    app: str
    reconnects: str | None
    """The grant it was meant to renew."""

    @classmethod
    def from_attempt(cls, attempt: ConnectionAttempt) -> Self:
        """Return the consent that an attempt led to."""
        return cls(
            organization_id=attempt.organization_id,
            membership_id=attempt.membership_id,
            team_id=attempt.team_id,
            channel_id=attempt.channel_id,
            platform=attempt.platform,
            app=attempt.app,
            reconnects=attempt.reconnects,
        )

    @classmethod
    def from_grant(cls, grant: Grant, actor: Actor) -> Self:
        """Return the consent behind a pending grant, which `actor` finishes."""
        return cls(
            organization_id=actor.organization_id,
            membership_id=actor.membership_id,
            team_id=actor.sender.team_id,
            channel_id=actor.sender.channel_id,
            platform=grant.platform,
            app=grant.app,
            reconnects=grant.reconnects,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnswer:
    """A consent, and what the platform says it covers."""

    consent: Consent
    grant: Grant
    """Pending: it has tokens, and nobody knows yet whose they are."""
    platform: Platform
    client: Client
    discovery: Discovery
    tokens: Tokens

    @property
    def usable(self) -> list[RemoteAccount]:
        """The accounts that can be connected."""
        return [account for account in self.discovery.accounts if account.blocker is None]

    @property
    def blocked(self) -> list[RemoteAccount]:
        """The accounts that cannot."""
        return [account for account in self.discovery.accounts if account.blocker is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """How things stood when the platform answered."""

    organization: str
    publishing: set[str]
    """The accounts of this platform that could be published to."""
    expected: list[Account]
    """The accounts a reconnect was meant for."""
    wrong: tuple[str, str] | None
    """Who was expected and who came, on a reconnect as somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What was stored."""

    grant: Grant
    attached: list[Account]
    renewed: list[Account]
    to_choose: int
    discovery_id: str
    hints: list[Hint]


@dataclass(frozen=True, kw_only=True)
class Consents:
    """Stores what a platform said about a consent. Built once, in `bot.app`."""

    catalog: PlatformCatalog
    incidents: IncidentService
    database: Database
    vault: Vault

    async def settle(self, answer: ConsentAnswer) -> ConsentSettled:
        """Store everything the answer holds, in one transaction with what people are told about it.

        Raises:
            NotMemberError: The member has left meanwhile.
            NotAllowedError: They may connect nothing any more.

        """
        permission = Permission.CONNECT_ACCOUNTS
        async with acting(self.database, answer.consent, permission, system=True) as session:
            before = await self._look(session, answer)
            stored = await self._store(session, answer, before)
            settled = await self._report(session, answer, before, stored)
        log.info(
            "consent.settled",
            grant=stored.grant.id,
            attached=len(stored.attached),
            renewed=len(stored.renewed),
            to_choose=stored.to_choose,
            blocked=len(answer.blocked),
        )
        return settled

    async def _look(self, session: AsyncSession, answer: ConsentAnswer) -> Before:
        consent = answer.consent
        organization = await Organizations(session).get(consent.organization_id)
        if organization is None:
            raise NotMemberError
        held = await Accounts(session, self.vault).all(consent.organization_id, answer.platform.key)
        expected = [a for a, _ in held if consent.reconnects and a.grant_id == consent.reconnects]
        return Before(
            organization=organization.name,
            publishing={
                account.id
                for account, grant in held
                if Capability.PUBLISH in self.catalog.capabilities(account, grant)
            },
            expected=expected,
            wrong=await self._other_identity(Grants(session, self.vault), answer, expected),
        )

    async def _other_identity(
        self, grants: Grants, answer: ConsentAnswer, expected: list[Account]
    ) -> tuple[str, str] | None:
        """Return who was expected and who came, if a reconnect renews none of what it was meant for.

        Where nobody can be named (a Google account without a channel) it is nobody else's account either.
        Somebody else who administers the same Pages is welcome to renew them.
        """
        consent, identity = answer.consent, answer.discovery.identity
        if consent.reconnects is None or not identity.id:
            return None
        old = await grants.get(consent.organization_id, consent.reconnects)
        if old is None or old.external_id == identity.id:
            return None
        if {account.id for account in answer.usable} & {account.remote_id for account in expected}:
            return None
        return old.external_name, identity.name

    async def _store(self, session: AsyncSession, answer: ConsentAnswer, before: Before) -> Stored:
        """Make the grant live, and connect, renew or keep the accounts it covers.

        A reconnect connects nothing new by itself, also where what it was meant for is gone by now.
        """
        organization_id, accounts = answer.consent.organization_id, Accounts(session, self.vault)
        grant = await self._activate(session, answer)
        here = await accounts.remote_ids(organization_id, answer.platform.key)
        known = [account for account in answer.usable if account.id in here]
        fresh = [account for account in answer.usable if account.id not in here]
        new = answer.consent.reconnects is None
        at_once = fresh if new and len(fresh) == 1 and not known else []

        async def attach(chosen: list[RemoteAccount]) -> list[Account]:
            return [
                await accounts.attach(
                    organization_id,
                    grant=grant,
                    connected_by=answer.consent.membership_id,
                    found=found_account(account),
                )
                for account in chosen
            ]

        renewed, attached = await attach([] if before.wrong else known), await attach(at_once)
        await accounts.covered(
            grant.id,
            {account.id: account.token for account in answer.usable},
            {account.id: BLOCKED for account in answer.blocked},
        )
        hints = self._hints(answer)
        to_choose = 0 if at_once else len(fresh)
        return Stored(
            grant=grant,
            attached=attached,
            renewed=renewed,
            to_choose=to_choose,
            discovery_id=await self._keep(session, answer, grant, here) if to_choose else "",
            hints=hints,
        )

    async def _activate(self, session: AsyncSession, answer: ConsentAnswer) -> Grant:
        """Note whose grant it is, and when it is due."""
        identity, platform = answer.discovery.identity, answer.platform
        grant = await Grants(session, self.vault).activate(
            answer.consent.organization_id,
            answer.grant.id,
            external_id=identity.id or answer.grant.id,
            external_name=identity.name,
            scopes=sorted(answer.discovery.scopes),
        )
        tokens = _as_of(await database_time(session), grant, answer.tokens)
        due_in = next_refresh_in(platform, tokens, jitter=random.random())  # noqa: S311 - jitter
        if platform.data_access_window is not None and grant.data_access_expires_at is None:
            due_in = min(due_in, DATE_MISSING)
        await Refreshes(session).schedule(
            grant.id,
            due_in,
            renews=tokens.refresh_token is not None or platform.refresh is not Refresh.NONE,
            look_in=HEALTH_CHECK * (0.9 + 0.2 * random.random()),  # noqa: S311 - jitter
        )
        return grant

    def _hints(self, answer: ConsentAnswer) -> list[Hint]:
        hints = answer.discovery.hints
        if len(self.catalog.resolve(answer.platform.key).clients) > 1:
            hints -= {Hint.PAGES_NEED_PAGE_APP}  # the app for that is offered beside this one
        return sorted(hints)

    async def _keep(self, session: AsyncSession, answer: ConsentAnswer, grant: Grant, here: set[str]) -> str:
        """Keep the accounts for the member to choose from, and return the id of the choice."""
        consent = answer.consent
        kept = await Discoveries(session, self.vault).keep(
            consent.organization_id,
            NewDiscovery(
                membership_id=consent.membership_id,
                grant_id=grant.id,
                team_id=consent.team_id,
                channel_id=consent.channel_id,
                hints=self._hints(answer),
                message_key=f"{_key(answer)}:{consent.membership_id}",
            ),
            [found_account(one, already_here=one.id in here) for one in answer.discovery.accounts],
        )
        return kept.id

    async def _report(
        self, session: AsyncSession, answer: ConsentAnswer, before: Before, stored: Stored
    ) -> ConsentSettled:
        """Write the audit lines, look at the incidents again, and tell the member and the other admins."""
        consent, grant = answer.consent, stored.grant
        organization_id, membership_id = consent.organization_id, consent.membership_id
        shared = await Grants(session, self.vault).shared(organization_id, grant.id)
        settled = replace(
            _settled(answer, before, stored, shared=shared),
            cannot_publish=cannot_publish(self.catalog, [*stored.attached, *stored.renewed], grant),
        )
        audit = Audit(session)
        for account in stored.attached:
            await audit.write(organization_id, membership_id, "account connected", account.id)
        for account in stored.renewed:
            await audit.write(organization_id, membership_id, "account reconnected", account.id)
        await self.incidents.reviews.review_everywhere(session, grant.id, organization_id, membership_id)
        await self.incidents.accounts_lost(session, grant, before.publishing)
        await enqueue_dm_by_id(session, organization_id, membership_id, _key(answer), settled)
        if stored.attached:
            news = AccountsConnected(
                organization=before.organization,
                platform=grant.platform,
                accounts=settled.attached,
                cannot_publish=cannot_publish(self.catalog, stored.attached, grant),
            )
            await notify_admins(session, consent, f"attached:{answer.grant.id}", news)
        return settled


def _key(answer: ConsentAnswer) -> str:
    """Return the key of what the member is told, without the member's id (`outbox.enqueue_dm`)."""
    return f"consent:{answer.grant.id}"


def _settled(answer: ConsentAnswer, before: Before, stored: Stored, *, shared: bool) -> ConsentSettled:
    renewed = {account.id for account in stored.renewed}
    called = labels([*stored.attached, *stored.renewed])
    return ConsentSettled(
        organization_id=answer.consent.organization_id,
        organization=before.organization,
        platform=answer.platform.key,
        app=answer.client.app.key,
        attached=tuple(called[account.id] for account in stored.attached),
        renewed=tuple(called[account.id] for account in stored.renewed),
        grant_id=stored.grant.id,
        to_choose=stored.to_choose,
        discovery_id=stored.discovery_id,
        blocked=tuple(
            BlockedAccount(name=account.name, reason=str(account.blocker)) for account in answer.blocked
        ),
        hints=tuple(stored.hints),
        missing=tuple(scope.name for scope in missing_scopes(answer.client.app, answer.discovery.scopes)),
        shared=shared,
        wrong=before.wrong,
        reconnects=answer.consent.reconnects or "",
        left_out=tuple(a.name for a in before.expected if not before.wrong and a.id not in renewed),
    )


def _as_of(clock: datetime, grant: Grant, tokens: Tokens) -> Tokens:
    """Return the tokens with the lifetimes they have left: a consent may have waited to be finished."""

    def left(end: datetime | None) -> timedelta | None:
        return None if end is None else end - clock

    return replace(
        tokens,
        expires_in=left(grant.access_expires_at),
        refresh_expires_in=left(grant.refresh_expires_at),
    )
