"""Connecting an account: from a member's wish to a link only they can use, and back from the platform.

The web callback and the Slack stories both call this module; neither knows the other. What has to be said
afterwards is put into the outbox in the transaction that made it true.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters import oauth
from adapters.base import Client, Discovery, Platform, PlatformError, Rejected, Tokens
from bot.ops.logs import logger
from bot.services.accounts import refusals
from bot.services.accounts.consents import Consent, ConsentAnswer
from bot.services.accounts.links import Invitation
from bot.services.accounts.sign_in_as import SignInAs, sign_in_as
from bot.services.acting import acting
from bot.services.errors import (
    Limit,
    LimitReachedError,
    NotAllowedError,
    NotFoundError,
    NotMemberError,
    Thing,
)
from bot.services.notifications import (
    ConsentFailed,
    ConsentProblem,
    ConsentSettled,
    ConsentWaiting,
    Failure,
)
from bot.services.outbox import enqueue_dm_by_id
from bot.services.permissions import Permission, allows
from storage.attempts import Attempts
from storage.grants import Grants, NewGrant
from storage.memberships import Members
from storage.models import ConnectionAttempt, Grant, GrantStatus, Membership, Ticket, new_secret
from storage.organizations import Organizations
from storage.tickets import NewTicket, Tickets, TooManyTickets, open_ticket

if TYPE_CHECKING:
    from adapters.base import Adapter
    from bot.services.access import Actor, ActorRef
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.accounts.consents import Consents
    from bot.services.accounts.disconnecting import Disconnecting
    from bot.services.incidents.operator_alerts import OperatorPager
    from bot.services.tokens.fresh import FreshTokens
    from storage.attempts import Redeemed
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)
Outcome = ConsentSettled | ConsentWaiting | ConsentFailed
"""What came of a consent. The member is told the same in Slack."""
Discover = Callable[[], Awaitable[tuple[Discovery, Tokens]]]


@dataclass(frozen=True, kw_only=True)
class Connecting:
    """The use case. Built once, in `bot.app`."""

    public_url: str
    catalog: PlatformCatalog
    consents: Consents
    disconnecting: Disconnecting
    operator: OperatorPager
    tokens: FreshTokens
    adapters: Mapping[str, Adapter]
    database: Database
    vault: Vault

    # To the platform

    async def open_link(
        self,
        actor: Actor,
        platform: Platform,
        client: Client,
        *,
        request: str,
        reconnects: str | None = None,
    ) -> str:
        """Return a one-time link for the actor; `request` names the request it answers.

        Raises:
            LimitReachedError: The actor asked for 30 links within a minute.
            AskedBefore: The same request got its link already.

        """
        new = NewTicket(
            organization_id=actor.organization_id,
            membership_id=actor.membership_id,
            team_id=actor.sender.team_id,
            channel_id=actor.sender.channel_id,
            platform=platform.key,
            app=client.app.key,
            reconnects=reconnects,
        )
        try:
            ticket = await open_ticket(self.database.autocommit, new, request=request)
        except TooManyTickets:
            raise LimitReachedError(Limit.CONNECT_LINKS) from None
        return f"{self.public_url}/connect/{ticket}"

    async def read_link(self, secret: str, browser: str | None = None) -> Invitation | None:
        """Return what a link is for; None: it was used, is too old or never was one. Changes nothing.

        In the `browser` that used it, it works for as long as the trip that began with it.

        Raises:
            NotMemberError: The member it was made for has left.
            NotAllowedError: They may connect nothing any more.

        """
        async with self.database.system(write=False) as session:
            asked: Ticket | ConnectionAttempt | None = await Tickets(session).peek(secret)
            if asked is None and browser is not None:
                asked = await Attempts(session, self.vault).under_way(secret, browser)
        if asked is None:
            return None
        member, organization = await self.member_behind(asked)
        return Invitation(
            asked=asked,
            member=member,
            organization=organization,
            platform=self.catalog.platform(asked.platform),
            sign_in_as=await self._expected(asked),
        )

    async def begin(self, invitation: Invitation, secret: str, browser: str) -> str | None:
        """Use up the link and return the platform's consent screen; None: it was used meanwhile.

        The browser that used it gets the same address again.

        Raises:
            Misconfigured: Our credentials for the app were taken out.
            NotMemberError: The member it was made for has left.
            NotAllowedError: They may connect nothing any more.

        """
        asked = invitation.asked
        client = self.catalog.client(asked.platform, asked.app)
        async with acting(self.database, asked, Permission.CONNECT_ACCOUNTS, system=True) as session:
            attempts = Attempts(session, self.vault)
            ticket = await Tickets(session).redeem(secret)
            if ticket is not None:
                verifier = new_secret()
                state = await attempts.open(ticket=ticket, browser=browser, verifier=verifier)
            else:
                begun = await attempts.under_way(secret, browser)
                if begun is None:
                    return None
                state, verifier = (one.reveal() for one in attempts.secrets(begun))
        return oauth.authorize_url(invitation.platform, client, state=state, verifier=verifier)

    async def member_behind(self, row: ActorRef) -> tuple[Membership, str]:
        """Return the member who asked, and the organization's name, as of now.

        Raises:
            NotMemberError: They have left.
            NotAllowedError: They may connect nothing any more.

        """
        async with self.database.organization(row.organization_id, write=False) as session:
            member = await Members(session).get(row.organization_id, row.membership_id)
            organization = await Organizations(session).get(row.organization_id)
        if member is None or organization is None:
            raise NotMemberError
        if not allows(member.role, Permission.CONNECT_ACCOUNTS):
            raise NotAllowedError(Permission.CONNECT_ACCOUNTS, organization.name, row.organization_id)
        return member, organization.name

    async def _expected(self, row: Ticket | ConnectionAttempt | Consent) -> SignInAs | None:
        """Return whom to sign in as, where something is to be reconnected."""
        if row.reconnects is None:
            return None
        async with self.database.organization(row.organization_id, write=False) as session:
            return await sign_in_as(session, self.vault, row.organization_id, row.reconnects)

    # And back

    async def finish(self, redeemed: Redeemed, code: str) -> Outcome:
        """Exchange `code` and turn the consent into accounts.

        The grant is sealed and committed before the platform is asked anything else, so a crash or an
        outage after the exchange loses nothing: `resume` picks it up. Where the platform then refuses to
        say what the consent is for, asking again would not help: the grant is dropped. So is that of a
        member who may connect nothing any more.

        Raises:
            NotMemberError: The member has left.
            NotAllowedError: They may connect nothing any more.

        """
        consent = Consent.from_attempt(redeemed.attempt)
        await self.member_behind(consent)
        try:
            return await self._exchange(consent, redeemed, code)
        except PlatformError as error:
            log.warning(
                "consent.not_finished",
                platform=consent.platform,
                verdict=type(error).__name__,
                code=error.code,
            )
            key, failure = _over(redeemed.attempt), Failure.of(error)
            return await self._failed(consent, key, ConsentProblem.NOT_ACCEPTED, failure=failure)

    async def _exchange(
        self, consent: Consent, redeemed: Redeemed, code: str
    ) -> ConsentSettled | ConsentWaiting:
        client = self.catalog.client(consent.platform, consent.app)
        adapter = self.adapters[consent.platform]
        tokens = await adapter.exchange(client, code=code, verifier=redeemed.verifier.reveal())
        grant = await self._keep_grant(consent, tokens)

        async def discover() -> tuple[Discovery, Tokens]:
            return await self.tokens.counted(consent.app, adapter.discover(client, tokens)), tokens

        try:
            return await self._settle(consent, grant, client, discover)
        except (NotMemberError, NotAllowedError) as refusal:
            await self._drop(consent, grant, refusal.code)
            raise

    async def refuse(self, attempt: ConnectionAttempt, error: str) -> ConsentFailed:
        """Note the `error` that a platform sent instead of a code. Nothing was exchanged."""
        platform = self.catalog.platform(attempt.platform)
        problem, code = refusals.problem_of(platform, error), refusals.printable(error)
        log.info("consent.refused", platform=platform.key, code=code or "unprintable")
        return await self._failed(Consent.from_attempt(attempt), _over(attempt), problem, code=code)

    async def missed(self, attempt: ConnectionAttempt, problem: ConsentProblem) -> None:
        """Tell the member that a trip of theirs came back and could not be finished, once for each `problem`.

        Raises:
            NotMemberError: They have left.
            NotAllowedError: They may connect nothing any more.

        """
        await self.member_behind(attempt)
        log.info("consent.missed", platform=attempt.platform, problem=problem)
        await self._failed(Consent.from_attempt(attempt), f"{_over(attempt)}:{problem}", problem)

    async def pending(self, actor: Actor, grant_id: str) -> Grant:
        """Return a grant whose platform has not said yet what it covers.

        Raises:
            NotFoundError: There is none, or it is settled.

        """
        async with self.database.organization(actor.organization_id, write=False) as session:
            grant = await Grants(session, self.vault).get(actor.organization_id, grant_id)
        if grant is None or grant.status != GrantStatus.PENDING:
            raise NotFoundError(Thing.GRANT)
        return grant

    async def resume(self, actor: Actor, grant_id: str) -> Outcome | None:
        """Ask the platform again what a stored consent covers.

        None when the actor may connect nothing any more; the grant stays for the next admin. An access token
        that expired meanwhile is refreshed first, once however many ask.

        Raises:
            NotFoundError: The grant was settled meanwhile.

        """
        grant = await self.pending(actor, grant_id)
        adapter, consent = self.adapters[grant.platform], Consent.from_grant(grant, actor)

        async def ask(client: Client, tokens: Tokens) -> tuple[Discovery, Tokens]:
            # No stored scopes: the token answer named none, so the discovery has to.
            tokens = replace(tokens, scopes=tokens.scopes or None)
            return await adapter.discover(client, tokens), tokens

        async def discover() -> tuple[Discovery, Tokens]:
            return await self.tokens.use(grant_id, ask)

        client = self.catalog.client(grant.platform, grant.app)
        try:
            await self.member_behind(consent)
            return await self._settle(consent, grant, client, discover)
        except Rejected as refusal:
            key, failure = _waiting(grant), Failure.of(refusal)
            return await self._failed(consent, key, ConsentProblem.NOT_ACCEPTED, failure=failure)
        except (NotMemberError, NotAllowedError) as refusal:
            log.info("consent.not_resumed", grant=grant.id, code=refusal.code)
            return None

    async def _keep_grant(self, consent: Consent, tokens: Tokens) -> Grant:
        new = NewGrant(
            connected_by=consent.membership_id,
            platform=consent.platform,
            app=consent.app,
            access=tokens.access_token,
            refresh=tokens.refresh_token,
            scopes=sorted(tokens.scopes or ()),
            access_expires_in=tokens.expires_in or self.catalog.platform(consent.platform).access_lifetime,
            refresh_expires_in=tokens.refresh_expires_in,
            data_access_expires_in=tokens.data_access_expires_in,
            reconnects=consent.reconnects,
        )
        async with acting(self.database, consent, Permission.CONNECT_ACCOUNTS, system=True) as session:
            grant = await Grants(session, self.vault).create_pending(consent.organization_id, new)
        log.info("grant.stored", grant=grant.id, platform=consent.platform)
        return grant

    async def _settle(
        self, consent: Consent, grant: Grant, client: Client, discover: Discover
    ) -> ConsentSettled | ConsentWaiting:
        try:
            discovery, tokens = await discover()
        except Rejected as refusal:
            await self._drop(consent, grant, refusal.code)
            raise
        except PlatformError as error:
            log.warning("consent.waiting", grant=grant.id, verdict=type(error).__name__, code=error.code)
            waiting = ConsentWaiting(
                organization_id=consent.organization_id,
                platform=consent.platform,
                grant_id=grant.id,
                failure=Failure.of(error),
            )
            await self._tell(consent, _waiting(grant), waiting)
            return waiting
        answer = ConsentAnswer(
            consent=consent,
            grant=grant,
            platform=self.catalog.platform(consent.platform),
            client=client,
            discovery=discovery,
            tokens=tokens,
        )
        settled = await self.consents.settle(answer)
        if not (settled.attached or settled.renewed or settled.to_choose):
            await self.disconnecting.end_if_unused(consent.organization_id, grant.id)
        return settled

    async def _drop(self, consent: Consent, grant: Grant, code: str) -> None:
        """Forget a grant that led to nothing.

        It is not revoked at the platform: whose it is may be unknown, and a live account may depend on it.
        """
        async with self.database.system() as session:
            await Grants(session, self.vault).drop_pending(consent.organization_id, grant.id)
        log.warning("grant.dropped", grant=grant.id, platform=grant.platform, code=code)

    async def _failed(
        self,
        consent: Consent,
        key: str,
        problem: ConsentProblem,
        *,
        code: str = "",
        failure: Failure | None = None,
    ) -> ConsentFailed:
        """Tell the member that a trip connected nothing, and return what is told."""
        failed = ConsentFailed(
            organization_id=consent.organization_id,
            platform=consent.platform,
            app=consent.app,
            problem=problem,
            code=code,
            failure=failure,
            reconnects=consent.reconnects or "",
            sign_in_as=await self._expected(consent),
        )
        await self._tell(consent, key, failed)
        return failed

    async def _tell(self, consent: Consent, key: str, told: ConsentWaiting | ConsentFailed) -> None:
        async with self.database.system() as session:
            await self.operator.page_for(session, self.catalog.platform(consent.platform), told)
            await enqueue_dm_by_id(session, consent.organization_id, consent.membership_id, key, told)


def _over(attempt: ConnectionAttempt) -> str:
    """Return the outbox key of the end of an attempt, which is told once."""
    return f"consent over:{attempt.state_hash.hex()}"


def _waiting(grant: Grant) -> str:
    """Return an outbox key for what is said about a pending grant, each time anew."""
    return f"waiting:{grant.id}:{new_secret()[:8]}"
