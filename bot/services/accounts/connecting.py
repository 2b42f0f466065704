"""From a person's consent to the organization's account: the use cases behind connecting.

The web callback and the Slack stories both call this module; neither knows the other. Nothing here
speaks to Slack: what has to be said afterwards is put into the outbox in the transaction that made it true.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters import oauth
from adapters.base import (
    Adapter,
    Capability,
    Client,
    Discovery,
    Hint,
    Platform,
    PlatformError,
    Refresh,
    Rejected,
    RemoteAccount,
    Tokens,
    missing_scopes,
)
from bot.ops.logs import logger
from bot.services.access import Actor
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.accounts.disconnecting import Disconnections
from bot.services.acting import acting
from bot.services.errors import (
    Limit,
    LimitReachedError,
    NotAllowedError,
    NotFoundError,
    NotMemberError,
    Thing,
)
from bot.services.incidents.incidents import IncidentService
from bot.services.notifications import (
    AccountsConnected,
    BlockedAccount,
    ConsentFailed,
    ConsentProblem,
    ConsentSettled,
    ConsentWaiting,
    Failure,
    Notification,
)
from bot.services.outbox import enqueue_dm_by_id, notify_admins
from bot.services.permissions import Permission, allows
from bot.services.tokens.policy import next_refresh_in
from storage.accounts import Accounts, NewAccount
from storage.attempts import Attempts, Redeemed
from storage.audit import Audit
from storage.discoveries import Discoveries, Found
from storage.engine.db import Database
from storage.grants import Grants
from storage.memberships import Members
from storage.models import (
    BLOCKED,
    Account,
    ConnectionAttempt,
    Grant,
    GrantStatus,
    Membership,
    Ticket,
    new_secret,
)
from storage.organizations import Organizations
from storage.refreshes import Refreshes
from storage.tickets import TooManyTickets, open_ticket
from storage.vault import Vault

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bot.services.tokens.fresh import FreshTokens

log = logger(__name__)
ALREADY_HERE = "already_here"
"""Why an account cannot be chosen, beside the platforms' `Blocker`s: this organization has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The consent is stored, but the platform did not answer when asked what it covers."""

    platform: Platform
    grant_id: str
    error: PlatformError


class Connections:
    """The use cases. Built once, in `bot.app`."""

    def __init__(
        self,
        *,
        public_url: str,
        catalog: PlatformCatalog,
        disconnections: Disconnections,
        tokens: FreshTokens,
        incidents: IncidentService,
        adapters: Mapping[str, Adapter],
        database: Database,
        vault: Vault,
    ) -> None:
        self.catalog = catalog
        self._public_url = public_url
        self._disconnections = disconnections
        self._tokens = tokens
        self._incidents = incidents
        self._adapters = adapters
        self._database = database
        self._vault = vault

    # There

    async def open_ticket(
        self,
        actor: Actor,
        client: Client,
        platform: Platform,
        *,
        request: str,
        reconnects: str | None = None,
    ) -> str:
        """Return a one-time link for the actor, one for each request, which is named by its key.

        Raises LimitReachedError above 5 open links or 10 a minute, and AskedBefore if the request had its link.
        """
        try:
            ticket = await open_ticket(
                self._database.autocommit,
                organization_id=actor.organization_id,
                membership_id=actor.membership_id,
                team_id=actor.sender.team_id,
                channel_id=actor.sender.channel_id,
                platform=platform.key,
                app=client.app.key,
                reconnects=reconnects,
                request=request,
            )
        except TooManyTickets:
            raise LimitReachedError(Limit.CONNECT_LINKS) from None
        return f"{self._public_url}/connect/{ticket}"

    async def consent_url(self, ticket: Ticket, browser: str) -> str:
        """Open the connection attempt of a redeemed ticket and return the platform's consent link.

        Raises NotMemberError or NotAllowedError like `standing`.
        """
        platform = self.catalog.platform(ticket.platform)
        client = self.catalog.client(ticket.platform, ticket.app)
        verifier = new_secret()
        async with acting(self._database, ticket, Permission.CONNECT_ACCOUNTS, system=True) as session:
            state = await Attempts(session, self._vault).open(
                ticket=ticket, browser=browser, verifier=verifier
            )
        return oauth.authorize_url(platform, client, state=state, verifier=verifier)

    async def standing(self, row: Ticket | ConnectionAttempt) -> tuple[Membership, str]:
        """Return the member behind a ticket or attempt and the organization's name, as of now.

        Raises NotMemberError or NotAllowedError when the person has left or lost the role since.
        """
        async with self._database.organization(row.organization_id, write=False) as session:
            member = await Members(session).get(row.organization_id, row.membership_id)
            organization = await Organizations(session).get(row.organization_id)
        if member is None or organization is None:
            raise NotMemberError
        if not allows(member.role, Permission.CONNECT_ACCOUNTS):
            raise NotAllowedError(Permission.CONNECT_ACCOUNTS, organization.name)
        return member, organization.name

    # And back

    async def finish(self, redeemed: Redeemed, code: str) -> ConsentSettled | Waiting:
        """Exchange `code` and turn the consent into accounts. Raises PlatformError from the exchange.

        The grant is sealed and committed before the platform is asked anything else, so a crash or an
        outage after the exchange loses nothing: `resume` picks it up. Where the platform then refuses
        to say what the consent is for, asking again would not help: it is dropped and Rejected raised.
        So is that of a member who may connect nothing any more: NotMemberError or NotAllowedError.
        """
        attempt = redeemed.attempt
        await self.standing(attempt)
        platform = self.catalog.platform(attempt.platform)
        client = self.catalog.client(attempt.platform, attempt.app)
        adapter = self._adapters[attempt.platform]
        tokens = await adapter.exchange(client, code=code, verifier=redeemed.verifier.reveal())
        async with acting(self._database, attempt, Permission.CONNECT_ACCOUNTS, system=True) as session:
            grant = await Grants(session, self._vault).create_pending(
                attempt.organization_id,
                attempt.membership_id,
                platform=attempt.platform,
                app=attempt.app,
                access=tokens.access_token,
                refresh=tokens.refresh_token,
                scopes=sorted(tokens.scopes or ()),
                access_expires_in=tokens.expires_in or platform.access_lifetime,
                refresh_expires_in=tokens.refresh_expires_in,
                reconnects=attempt.reconnects,
            )
        log.info("grant stored", grant=grant.id, platform=attempt.platform)

        async def look() -> tuple[Discovery, Tokens]:
            return await adapter.discover(client, tokens), tokens

        try:
            return await self._settle(attempt, grant, client, look)
        except (NotMemberError, NotAllowedError) as refusal:
            await self._drop(attempt, grant, type(refusal).__name__)
            raise

    async def resume(self, actor: Actor, grant_id: str) -> ConsentSettled | Waiting | None:
        """Ask the platform again what a stored consent covers; None when it refused to say and that was told.

        None also when the actor may connect nothing any more; the consent stays for whoever asks next.
        An access token that ran out meanwhile is renewed first, once however many ask. Raises NotFoundError when
        the consent was settled meanwhile.
        """
        async with self._database.organization(actor.organization_id, write=False) as session:
            grant = await Grants(session, self._vault).get(actor.organization_id, grant_id)
        if grant is None or grant.status != GrantStatus.PENDING:
            raise NotFoundError(Thing.GRANT)
        adapter = self._adapters[grant.platform]

        async def ask(client: Client, tokens: Tokens) -> tuple[Discovery, Tokens]:
            # No stored scopes: the token answer named none, so that the discovery has to.
            tokens = replace(tokens, scopes=tokens.scopes or None)
            return await adapter.discover(client, tokens), tokens

        async def look() -> tuple[Discovery, Tokens]:
            return await self._tokens.use(grant_id, ask)

        attempt = ConnectionAttempt(
            state_hash=b"",
            browser_hash=b"",
            verifier_sealed=b"",
            organization_id=actor.organization_id,
            membership_id=actor.membership_id,
            team_id=actor.sender.team_id,
            channel_id=actor.sender.channel_id,
            platform=grant.platform,
            app=grant.app,
            reconnects=grant.reconnects,
            expires_at=grant.created_at,
        )
        client = self.catalog.client(grant.platform, grant.app)
        try:
            await self.standing(attempt)
            return await self._settle(attempt, grant, client, look)
        except Rejected as refusal:
            failed = ConsentFailed(
                organization_id=attempt.organization_id,
                platform=grant.platform,
                app=client.app.key,
                problem=ConsentProblem.NOT_ACCEPTED,
                failure=Failure.of(refusal),
            )
            await self._tell(attempt, grant, failed)
            return None
        except (NotMemberError, NotAllowedError) as refusal:
            log.info("sign-in not resumed", grant=grant.id, code=type(refusal).__name__)
            return None

    async def _settle(
        self,
        attempt: ConnectionAttempt,
        grant: Grant,
        client: Client,
        look: Callable[[], Awaitable[tuple[Discovery, Tokens]]],
    ) -> ConsentSettled | Waiting:
        platform = self.catalog.platform(attempt.platform)
        try:
            discovery, tokens = await look()
        except Rejected as refusal:
            await self._drop(attempt, grant, refusal.code)
            raise
        except PlatformError as error:
            log.warning("discovery failed", grant=grant.id, verdict=type(error).__name__, code=error.code)
            waiting = Waiting(platform=platform, grant_id=grant.id, error=error)
            told = ConsentWaiting(
                organization_id=attempt.organization_id,
                platform=platform.key,
                grant_id=grant.id,
                failure=Failure.of(error),
            )
            await self._tell(attempt, grant, told)
            return waiting
        outcome = await self._keep(attempt, grant, client, platform=platform, found=discovery, tokens=tokens)
        if not (outcome.attached or outcome.renewed or outcome.to_choose):
            await self._disconnections.end_if_unused(attempt.organization_id, grant.id)
        return outcome

    async def _drop(self, attempt: ConnectionAttempt, grant: Grant, code: str) -> None:
        """Forget a consent that led to nothing.

        Not revoked there: whose consent it is may be unknown, and it may hold up a living account.
        """
        async with self._database.system() as session:
            await Grants(session, self._vault).drop_pending(attempt.organization_id, grant.id)
        log.warning("grant dropped", grant=grant.id, platform=grant.platform, code=code)

    async def _keep(
        self,
        attempt: ConnectionAttempt,
        pending: Grant,
        client: Client,
        *,
        platform: Platform,
        found: Discovery,
        tokens: Tokens,
    ) -> ConsentSettled:
        """Store everything a discovery found, in one transaction with the words about it."""
        organization_id = attempt.organization_id
        usable = [account for account in found.accounts if account.blocker is None]
        async with acting(self._database, attempt, Permission.CONNECT_ACCOUNTS, system=True) as session:
            grants, accounts = Grants(session, self._vault), Accounts(session, self._vault)
            organization = await Organizations(session).get(organization_id)
            if organization is None:
                raise NotMemberError
            before = await accounts.all(organization_id, platform.key)
            could = {a.id for a, held in before if Capability.PUBLISH in self.catalog.capabilities(a, held)}
            expected = [a for a, _ in before if attempt.reconnects and a.grant_id == attempt.reconnects]
            wrong = await self._other_identity(grants, attempt, found, expected)
            grant = await grants.activate(
                organization_id,
                pending.id,
                external_id=found.identity.id or pending.id,
                external_name=found.identity.name,
                scopes=sorted(found.scopes),
            )
            refreshes = Refreshes(session, self._vault)
            tokens = _as_of(await refreshes.clock(), grant, tokens)
            await refreshes.schedule(
                grant.id,
                next_refresh_in(platform, tokens, jitter=random.random()),  # noqa: S311 - jitter
                renews=tokens.refresh_token is not None or platform.refresh is not Refresh.NONE,
            )
            here = await accounts.remote_ids(organization_id, platform.key)
            known = [account for account in usable if account.id in here]
            fresh = [account for account in usable if account.id not in here]
            at_once = fresh if len(fresh) == 1 and wrong is None and not known else []

            async def attach(chosen: list[RemoteAccount]) -> tuple[Account, ...]:
                return tuple(
                    [
                        await accounts.attach(
                            organization_id,
                            grant=grant,
                            connected_by=attempt.membership_id,
                            found=new_account(account),
                        )
                        for account in chosen
                    ]
                )

            renewed, attached = await attach([] if wrong else known), await attach(at_once)
            await accounts.covered(
                grant.id,
                {account.id: account.token for account in usable},
                {account.id: BLOCKED for account in found.accounts if account.blocker is not None},
            )
            hints = found.hints
            if len(self.catalog.resolve(platform.key).clients) > 1:
                hints -= {Hint.PAGES_NEED_PAGE_APP}  # the app for that is offered beside this one
            kept = None
            if fresh and not at_once:
                kept = await Discoveries(session, self._vault).keep(
                    organization_id,
                    membership_id=attempt.membership_id,
                    grant_id=grant.id,
                    team_id=attempt.team_id,
                    channel_id=attempt.channel_id,
                    found=[found_account(account, here) for account in found.accounts],
                    hints=sorted(hints),
                )
            outcome = ConsentSettled(
                organization_id=organization_id,
                organization=organization.name,
                platform=platform.key,
                app=client.app.key,
                attached=tuple(account.name for account in attached),
                renewed=tuple(account.name for account in renewed),
                to_choose=0 if at_once else len(fresh),
                discovery_id=kept.id if kept is not None else "",
                blocked=tuple(
                    BlockedAccount(name=account.name, reason=account.blocker)
                    for account in found.accounts
                    if account.blocker is not None
                ),
                hints=tuple(sorted(hints)),
                missing=tuple(scope.name for scope in missing_scopes(client.app, found.scopes)),
                shared=await grants.shared(organization_id, grant.id),
                wrong=wrong,
                left_out=tuple(a.name for a in expected if not wrong and a.id not in {r.id for r in renewed}),
            )
            audit = Audit(session)
            for account in attached:
                await audit.write(organization_id, attempt.membership_id, "account connected", account.id)
            for account in renewed:
                await audit.write(organization_id, attempt.membership_id, "account reconnected", account.id)
            await self._incidents.reviews.review_everywhere(
                session, grant.id, organization_id, attempt.membership_id
            )
            await self._incidents.accounts_lost(session, grant, could)
            await enqueue_dm_by_id(
                session, organization_id, attempt.membership_id, f"consent:{pending.id}", outcome
            )
            if attached:
                news = AccountsConnected(
                    organization=organization.name, platform=platform.key, accounts=outcome.attached
                )
                await notify_admins(session, attempt, f"attached:{pending.id}", news)
        log.info(
            "consent settled",
            grant=grant.id,
            attached=len(attached),
            renewed=len(renewed),
            to_choose=outcome.to_choose,
            blocked=len(outcome.blocked),
        )
        return outcome

    async def _other_identity(
        self, grants: Grants, attempt: ConnectionAttempt, found: Discovery, expected: list[Account]
    ) -> tuple[str, str] | None:
        """Return who was expected and who came, if a reconnect renews none of what it was meant for.

        Where nobody can be named (a Google account without a channel) it is nobody else's account either.
        Somebody else who administers the same Pages is welcome to renew them.
        """
        if attempt.reconnects is None or not found.identity.id:
            return None
        old = await grants.get(attempt.organization_id, attempt.reconnects)
        if old is None or old.external_id == found.identity.id:
            return None
        usable = {account.id for account in found.accounts if account.blocker is None}
        if usable & {account.remote_id for account in expected}:
            return None
        return old.external_name, found.identity.name

    async def _tell(self, attempt: ConnectionAttempt, grant: Grant, told: Notification) -> None:
        async with self._database.system() as session:
            key = f"waiting:{grant.id}:{new_secret()[:8]}"
            await enqueue_dm_by_id(session, attempt.organization_id, attempt.membership_id, key, told)

    async def choose_accounts(
        self, actor: Actor, discovery_id: str, found_ids: list[str]
    ) -> tuple[Account, ...]:
        """Attach the chosen accounts of the actor's own discovery.

        Raises NotFoundError for anyone else's or an old one.
        """
        organization_id = actor.organization_id
        async with acting(self._database, actor, Permission.CONNECT_ACCOUNTS, system=True) as session:
            discoveries, grants = Discoveries(session, self._vault), Grants(session, self._vault)
            discovery = await discoveries.get(organization_id, discovery_id, actor.membership_id)
            if discovery is None:
                raise NotFoundError(Thing.ACCOUNT_CHOICES)
            await grants.lock(discovery.grant_id)
            grant = await grants.get(organization_id, discovery.grant_id)
            if grant is None:
                raise NotFoundError(Thing.GRANT)
            chosen = await discoveries.take(organization_id, discovery_id, found_ids)
            accounts = Accounts(session, self._vault)
            attached = []
            for one in chosen:
                token = discoveries.token(one)
                values = NewAccount(
                    remote_id=one.remote_id,
                    kind=one.kind,
                    name=one.name,
                    handle=one.handle,
                    url=one.url,
                    avatar_url=one.avatar_url,
                    token=token.reveal() if token else None,
                    missing=tuple(one.missing),
                )
                account = await accounts.attach(
                    organization_id, grant=grant, connected_by=actor.membership_id, found=values
                )
                await Audit(session).write(
                    organization_id, actor.membership_id, "account connected", account.id
                )
                attached.append(account)
            if grant.status == GrantStatus.NEEDS_RECONNECT:  # it ended while the list was being looked at
                await self._incidents.grant_died(session, grant, grant.reason)
            await self._incidents.reviews.review_everywhere(
                session, grant.id, organization_id, actor.membership_id
            )
            if attached:
                news = AccountsConnected(
                    organization=actor.organization,
                    platform=grant.platform,
                    accounts=tuple(account.name for account in attached),
                )
                key = f"chosen:{discovery_id}:{len(found_ids)}:{attached[0].id}"
                await notify_admins(session, actor, key, news)
        return tuple(attached)


def _as_of(clock: datetime, grant: Grant, tokens: Tokens) -> Tokens:
    """Return the tokens with the lives they have left: a consent may have waited to be finished."""

    def left(end: datetime | None) -> timedelta | None:
        return None if end is None else end - clock

    return replace(
        tokens,
        expires_in=left(grant.access_expires_at),
        refresh_expires_in=left(grant.refresh_expires_at),
    )


def new_account(account: RemoteAccount) -> NewAccount:
    """Return a discovered account as storage takes it."""
    return NewAccount(
        remote_id=account.id,
        kind=account.kind,
        name=account.name,
        handle=account.handle,
        url=account.url,
        avatar_url=account.avatar_url,
        token=account.token,
        missing=tuple(sorted(account.missing)),
    )


def found_account(account: RemoteAccount, here: set[str]) -> Found:
    """Return a discovered account for the picker; one that is connected here already is greyed."""
    blocker: str = account.blocker or ""
    if account.id in here:
        blocker = ALREADY_HERE
    return Found(
        remote_id=account.id,
        kind=account.kind,
        name=account.name,
        handle=account.handle,
        url=account.url,
        avatar_url=account.avatar_url,
        token=account.token if not blocker else None,
        blocker=blocker,
        missing=tuple(sorted(account.missing)),
    )
